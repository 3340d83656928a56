"""What the model says to a prompt: the prediction, the bars, and the same prompt elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from playground.page.answer_view import answer_figure, label_figure, prediction
from playground.page.editors import code_view, prediction_line
from playground.page.form import switch
from playground.page.live_figure import figure_view
from playground.page.look import Look
from playground.page.snippet import python_snippet
from playground.page.text import explain, shown, texts
from playground.prompts.dialects import export_openprompt

CALIBRATIONS = ("none", "contextual", "domain")


class AnswerCard:
    """Builds the cards into the surrounding column; ``outputs`` are what `shows` has values for."""

    def __init__(self) -> None:
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("playground.what_the_model_says"), elem_classes="pg-title")
                self.calibration = switch(
                    "calibration",
                    [(shown(f"calibration.{kind}"), kind) for kind in CALIBRATIONS],
                )
            predicted = prediction_line("prediction")
            labels = figure_view("label-bars", texts=texts("en", "figure."))
            gr.HTML('<hr class="pg-rule">')
            answers = figure_view("answer-bars", texts=texts("en", "figure."))
        with gr.Accordion(shown("playground.in_python"), open=False):
            script = code_view("snippet", value=None)
        with gr.Accordion(shown("playground.in_openprompt"), open=False):
            openprompt = code_view("openprompt", value=None)
        self.outputs = [answers, labels, predicted, script, openprompt]

    def shows(
        self,
        seen: Look,
        truth: str | None,
        language: str,
        *,
        model: str,
        row: Mapping[str, str],
        fields: Sequence[str],
        trained: bool,
    ) -> list[Any]:
        """The values of ``outputs``; while a mistake is being mended the last good ones stay."""
        values = [gr.skip()] * 3
        if seen.answers is not None:
            values = [
                answer_figure(seen, language),
                label_figure(seen, truth, language) if seen.labels else _without_labels(seen),
                prediction(seen, truth, language),
            ]
        if seen.template is None:
            return [*values, gr.skip(), gr.skip()]
        source, notes = export_openprompt(seen.template)
        openprompt = {"code": source, "notes": [explain(note, language) for note in notes]}
        if seen.verbalizer is None:
            return [*values, gr.skip(), openprompt]
        script = python_snippet(model, seen.template, seen.verbalizer, row, fields, trained=trained)
        return [*values, {"code": script, "notes": []}, openprompt]


def _without_labels(seen: Look) -> Any:
    """No label bars: those shown stay while the verbalizer is being typed."""
    return None if seen.verbalizer is not None else gr.skip()
