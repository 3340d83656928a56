"""The Train tab: find a prompt by training, watch it learn, take it away."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import ModelError, PlaygroundError, RunError
from playground.methods.registry import methods
from playground.page.engine import Engine
from playground.page.form import MethodForm
from playground.page.live_figure import run_view
from playground.page.messages import message_line
from playground.page.plan import cost, start_run
from playground.page.private import PRIVATE
from playground.page.tabs.playground import PlaygroundTab
from playground.page.task_start import carried_by, prompt_choices
from playground.page.text import explain, language_of, say, shown, texts
from playground.prompts import Verbalizer

PROMPT_FILES = ("prompt.json", "prompt.safetensors")
_ARCHIVE_BYTES = 2_000_000_000


class TrainTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it to the Playground's prompt."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.methods = methods()
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
                self.shots = _number("shots", 16, lowest=1, highest=100_000)
                self.seed = _number("seed", 13, lowest=0, highest=2**31 - 1)
            self.form = MethodForm(self.methods)
            self.message = message_line("train-message")
            with gr.Row(elem_classes="pg-buttons"):
                self.start = gr.Button(
                    shown("train.start"),
                    variant="primary",
                    size="sm",
                    elem_id="start",
                    min_width=80,
                )
                self.pause = _button("pause")
                self.step = _button("step")
                self.resume = _button("resume")
                self.stop = _button("stop")

    def _build_run(self) -> None:
        with gr.Row(elem_classes=["pg-card", "pg-run-head"]):
            self.run = gr.Dropdown(
                choices=[],
                label=shown("train.run"),
                interactive=True,
                elem_id="run-picker",
                min_width=220,
            )
            self.use = _button("use_prompt", variant="primary")
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
        self.view = run_view("run", self.poll)

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
            prompt.verbalizer,
            self.method,
            self.shots,
            self.seed,
            *self.form.components.values(),
        ]
        buttons = [self.pause, self.step, self.resume, self.stop, self.use, self.save]
        self.method.input(
            self.show_method,
            [self.method],
            [self.method, *self.form.components.values()],
            trigger_mode="always_last",
            **PRIVATE,
        )
        load(self.open, None, [self.run, self.view], **PRIVATE)
        self.start.click(
            self.start_training,
            asked,
            [self.run, self.view, self.message],
            queue=False,
            **PRIVATE,
        )
        runs = self.engine.runs
        for button, order in (
            (self.pause, runs.pause),
            (self.step, runs.step),
            (self.resume, runs.resume),
            (self.stop, runs.stop),
        ):
            button.click(_giving(order), [self.run], [self.message], queue=False, **PRIVATE).then(
                None, [self.run], None, js=_NUDGE_JS, queue=False, **PRIVATE
            )
        self.view.state(self.tell_state, [self.run], [*buttons, self.run], queue=False, **PRIVATE)
        self.run.input(self.show_run, [self.run], [self.view], **PRIVATE)
        self.run.change(
            None, [self.run], js="(run) => playgroundRemember('run', run)", queue=False, **PRIVATE
        )
        self.run.focus(self.list_runs, [self.run], [self.run], **PRIVATE)
        carried = [prompt.prompt, prompt.model, prompt.template, prompt.verbalizer, tabs]
        for event, function, source in (
            (self.use.click, self.use_prompt, self.run),
            (self.load_files.upload, self.load_prompt, self.load_files),
        ):
            event(function, [source], [*carried, self.message], **PRIVATE).success(
                playground.answer, **playground.ask_with
            )
        playground.opened.then(self.summarise, asked, [self.summary], **PRIVATE)
        # not with the template's every letter: it is looked at when the tab is opened
        gr.on(
            [tab.select, *(component.change for component in asked[4:])],
            self.summarise,
            asked,
            [self.summary],
            trigger_mode="always_last",
            **PRIVATE,
        )

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> list[Any]:
        """The runs there are, the newest shown: a reloaded page finds its run again."""
        chosen = str(request.query_params.get("run", ""))
        known = [run.id for run in self.engine.runs.list()]
        run_id = chosen if chosen in known else (known[0] if known else "")
        return [self._run_picker(run_id, language_of(request)), self._view(run_id, request)]

    def show_method(self, method: str, request: gr.Request) -> list[Any]:
        """Another method's line of help and settings."""
        help_line = say(f"method.{method}.help", language_of(request))
        return [gr.Dropdown(info=help_line), *self.form.fields_of(method)]

    def start_training(self, request: gr.Request, *values: Any) -> list[Any]:
        """Starts a run and shows it, or says beside the form why it cannot."""
        try:
            run_id = start_run(self.engine, **self._asked(values))
        except PlaygroundError as error:
            return [gr.skip(), gr.skip(), explain(error, language_of(request))]
        return [
            self._run_picker(run_id, language_of(request)),
            self._view(run_id, request),
            "",
        ]

    def poll(self, asked: list[Any]) -> dict[str, Any]:
        """A run's state and its events after a cursor, for the browser."""
        run_id, cursor, language = asked
        try:
            seen = self.engine.runs.events(str(run_id), int(cursor))
        except PlaygroundError as error:  # deleted in another window, say
            gone = {"step": 0, "steps": 0, "events": [], "cursor": cursor}
            return {"state": "failed", "reason": explain(error, language), **gone}
        reason = RunError(seen["reason"], code=seen["code"], **seen["details"])
        return {**seen, "reason": explain(reason, language)}

    def tell_state(self, run_id: str, request: gr.Request) -> list[Any]:
        """Which buttons make sense in the run's new state, and the list of runs that names it."""
        state = self.engine.runs.get(run_id).state if run_id else ""
        working = state in ("queued", "running")
        usable = bool(run_id) and self.engine.runs.prompt_folder(run_id) is not None
        return [
            gr.Button(interactive=working),
            gr.Button(interactive=state in ("running", "paused")),
            gr.Button(interactive=state in ("paused", "stopped", "interrupted", "failed")),
            gr.Button(interactive=working or state == "paused"),
            gr.Button(interactive=usable),
            gr.DownloadButton(interactive=usable, value=self._packed(run_id) if usable else None),
            self._run_picker(run_id, language_of(request)),
        ]

    def show_run(self, run_id: str, request: gr.Request) -> Any:
        """Another run's curves."""
        return self._view(run_id, request)

    def list_runs(self, run_id: str, request: gr.Request) -> Any:
        """The runs as they are now."""
        return self._run_picker(run_id, language_of(request))

    def use_prompt(self, prompt_id: str, request: gr.Request) -> list[Any]:
        """Carries a trained prompt over to the Playground."""
        language = language_of(request)
        try:
            carried = carried_by(self.engine, prompt_id)
        except PlaygroundError as error:
            return [*[gr.skip()] * 5, explain(error, language)]
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
            return [*[gr.skip()] * 5, explain(error, language_of(request))]
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
        """The values of the form by name. Raises VerbalizerError."""
        model, task, template, verbalizer, method, shots, seed, *settings = values
        named = {"seed": seed, **self.form.values_of(method, settings)}
        return {
            "method": method,
            "model": model,
            "task": task,
            "template": template or "",
            "verbalizer": Verbalizer.from_rows((verbalizer or {}).get("rows", [])),
            "shots": int(shots or 0),
            "settings": {name: at for name, at in named.items() if at is not None},
        }

    def _packed(self, prompt_id: str) -> str:
        """A zip file of the prompt's two files, safetensors and JSON."""
        folder = self.engine.prompt_folder(prompt_id)
        target = Path(tempfile.mkdtemp()) / f"prompt-{prompt_id}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in PROMPT_FILES:
                archive.write(folder / name, name)
        return str(target)

    def _run_picker(self, run_id: str, language: str) -> Any:
        choices = [
            (f"{run.name or run.id} · {say(f'run.state.{run.state}', language)}", run.id)
            for run in self.engine.runs.list()
        ]
        return gr.Dropdown(choices=choices, value=run_id or None)

    def _view(self, run_id: str, request: gr.Request) -> dict[str, Any]:
        return {"run": run_id, "texts": texts(language_of(request), "run.", "figure.")}


def _button(name: str, variant: str = "secondary") -> gr.Button:
    return gr.Button(
        shown(f"train.{name}"),
        variant=variant,  # type: ignore[arg-type]
        interactive=False,
        elem_id=name.replace("_", "-"),
        min_width=80,
        size="sm",
    )


def _number(name: str, value: int, *, lowest: int, highest: int) -> gr.Number:
    return gr.Number(
        value,
        label=shown(f"setting.{name}"),
        info=shown(f"setting.{name}.help"),
        minimum=lowest,
        maximum=highest,
        precision=0,
        min_width=130,
        elem_id=f"setting-{name}",
    )


def _giving(order: Callable[[str], None]) -> Callable[..., str]:
    """A handler that gives an order to a run and returns a sentence if it cannot."""

    def give(run_id: str, request: gr.Request) -> str:
        try:
            order(run_id)
        except PlaygroundError as error:
            return explain(error, language_of(request))
        return ""

    return give


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


_NUDGE_JS = """(run) => {
  document.dispatchEvent(new CustomEvent('pg-run-nudge', { detail: run }));
}"""
