"""The Train tab: find a prompt by training, watch it learn, take it away."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import ModelError, PlaygroundError
from playground.methods.registry import methods
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.page.form import MethodForm, number_field
from playground.page.live_figure import run_view
from playground.page.messages import message_line
from playground.page.plan import cost, start_run
from playground.page.private import PRIVATE
from playground.page.run_controls import RunControls, run_button
from playground.page.tabs.playground import PlaygroundTab
from playground.page.task_start import carried_by, prompt_choices
from playground.page.text import explain, language_of, say, shown, texts
from playground.prompts import Template

PROMPT_FILES = ("prompt.json", "prompt.safetensors")
_ARCHIVE_BYTES = 2_000_000_000


class TrainTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it to the Playground's prompt."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.methods = methods()
        self.controls = RunControls(
            engine,
            "training",
            orders=("pause", "step", "resume", "stop"),
            remembered="run",
            prefix="",
        )
        with gr.Row(elem_id="train", elem_classes="pg-columns"):
            with gr.Column(scale=4, min_width=340):
                self._build_settings(next(iter(self.methods)))
            with gr.Column(scale=7, min_width=340):
                self._build_run()

    def _build_settings(self, name: str) -> None:
        with gr.Column(elem_classes="pg-card"):
            self.method = gr.Dropdown(
                label=shown("train.method"),
                info=shown(f"method.{name}.help"),
                choices=[(shown(f"method.{known}"), known) for known in self.methods],
                value=name,
                interactive=True,
                elem_id="method",
            )
            self.summary = gr.HTML(
                value=[],
                html_template='<dl class="pg-summary">{{#each value}}<div><dt>{{this.[0]}}</dt>'
                "<dd>{{this.[1]}}</dd></div>{{/each}}</dl>",
                apply_default_css=False,
                elem_id="train-summary",
            )
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-form"):
                self.shots = number_field("shots", 16, 1, 100_000)
                self.seed = number_field("seed", 13, 0, 2**31 - 1)
            self.form = MethodForm(self.methods)
            self.message = message_line("train-message")
            self.controls.build_buttons()

    def _build_run(self) -> None:
        with gr.Row(elem_classes=["pg-card", "pg-run-head"]):
            self.controls.build_picker("train.run")
            self.use = run_button("use_prompt", variant="primary")
            self.save = gr.DownloadButton(
                shown("train.save_prompt"), size="sm", min_width=90, elem_id="save-prompt"
            )
            self.load_files = gr.UploadButton(
                shown("train.load_prompt"),
                size="sm",
                min_width=90,
                file_types=[".zip"],
                elem_id="load-prompt",
            )
        self.view = run_view("run", self.controls.poll)

    # ---- wiring --------------------------------------------------------------------------------

    def wire(
        self, load: Callable[..., Any], playground: PlaygroundTab, tabs: gr.Tabs, tab: gr.Tab
    ) -> None:
        """Connects events; ``load`` is the Blocks' load event."""
        prompt = playground.inputs
        asked = [
            prompt.model,
            prompt.task,
            prompt.template,
            prompt.truncation,
            prompt.verbalizer,
            self.method,
            self.shots,
            self.seed,
            *self.form.components.values(),
        ]
        run = self.controls.run
        followers = [*self.controls.buttons.values(), self.use, self.save]
        self.controls.wire(self.view, self.message, self.show_run, self.tell_state, followers)
        self.method.input(
            self.show_method,
            [self.method],
            [self.method, *self.form.components.values()],
            trigger_mode="always_last",
            **PRIVATE,
        )
        load(self.open, None, [self.controls.start, run, self.view, *followers], **PRIVATE)
        self.controls.start.click(
            self.start_training,
            asked,
            [self.message, run, self.view, *followers],
            queue=False,
            **PRIVATE,
        )
        carried = [
            prompt.prompt,
            *(prompt.model, prompt.template, prompt.truncation, prompt.verbalizer),
            tabs,
        ]
        for event, function, source in (
            (self.use.click, self.use_prompt, run),
            (self.load_files.upload, self.load_prompt, self.load_files),
        ):
            event(function, [source], [*carried, self.message], **PRIVATE).success(
                playground.answer, **playground.ask_with
            )
        playground.opened.then(self.summarise, asked, [self.summary], **PRIVATE)
        # not with the template's every letter: it is looked at when the tab is opened
        gr.on(
            [tab.select, *(component.change for component in asked[5:])],
            self.summarise,
            asked,
            [self.summary],
            trigger_mode="always_last",
            **PRIVATE,
        )

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> list[Any]:
        """The runs there are, the newest shown: a reloaded page finds its run again."""
        run_id = self.controls.opened(request)
        picker = self.controls.picker(run_id, language_of(request))
        return [gr.Button(interactive=True), picker, *self.show_run(run_id, request)]

    def show_method(self, method: str, request: gr.Request) -> list[Any]:
        """Another method's line of help and settings."""
        help_line = say(f"method.{method}.help", language_of(request))
        return [gr.Dropdown(info=help_line), *self.form.fields_of(method)]

    def start_training(self, request: gr.Request, *values: Any) -> list[Any]:
        """Starts a run and shows it, or says beside the form why it cannot."""
        try:
            run_id = start_run(self.engine, **self._asked(values))
        except PlaygroundError as error:
            followers = len(self.controls.buttons) + 2
            return [explain(error, language_of(request)), *[gr.skip()] * (2 + followers)]
        picker = self.controls.picker(run_id, language_of(request))
        return ["", picker, *self.show_run(run_id, request)]

    def show_run(self, run_id: str, request: gr.Request) -> list[Any]:
        """A run's curves, and what can be done with it."""
        view = {
            "run": run_id,
            "state": self.controls.state(run_id),
            "texts": texts(language_of(request), "run.", "figure."),
        }
        return [view, *self._following(run_id)]

    def tell_state(self, run_id: str, request: gr.Request) -> list[Any]:
        """The list that names the run's new state, and what can be done with it now."""
        return [self.controls.list_runs(request), *self._following(run_id)]

    def use_prompt(self, prompt_id: str, request: gr.Request) -> list[Any]:
        """Carries a trained prompt over to the Playground."""
        language = language_of(request)
        try:
            carried = carried_by(self.engine, prompt_id)
        except PlaygroundError as error:
            return [*[gr.skip()] * 6, explain(error, language)]
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
            return [*[gr.skip()] * 6, explain(error, language_of(request))]
        return self.use_prompt(prompt_id, request)

    def summarise(self, request: gr.Request, *values: Any) -> Any:
        """What would be trained with the settings as they are."""
        language = language_of(request)
        try:
            asked = self._asked(values)
            task, _ = asked.pop("task"), asked.pop("shots")
            found = cost(self.engine.inference, **asked)
        except PlaygroundError as error:
            return [[say("summary.cannot", language), explain(error, language)]]
        share = 100 * found["trainable"] / found["total"]
        return [
            [say("summary.model", language), asked["model"]],
            [say("summary.task", language), task],
            [say("summary.template", language), found["template"]],
            [
                say("summary.trained", language),
                say(
                    "summary.parameters",
                    language,
                    trainable=f"{found['trainable']:,}",
                    total=f"{found['total']:,}",
                    share=f"{share:.3g}",
                ),
            ],
            [say("summary.kept", language), _size(found["bytes"])],
        ]

    def _asked(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """The values of the form by name. Raises TemplateError or VerbalizerError."""
        model, task, template, truncation, verbalizer, method, shots, seed, *settings = values
        named = {"seed": seed, **self.form.values_of(method, settings)}
        return {
            "method": method,
            "model": model,
            "task": task,
            "template": Template(template or "", truncation=truncation),
            "verbalizer": read_verbalizer(verbalizer),
            "shots": int(shots or 0),
            "settings": {name: at for name, at in named.items() if at is not None},
        }

    def _following(self, run_id: str) -> list[Any]:
        usable = bool(run_id) and self.engine.runs.prompt_folder(run_id) is not None
        return [
            *self.controls.enabled(run_id),
            gr.Button(interactive=usable),
            gr.DownloadButton(interactive=usable, value=self._packed(run_id) if usable else None),
        ]

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


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count = round(count / 1000)
    return f"{count} GB"
