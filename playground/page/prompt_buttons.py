"""What can be done with the prompt that a run has left: use it, save it; and load a saved one."""

import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.adapter_button import AdapterButton
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.page.private import PRIVATE
from playground.page.prompt_archive import ADAPTER_FILES, PROMPT_FILES, packed, unpacked
from playground.page.run_controls import RunControls, run_button
from playground.page.tabs.playground import PlaygroundTab
from playground.page.task_start import carried_by, prompt_choices
from playground.page.text import explain, language_of, shown
from playground.prompts import Template, Truncation

_CARRIED = 6  # components that a prompt changes


class PromptButtons:
    """Builds the buttons into the surrounding row; they follow the run that ``controls`` show.

    ``followers`` are the buttons that a run's state enables, the orders' among them. With
    ``adapters`` one of them makes an adapter of PEFT.
    """

    def __init__(self, engine: Engine, controls: RunControls, *, adapters: bool) -> None:
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
        self.adapter = AdapterButton(engine, controls) if adapters else None
        self.load = gr.UploadButton(
            shown("train.load_prompt"),
            size="sm",
            min_width=90,
            file_types=[".zip"],
            elem_id=f"{controls.prefix}load-prompt",
        )

    @property
    def followers(self) -> list[Any]:
        adapter = self.adapter.followers if self.adapter else []
        return [*self.controls.buttons.values(), self.use, self.save, *adapter]

    def following(self, run_id: str, language: str) -> list[Any]:
        """An update of each of ``followers``."""
        usable = bool(run_id) and self.engine.runs.prompt_folder(run_id) is not None
        return [
            *self.controls.enabled(run_id),
            gr.Button(interactive=usable),
            gr.DownloadButton(interactive=usable, value=self._packed(run_id) if usable else None),
            *(self.adapter.following(run_id, language) if self.adapter else []),
        ]

    def wire(self, playground: PlaygroundTab, tabs: gr.Tabs, message: gr.HTML) -> None:
        """Carries prompts over to the Playground; ``message`` says what was wrong with one."""
        prompt = playground.inputs
        written = [prompt.model, prompt.template, prompt.truncation, prompt.verbalizer]
        carried = [prompt.prompt, *written, tabs]
        if self.adapter:
            self.adapter.wire(message)
        for event, function, sources in (
            (self.use.click, self.use_prompt, [self.controls.run]),
            (self.load.upload, self.load_prompt, [self.load, *written]),
        ):
            event(function, sources, [*carried, message], **PRIVATE).success(
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

    def load_prompt(
        self,
        path: str,
        model: str,
        template: str | None,
        truncation: Truncation,
        verbalizer: dict[str, Any] | None,
        request: gr.Request,
    ) -> list[Any]:
        """Takes a saved prompt in again, or an adapter of PEFT, and opens it in the Playground.

        An adapter says nothing of the template and the words that it is for, and of the model only
        a name: those that the Playground shows are taken.
        """
        archive = Path(path)
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent)
            try:
                if unpacked(archive, folder) == ADAPTER_FILES:
                    self.engine.inference.ask(
                        "import_peft",
                        adapter=parent,
                        folder=parent,
                        model=model,
                        template=str(Template(template or "")),
                        truncation=truncation,
                        verbalizer=read_verbalizer(verbalizer).to_json(),
                    )
                prompt_id = self.engine.import_prompt([folder / name for name in PROMPT_FILES])
            except PlaygroundError as error:
                sentence = explain(error, language_of(request)).replace(parent, archive.name)
                return [*[gr.skip()] * _CARRIED, sentence]
        return self.use_prompt(prompt_id, request)

    def _packed(self, prompt_id: str) -> str:
        """A zip file of the prompt's two files, safetensors and JSON."""
        return packed(self.engine.prompt_folder(prompt_id), PROMPT_FILES, f"prompt-{prompt_id}")
