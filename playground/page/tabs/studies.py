"""The Studies tab: methods against each other over shots and seeds, planned, followed, extended."""

import math
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.study_answers import StudyAnswers
from playground.page.study_form import AXES, StudyForm
from playground.page.study_view import study_view
from playground.page.tabs.playground import PlaygroundTab
from playground.page.tabs.train import TrainTab
from playground.page.task_start import task_start
from playground.page.text import explain, language_of, say, shown, texts
from playground.prompts import Verbalizer
from playground.studies import plan_study

# What the one click reproduces.
TASK, MODEL = "reviews", "pocket-bert"


class StudiesTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it to prompts and to runs."""

    def __init__(self, engine: Engine, model: str) -> None:
        self.engine = engine
        self.studies = engine.studies
        with gr.Row(elem_id="studies", elem_classes="pg-columns"):
            with gr.Column(scale=4, min_width=340):
                with gr.Column(elem_classes="pg-card"):
                    gr.Markdown(shown("study.reproduce_title"), elem_classes="pg-title")
                    gr.Markdown(shown("study.reproduce_help"), elem_classes="pg-note")
                    with gr.Row(elem_classes="pg-buttons"):
                        self.reproduce = _button("reproduce", variant="primary")
                with gr.Column(elem_classes="pg-card"):
                    gr.Markdown(shown("study.own"), elem_classes="pg-title")
                    self.form = StudyForm(model)
                    self.summary = gr.HTML(
                        value=[],
                        html_template='<dl class="pg-summary">{{#each value}}<div>'
                        "<dt>{{this.[0]}}</dt><dd>{{this.[1]}}</dd></div>{{/each}}</dl>",
                        apply_default_css=False,
                        elem_id="study-summary",
                    )
                    self.message = message_line("study-message")
                    with gr.Row(elem_classes="pg-buttons"):
                        self.plan = _button("plan", variant="primary")
                        self.extend = _button("extend", interactive=False)
            with gr.Column(scale=7, min_width=340):
                self.view = study_view("study", StudyAnswers(self.studies))

    # ---- wiring --------------------------------------------------------------------------------

    def wire(self, playground: PlaygroundTab, tab: gr.Tab, tabs: gr.Tabs, train: TrainTab) -> None:
        """Connects events. The fields start with the prompt that the Playground shows."""
        prompt = playground.inputs
        fields = self.form.components
        filled = gr.State(["", ""])  # what was put into the form by itself
        begun = [fields["templates"], fields["models"], filled]
        playground.opened.then(self.open, None, [self.view], queue=False, **PRIVATE)
        taken = [prompt.template, prompt.model, *begun]
        for event in (playground.opened.then, tab.select):
            event(self.take_over, taken, begun, queue=False, **PRIVATE)
        given = [
            *(self.view, prompt.task, prompt.verbalizer, prompt.truncation),
            *fields.values(),
        ]
        told = {"trigger_mode": "always_last", "queue": False, **PRIVATE}
        for event in (tab.select, self.view.stand, *(fields[name].change for name in AXES)):
            event(self.summarise, given, [self.summary, self.extend], **told)
        methods = fields["methods"]
        methods.change(self.form.shown_rates, [methods], self.form.rates, queue=False, **PRIVATE)
        said = [self.message, self.view]
        self.plan.click(self.plan_study, given, said, **PRIVATE)
        self.extend.click(self.extend_study, given, said, **PRIVATE)
        for wanted in (self.reproduce.click, self.view.reproduce):
            wanted(self.start_known, None, said, **PRIVATE)
        self.view.copy(self.copy, [self.view], list(fields.values()), queue=False, **PRIVATE)
        self.train = train
        shown_there = [train.controls.run, train.view, *train.prompts.followers]
        opened = [self.message, tabs, *shown_there]
        self.view.open(self.open_run, None, opened, queue=False, **PRIVATE)

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> dict[str, Any]:
        """The widget's words: with them it begins to ask."""
        return self._showing(str(request.query_params.get("study", "")), request)

    def take_over(
        self, template: str, model: str, templates: str, models: list[str], filled: list[str]
    ) -> list[Any]:
        """The Playground's template and model, unless these fields were changed by hand."""
        return [
            template if templates in ("", filled[0]) else templates,
            [model] if models in ([], [filled[1]]) or not filled[1] else models,
            [template, model],
        ]

    def summarise(self, request: gr.Request, *values: Any) -> list[Any]:
        """What would be trained, and what of that is new to the study that is shown."""
        language = language_of(request)
        study_id, task, _, _, fields = self._given(values)
        try:
            asked = self.form.read(fields)
            study = self.studies.store.get(study_id) if study_id else None
        except PlaygroundError as error:
            return [[[say("summary.cannot", language), explain(error, language)]], gr.skip()]
        counts = {name: len(asked[name]) for name in AXES}
        lines = [
            [say("summary.task", language), task],
            [
                say("study.cells", language),
                say("study.product", language, **counts, cells=math.prod(counts.values())),
            ],
        ]
        new = 0
        if study:
            joined = ({*asked[name], *getattr(study.spec, name)} for name in AXES)
            new = math.prod(map(len, joined)) - study.spec.cells
        if study and new:
            told = say("study.new_cells", language, count=new, study=study.name)
            lines.append([say("study.extend", language), told])
        return [lines, gr.Button(interactive=new > 0)]

    def plan_study(self, request: gr.Request, *values: Any) -> list[Any]:
        """Plans a study and shows it; one that was planned before and never started goes."""
        before, task, verbalizer, truncation, fields = self._given(values)
        try:
            planned = plan_study(
                verbalizer=read_verbalizer(verbalizer),
                table=self.engine.table(task),
                dataset=task,
                truncation=truncation,
                **self.form.read(fields),
            )
            study_id = self.studies.create(planned)
        except PlaygroundError as error:
            return [explain(error, language_of(request)), gr.skip()]
        known = {study.id: study.state for study in self.studies.all()}
        if known.get(before) == "planned":
            self.studies.delete(before)
        return ["", self._showing(study_id, request)]

    def extend_study(self, request: gr.Request, *values: Any) -> list[Any]:
        """Adds to the study that is shown what is ticked and not in it yet."""
        study_id, *_, fields = self._given(values)
        try:
            asked = self.form.read(fields)
            spec = self.studies.store.get(study_id).spec
            added = {
                name: [value for value in asked[name] if value not in getattr(spec, name)]
                for name in AXES
            }
            settings = {
                name: own for name, own in asked["settings"].items() if name in added["methods"]
            }
            self.studies.extend(study_id, **added, settings=settings)
        except PlaygroundError as error:
            return [explain(error, language_of(request)), gr.skip()]
        return ["", self._showing(study_id, request)]

    def start_known(self, request: gr.Request) -> list[Any]:
        """Head fine-tuning against prompt tuning at few shots, on the built-in reviews."""
        begin = task_start(self.engine, TASK)
        planned = plan_study(
            verbalizer=Verbalizer.from_json(begin.verbalizers[0][1]),
            table=self.engine.table(TASK),
            dataset=TASK,
            templates=[begin.template],
            models=[MODEL],
            name=say("study.reproduce_name", language_of(request)),
        )
        study_id = self.studies.create(planned)
        self.studies.start(study_id)
        return ["", self._showing(study_id, request)]

    def copy(self, view: dict[str, Any]) -> list[Any]:
        """The grid of the study that is shown, for the form."""
        try:
            told = self.form.fill(self.studies.store.get(view["study"]).spec)
        except PlaygroundError:  # deleted in another window
            return [gr.skip()] * len(self.form.components)
        return [told[name] for name in self.form.components]

    def open_run(self, request: gr.Request, chosen: gr.EventData) -> list[Any]:
        """Shows the runs of a point, or the run of a cell, in the Train tab."""
        try:
            self.engine.runs.standing(chosen.run)
        except PlaygroundError as error:  # deleted in another window
            unchanged = [gr.skip()] * (3 + len(self.train.prompts.followers))
            return [explain(error, language_of(request)), *unchanged]
        picker = self.train.controls.picker(chosen.run, language_of(request))
        shown_there = [picker, *self.train.show_run(chosen.run, request)]
        return ["", gr.Tabs(selected="train"), *shown_there]

    # ---- parts ---------------------------------------------------------------------------------

    def _given(self, values: tuple[Any, ...]) -> tuple[str, str, Any, Any, dict[str, Any]]:
        """The study shown, the task, the verbalizer, the truncation, and the form by name."""
        view, task, verbalizer, truncation, *fields = values
        named = dict(zip(self.form.components, fields, strict=True))
        return str((view or {}).get("study", "")), task, verbalizer, truncation, named

    def _showing(self, study_id: str, request: gr.Request) -> dict[str, Any]:
        words = texts(language_of(request), "study.", "run.", "figure.")
        return {"study": study_id, "texts": words}


def _button(name: str, **options: Any) -> gr.Button:
    return gr.Button(
        shown(f"study.{name}"), size="sm", min_width=120, elem_id=f"study-{name}", **options
    )
