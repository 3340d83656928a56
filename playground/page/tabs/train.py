"""The Train tab: find a prompt by training, watch it learn, take it away."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.methods.registry import methods
from playground.methods.seeds import MOST_SEEDS
from playground.page.engine import Engine
from playground.page.form import MethodForm, number_field
from playground.page.further_templates import FurtherTemplates
from playground.page.learning_rate_finder import LearningRateFinder
from playground.page.live_figure import run_view
from playground.page.plan import cost, start_run
from playground.page.private import PRIVATE
from playground.page.run_controls import RunControls
from playground.page.tabs.method_tab import MethodTab
from playground.page.tabs.playground import PlaygroundTab
from playground.page.text import explain, language_of, say, texts


class TrainTab(MethodTab):
    """See `MethodTab`. Says what a training would cost before it is started."""

    adapters = True

    def __init__(self, engine: Engine) -> None:
        orders = ("pause", "step", "resume", "stop")
        controls = RunControls(engine, "training", orders=orders, remembered="run", prefix="")
        super().__init__(engine, "train", methods(), controls)

    def build_view(self) -> gr.HTML:
        return run_view("run", self.controls.poll)

    def build_summary(self) -> None:
        self.summary = gr.HTML(
            value=[],
            html_template='<dl class="pg-summary">{{#each value}}<div><dt>{{this.[0]}}</dt>'
            "<dd>{{this.[1]}}</dd></div>{{/each}}</dl>",
            apply_default_css=False,
            elem_id="train-summary",
        )

    def build_draw(self, prefix: str) -> dict[str, gr.Number]:
        drawn = super().build_draw(prefix)
        return {**drawn, "seeds": number_field("seeds", 1, 1, MOST_SEEDS, prefix=prefix)}

    def build_form(self, prefix: str) -> MethodForm:
        self.finder = LearningRateFinder(self.engine)
        self.further = FurtherTemplates(self.engine)
        beside = {
            "learning_rate": self.finder.build_button,
            "further_templates": self.further.build_button,
        }
        form = MethodForm(self.methods, prefix, beside)
        self.finder.build_card()
        return form

    def start_run(self, **asked: Any) -> str:
        return start_run(self.engine, **asked)

    def wire(self, playground: PlaygroundTab, tabs: gr.Tabs) -> None:
        super().wire(playground, tabs)
        shown = [self.controls.run, self.view, *self.prompts.followers]
        self.view.pick(self.pick_run, None, shown, queue=False, **PRIVATE)
        self.finder.wire(self.asked, self.asked_with, self.form, self.method, self.message)
        field = self.form.components["further_templates"]
        prompt = playground.inputs
        self.further.wire(prompt.task, prompt.template, field, self.message)

    def pick_run(self, request: gr.Request, picked: gr.EventData) -> list[Any]:
        """Shows one run of a group."""
        picker = self.controls.picker(picked.run, language_of(request))
        return [picker, *self.show_run(picked.run, request)]

    def view_texts(self, language: str) -> dict[str, str]:
        return texts(language, "run.", "figure.", "seeds.")

    def wire_summary(self, playground: PlaygroundTab, tab: gr.Tab) -> None:
        """Keeps the summary up to date; after `wire`."""
        told = {"inputs": self.asked_with, "outputs": [self.summary], **PRIVATE}
        playground.opened.then(self.summarise, **told)
        # not with the template's every letter: it is looked at when the tab is opened
        changes: list[Callable[..., Any]] = [at.change for at in self.asked_with[5:]]
        gr.on([tab.select, *changes], self.summarise, trigger_mode="always_last", **told)

    def summarise(self, request: gr.Request, *values: Any) -> Any:
        """What would be trained with the settings as they are."""
        language = language_of(request)
        try:
            asked = self.asked(values)
            task, *_ = (asked.pop(name) for name in ("task", "shots", "seeds"))
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


def _size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count = round(count / 1000)
    return f"{count} GB"
