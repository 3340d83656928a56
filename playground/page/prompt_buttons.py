"""What can be done with the prompt that a run has left: use it, save it; and load a saved one."""

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import ModelError, PlaygroundError
from playground.page.engine import Engine
from playground.page.private import PRIVATE
from playground.page.run_controls import RunControls, run_button
from playground.page.tabs.playground import PlaygroundTab
from playground.page.task_start import carried_by, prompt_choices
from playground.page.text import explain, language_of, shown

PROMPT_FILES = ("prompt.json", "prompt.safetensors")
_ARCHIVE_BYTES = 2_000_000_000
_CARRIED = 6  # components that a prompt changes


class PromptButtons:
    """Builds the buttons into the surrounding row; they follow the run that ``controls`` show.

    ``followers`` are the buttons that a run's state enables, the orders' among them.
    """

    def __init__(self, engine: Engine, controls: RunControls) -> None:
        self.engine = engine
        self.controls = controls
        self.use = run_button("use_prompt", prefix=controls.prefix, variant="primary")
        self.save = gr.DownloadButton(
            shown("train.save_prompt"),
            size="sm",
            min_width=90,
            interactive=False,
            elem_id=f"{controls.prefix}save-prompt",
        )
        self.load = gr.UploadButton(
            shown("train.load_prompt"),
            size="sm",
            min_width=90,
            file_types=[".zip"],
            elem_id=f"{controls.prefix}load-prompt",
        )

    @property
    def followers(self) -> list[Any]:
        return [*self.controls.buttons.values(), self.use, self.save]

    def following(self, run_id: str) -> list[Any]:
        """An update of each of ``followers``."""
        usable = bool(run_id) and self.engine.runs.prompt_folder(run_id) is not None
        return [
            *self.controls.enabled(run_id),
            gr.Button(interactive=usable),
            gr.DownloadButton(interactive=usable, value=self._packed(run_id) if usable else None),
        ]

    def wire(self, playground: PlaygroundTab, tabs: gr.Tabs, message: gr.HTML) -> None:
        """Carries prompts over to the Playground; ``message`` says what was wrong with one."""
        prompt = playground.inputs
        carried = [
            prompt.prompt,
            *(prompt.model, prompt.template, prompt.truncation, prompt.verbalizer),
            tabs,
        ]
        for event, function, source in (
            (self.use.click, self.use_prompt, self.controls.run),
            (self.load.upload, self.load_prompt, self.load),
        ):
            event(function, [source], [*carried, message], **PRIVATE).success(
                playground.answer, **playground.ask_with
            )

    def use_prompt(self, prompt_id: str, request: gr.Request) -> list[Any]:
        """Carries a trained prompt over to the Playground; of a group the best on dev."""
        language = language_of(request)
        try:
            prompt_id = self.engine.runs.best(prompt_id)
            carried = carried_by(self.engine, prompt_id)
        except PlaygroundError as error:
            return [*[gr.skip()] * _CARRIED, explain(error, language)]
        return [
            gr.Dropdown(choices=prompt_choices(self.engine, language), value=prompt_id),
            *carried,
            gr.Tabs(selected="playground"),
            "",
        ]

    def load_prompt(self, path: str, request: gr.Request) -> list[Any]:
        """Takes a saved prompt in again and opens it in the Playground."""
        try:
            with tempfile.TemporaryDirectory() as folder:
                prompt_id = self.engine.import_prompt(_unpacked(Path(path), Path(folder)))
        except PlaygroundError as error:
            return [*[gr.skip()] * _CARRIED, explain(error, language_of(request))]
        return self.use_prompt(prompt_id, request)

    def _packed(self, prompt_id: str) -> str:
        """A zip file of the prompt's two files, safetensors and JSON."""
        folder = self.engine.prompt_folder(prompt_id)
        target = Path(tempfile.mkdtemp()) / f"prompt-{prompt_id}.zip"
        with zipfile.ZipFile(target, "w") as archive:
            for name in PROMPT_FILES:
                archive.write(folder / name, name)
        return str(target)


def _unpacked(archive: Path, folder: Path) -> list[Path]:
    """The two files of a saved prompt, and nothing else that the archive may hold."""
    try:
        with zipfile.ZipFile(archive) as packed:
            files = []
            for name in PROMPT_FILES:
                if packed.getinfo(name).file_size > _ARCHIVE_BYTES:
                    raise ValueError(f"{name} is too large")
                files.append(Path(packed.extract(name, folder)))
            return files
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise ModelError(
            "This file is not a saved prompt: it needs prompt.json and prompt.safetensors.",
            code="prompt.bad_archive",
        ) from error
