"""The button that takes a run's prompt away as an adapter of PEFT."""

import json
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError, error_from_json
from playground.page.engine import Engine
from playground.page.private import PRIVATE
from playground.page.prompt_archive import packed
from playground.page.run_controls import RunControls, run_button
from playground.page.text import explain, language_of

_HINT_JS = "(hint) => { document.getElementById('export-peft').title = hint; }"
_DOWNLOAD_JS = """(file) => {
  if (!file) return;
  const link = Object.assign(document.createElement('a'), { href: file.url });
  link.download = file.orig_name;
  link.click();
}"""


class AdapterButton:
    """Builds the button into the surrounding row; it follows the run that ``controls`` show.

    What PEFT cannot express leaves it disabled, with the reason as its hint. The adapter is made at
    the click: that needs the model, which may be large.
    """

    def __init__(self, engine: Engine, controls: RunControls) -> None:
        self.engine = engine
        self.controls = controls
        self.button = run_button("export_peft")
        self.hint = gr.Textbox(visible="hidden", elem_id="export-peft-hint")
        self.file = gr.File(visible="hidden", elem_id="export-peft-file")

    @property
    def followers(self) -> list[Any]:
        return [self.button, self.hint]

    def following(self, run_id: str, language: str) -> list[Any]:
        """An update of each of ``followers``."""
        folder = self.engine.runs.prompt_folder(run_id) if run_id else None
        refusal = _refusal(folder, language) if folder else ""
        return [gr.Button(interactive=bool(folder) and not refusal), refusal]

    def wire(self, message: gr.HTML) -> None:
        """Connects events; ``message`` says what only the model shows to be impossible."""
        self.hint.change(None, [self.hint], None, js=_HINT_JS, queue=False, **PRIVATE)
        self.button.click(
            self.export, [self.controls.run], [self.file, message], **PRIVATE
        ).success(None, [self.file], None, js=_DOWNLOAD_JS, queue=False, **PRIVATE)

    def export(self, run_id: str, request: gr.Request) -> list[Any]:
        """The adapter's files as one."""
        try:
            prompt = self.engine.prompt_folder(run_id)
            with tempfile.TemporaryDirectory() as folder:
                self.engine.inference.ask("export_peft", prompt=str(prompt), folder=folder)
                names = sorted(path.name for path in Path(folder).iterdir())
                return [packed(Path(folder), names, f"peft-{run_id}"), ""]
        except PlaygroundError as error:
            return [None, explain(error, language_of(request))]


def _refusal(prompt: Path, language: str) -> str:
    """Why PEFT cannot express the prompt; "" where it can, or where that was not yet asked."""
    told = json.loads((prompt / "prompt.json").read_text(encoding="utf-8")).get("peft_refusal")
    error = error_from_json(told) if told else None
    return explain(error, language) if isinstance(error, PlaygroundError) else ""
