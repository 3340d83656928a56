"""The Compare tab: templates against verbalizers on labelled rows, with the examples behind."""

from functools import partial
from typing import Any, get_args

import gradio as gr

from playground.errors import PlaygroundError
from playground.methods.comparison_settings import (
    MAX_DEMONSTRATIONS,
    MAX_TEMPLATES,
    MAX_VERBALIZERS,
    CalibrationKind,
    ComparisonSettings,
)
from playground.page.comparison import (
    Examples,
    LineError,
    read_templates,
    read_verbalizers,
    start_comparison,
    verbalizer_name,
)
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.page.form import number_field, truncation_choice
from playground.page.live_figure import comparison_view
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.run_controls import RunControls
from playground.page.side_by_side import SideBySide
from playground.page.tabs.playground import PlaygroundTab
from playground.page.task_start import example, task_start
from playground.page.text import explain, language_of, say, shown, texts
from playground.prompts import Truncation, Verbalizer, label_line

ROWS = 200  # enough for an interval of a few points, seconds with a small model


class CompareTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it to the Playground's prompt."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.examples = Examples(engine)
        self.controls = RunControls(
            engine,
            "comparison",
            orders=("pause", "resume", "stop"),
            remembered="comparison",
            prefix="compare-",
        )
        with gr.Row(elem_id="compare", elem_classes="pg-columns"):
            with gr.Column(scale=4, min_width=340):
                self._build_form()
            with gr.Column(scale=7, min_width=340):
                self.side_by_side = SideBySide(engine)
                with gr.Row(elem_classes=["pg-card", "pg-run-head"]):
                    self.controls.build_picker("compare.run")
                self.view = comparison_view("comparison", self.controls.poll, self.find_examples)

    def _build_form(self) -> None:
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("compare.prompts"), elem_classes="pg-title")
                self.add = gr.Button(
                    shown("compare.from_playground"),
                    size="sm",
                    scale=0,
                    elem_classes="pg-small",
                    elem_id="compare-add",
                )
            self.templates = _lines("templates", lines=5, most=10)
            self.templates_message = message_line("compare-templates-message")
            self.verbalizers = _lines("verbalizers", lines=3, most=6)
            self.verbalizers_message = message_line("compare-verbalizers-message")
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-form"):
                self.rows = number_field("rows", ROWS, 2, 1_000_000, group="compare")
                self.demonstrations = number_field(
                    "demonstrations", 0, 0, MAX_DEMONSTRATIONS, group="compare"
                )
                self.truncation = truncation_choice(
                    "compare-truncation", label=shown("compare.truncation"), min_width=130
                )
                self.calibration = gr.Dropdown(
                    choices=[
                        (shown(f"compare.calibration.{kind}"), kind)
                        for kind in get_args(CalibrationKind)
                    ],
                    value="texts",
                    label=shown("compare.calibration"),
                    info=shown("compare.calibration.help"),
                    interactive=True,
                    min_width=130,
                    elem_id="compare-calibration",
                )
                self.seed = number_field("seed", 13, 0, 2**31 - 1, prefix="compare-")
            self.message = message_line("compare-message")
            self.controls.build_buttons()

    # ---- wiring --------------------------------------------------------------------------------

    def wire(self, playground: PlaygroundTab, tab: gr.Tab) -> None:
        """Connects events. The runs that there are come once the Playground has its answer."""
        prompt = playground.inputs
        run = self.controls.run
        lists = [self.templates, self.verbalizers]
        followers = list(self.controls.buttons.values())
        shown_first = [self.controls.start, run, self.view, *followers]
        playground.opened.then(self.open, None, shown_first, **PRIVATE)
        shown_there = [prompt.task, prompt.template, prompt.verbalizer]
        row = self.side_by_side.row
        for filled in (
            playground.opened.then(self.fill, shown_there, lists, **PRIVATE),
            # another task has labels and fields of its own
            prompt.task.change(self.fill_anew, [prompt.task], [*lists, row], **PRIVATE),
            tab.select(lambda row: row, [prompt.row], [row], **PRIVATE),
        ):
            filled.then(None, js="() => playgroundAskSideBySide()", **PRIVATE)
        self.side_by_side.wire(
            [prompt.model, *lists, self.truncation], [prompt.model.input, self.truncation.input]
        )
        self.add.click(self.add_prompt, [*lists, *shown_there[1:]], lists, **PRIVATE)
        messages = [self.templates_message, self.verbalizers_message, self.message]
        self.controls.start.click(
            self.start,
            [
                *(prompt.model, prompt.task, prompt.verbalizer, *lists),
                *(self.rows, self.demonstrations, self.truncation, self.calibration, self.seed),
            ],
            [*messages, run, self.view, *followers],
            queue=False,
            **PRIVATE,
        )
        self.controls.wire(self.view, self.message, self.show_run, self.tell_state, followers)

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> list[Any]:
        """The comparisons there are, the newest shown."""
        run_id = self.controls.opened(request)
        picker = self.controls.picker(run_id, language_of(request))
        return [gr.Button(interactive=True), picker, *self.show_run(run_id, request)]

    def fill(self, task: str, template: str = "", verbalizer: dict[str, Any] | None = None) -> Any:
        """The task's known prompts, those shown in the Playground first."""
        try:
            start = task_start(self.engine, task)
        except PlaygroundError:
            return [gr.skip(), gr.skip()]
        templates = [source for _, source in start.templates]
        words = [label_line(Verbalizer.from_json(source)) for _, source in start.verbalizers]
        return [
            _joined([template, *templates], MAX_TEMPLATES),
            _joined([_line_of(verbalizer), *words], MAX_VERBALIZERS),
        ]

    def fill_anew(self, task: str) -> list[Any]:
        """Another task's known prompts, and a text of it to look at under them."""
        try:
            return [
                *self.fill(task),
                example(self.engine, task, 0, task_start(self.engine, task).template),
            ]
        except PlaygroundError:
            return [gr.skip()] * 3

    def add_prompt(
        self, templates: str, verbalizers: str, template: str, verbalizer: dict[str, Any]
    ) -> list[str]:
        """The Playground's template and verbalizer on top of those that are there."""
        return [
            _joined([template, *templates.splitlines()]),
            _joined([_line_of(verbalizer), *verbalizers.splitlines()]),
        ]

    def start(
        self,
        model: str,
        task: str,
        in_playground: dict[str, Any],
        templates: str,
        verbalizers: str,
        rows: float | None,
        demonstrations: float | None,
        truncation: Truncation,
        calibration: CalibrationKind,
        seed: float | None,
        request: gr.Request,
    ) -> list[Any]:
        """Starts a comparison and shows it, or says beside the field why it cannot."""
        language = language_of(request)
        told = {"templates": "", "verbalizers": "", "form": ""}
        read: dict[str, Any] = {}
        for field, reader, text in (
            ("templates", partial(read_templates, truncation=truncation), templates),
            ("verbalizers", read_verbalizers, verbalizers),
        ):
            try:
                read[field] = reader(text)
            except LineError as error:
                sentence = explain(error.cause, language)
                told[field] = say("compare.line", language, line=error.line, sentence=sentence)
        if not any(told.values()):
            try:
                run_id = start_comparison(
                    self.engine,
                    model=model,
                    task=task,
                    templates=read["templates"],
                    verbalizers=read["verbalizers"],
                    like=_typed(in_playground),
                    rows=int(rows or ROWS),
                    demonstrations=int(demonstrations or 0),
                    calibration=calibration,
                    seed=int(seed or 0),
                )
            except PlaygroundError as error:
                told["form"] = explain(error, language)
            else:
                picker = self.controls.picker(run_id, language)
                return [*told.values(), picker, *self.show_run(run_id, request)]
        return [*told.values(), *[gr.skip()] * (2 + len(self.controls.buttons))]

    def show_run(self, run_id: str, request: gr.Request) -> list[Any]:
        """A comparison's matrix, and what can be done with it."""
        return [self._view(run_id, request), *self.controls.enabled(run_id)]

    def tell_state(self, run_id: str, request: gr.Request) -> list[Any]:
        """The list that names the run's new state, and what can be done with it now."""
        return [self.controls.list_runs(run_id, request), *self.controls.enabled(run_id)]

    def find_examples(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The examples behind a cell, for the browser; none where the comparison has gone."""
        try:
            return self.examples.find(asked)
        except PlaygroundError:
            return {"total": 0, "rows": []}

    def _view(self, run_id: str, request: gr.Request) -> dict[str, Any]:
        """A comparison as `comparison_view` takes it."""
        words = texts(language_of(request), "compare.", "run.", "figure.")
        if not run_id:
            return {"run": "", "texts": words}
        run = self.engine.runs.get(run_id)
        settings = ComparisonSettings.checked(run.spec.settings)
        verbalizers = settings.read_verbalizers()
        return {
            "run": run_id,
            "state": run.state,
            "texts": words,
            "templates": settings.templates,
            "labels": list(verbalizers[0].labels),
            "verbalizers": [
                {"name": verbalizer_name(found), "colours": found.colours} for found in verbalizers
            ],
        }


def _lines(name: str, *, lines: int, most: int) -> gr.Textbox:
    return gr.Textbox(
        label=shown(f"compare.{name}"),
        info=shown(f"compare.{name}.help"),
        lines=lines,
        max_lines=most,
        interactive=True,
        elem_id=f"compare-{name}",
        elem_classes="pg-mono",
    )


def _joined(lines: list[str], most: int | None = None) -> str:
    """One line each, none twice, none empty."""
    kept = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    return "\n".join(kept[:most])


def _line_of(verbalizer: dict[str, Any] | None) -> str:
    typed = _typed(verbalizer)
    return "" if typed is None else label_line(typed)


def _typed(verbalizer: dict[str, Any] | None) -> Verbalizer | None:
    """The Playground's verbalizer; None while it is being mended."""
    try:
        return read_verbalizer(verbalizer)
    except PlaygroundError:
        return None
