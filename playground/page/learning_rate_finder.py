"""The button beside the learning rate, and the card that shows what it has found."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.engine import Engine
from playground.page.form import MethodForm
from playground.page.live_figure import learning_rate_view
from playground.page.plan import find_learning_rate
from playground.page.private import PRIVATE
from playground.page.run_controls import RunControls
from playground.page.text import explain, language_of, shown, texts

RATES = ("learning_rate", "model_learning_rate")  # the settings that a suggestion may change


class LearningRateFinder:
    """Builds a button and, where `build_card` is called, a card that stays away until it is used.

    What it finds belongs to the method that was chosen then: with another one the card goes.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def build_button(self) -> None:
        self.button = gr.Button(
            shown("rate.find"), size="sm", min_width=0, elem_id="find-learning-rate"
        )

    def build_card(self) -> None:
        controls = RunControls(self.engine, "learning-rate", orders=(), remembered="", prefix="")
        with gr.Column(visible=False, elem_id="learning-rate") as self.card:
            self.view = learning_rate_view("learning-rate-run", controls.poll)
            with gr.Row(elem_classes="pg-buttons"):
                self.use = gr.Button(
                    shown("rate.use"),
                    variant="primary",
                    size="sm",
                    interactive=False,
                    elem_id="use-learning-rate",
                )
                self.close = gr.Button(
                    shown("rate.close"), size="sm", elem_id="close-learning-rate"
                )

    def wire(
        self,
        asked: Callable[[tuple[Any, ...]], dict[str, Any]],
        asked_with: list[Any],
        form: MethodForm,
        method: gr.Dropdown,
        message: gr.HTML,
    ) -> None:
        """Connects events; ``asked`` makes what `find_learning_rate` takes of ``asked_with``."""

        def find(request: gr.Request, *values: Any) -> list[Any]:
            try:
                training = asked(values)
                training.pop("seeds")  # one of them is enough
                run_id = find_learning_rate(self.engine, **training)
            except PlaygroundError as error:
                return [explain(error, language_of(request)), *[gr.skip()] * 3]
            return ["", *self._showing(run_id, language_of(request))]

        outputs = [self.card, self.view, self.use]
        self.button.click(find, asked_with, [message, *outputs], queue=False, **PRIVATE)
        self.view.state(self.tell_state, [self.view], [self.use], queue=False, **PRIVATE)
        rates = [form.components[name] for name in RATES]
        self.use.click(self.use_suggestion, [self.view], rates, queue=False, **PRIVATE)
        for leave in (self.close.click, method.input):
            leave(self.put_away, [self.view], outputs, queue=False, **PRIVATE)

    # ---- handlers ------------------------------------------------------------------------------

    def tell_state(self, followed: dict[str, Any]) -> Any:
        """Whether there is a suggestion to use."""
        return gr.Button(interactive=bool(self._suggestion(followed["run"])))

    def use_suggestion(self, followed: dict[str, Any]) -> list[Any]:
        """The rates that were suggested, for their fields."""
        suggested = self._suggestion(followed["run"])
        return [suggested.get(name, gr.skip()) for name in RATES]

    def put_away(self, followed: dict[str, Any], request: gr.Request) -> list[Any]:
        """Ends the run, if it is going on, and hides the card."""
        if followed["run"]:
            self.engine.runs.stop(followed["run"])
        return self._showing("", language_of(request))

    def _showing(self, run_id: str, language: str) -> list[Any]:
        """The card with this run, or no card."""
        state = self.engine.runs.get(run_id).state if run_id else ""
        words = texts(language, "run.", "figure.", "rate.")
        return [
            gr.Column(visible=bool(run_id)),
            {"run": run_id, "state": state, "texts": words},
            gr.Button(interactive=False),
        ]

    def _suggestion(self, run_id: str) -> dict[str, float]:
        """The rates that a run has suggested, by setting; none while it has not."""
        told = self.engine.runs.events(run_id)["events"] if run_id else []
        found = [event["settings"] for event in told if event["split"] == "suggestion"]
        return (found[-1] if found else None) or {}
