"""The widget of the Studies tab: a study in figures, with its cells and its orders.

Its scripts stand beside this file; its style is ``study.css`` in ``assets/style``.
"""

from typing import Any

import gradio as gr

from playground.page.live_figure import script
from playground.page.study_answers import StudyAnswers
from playground.page.study_figures import study_figures

SCRIPTS = (
    *("drawing", "curve_cards", "seed_curves", "study_lines", "study_figures"),
    *("study_head", "study_cells", "study_view"),
)


def study_view(elem_id: str, answers: StudyAnswers) -> gr.HTML:
    """A study, followed by the browser, which asks ``answers`` itself.

    The component's value is ``{"study": id or "", "texts": {id: text}}``; the browser writes into
    it which study is chosen, and keeps that in the address. Events: ``open``, whose
    ``gr.EventData`` has ``run``, a run or a group to look at; ``reproduce``, of the button in the
    empty state; ``copy``, to have the study's grid in the form; ``stand``, when another study is
    chosen or its state has changed.
    """

    def follow_study(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.follow(asked)

    def order_study(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.order(asked)

    return gr.HTML(
        value={"study": ""},
        texts={},
        figures=study_figures(),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run pg-study"></div>',
        js_on_load=script(*SCRIPTS) + "showStudy({ element, props, watch, server, trigger });",
        server_functions=[follow_study, order_study],
        apply_default_css=False,
    )
