"""The widget of the Runs tab: all runs in a table, some of them side by side.

Its scripts stand beside this file; its style is ``history*.css`` in ``assets/style``.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from playground.page.history_answers import HistoryAnswers
from playground.page.live_figure import script
from playground.page.overlay_figures import overlay_figures

SCRIPTS = (
    *("drawing", "curve_cards", "run_curves", "seed_curves"),
    *("history_filters", "history_entry", "history_table", "history_overlay", "history_settings"),
    "history_view",
)


def history_view(
    elem_id: str, answers: HistoryAnswers, *, texts: Mapping[str, str] | None = None
) -> gr.HTML:
    """All runs, looked through by the browser, which asks ``answers`` itself.

    The component's value is ``{"texts": {id: text}, "imported": id of a run that has just come}``.
    A click on a run's name triggers the event ``open_KIND``, whose ``gr.EventData`` has ``run``;
    where there is no run yet, a button triggers ``begin`` with the ``kind`` that is to be started.
    The filter and what is ticked are kept in the address.
    """

    def find_runs(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.find(asked)

    def count_runs(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.count(asked)

    def disk_used(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.disk(asked)

    def change_run(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.change(asked)

    def read_curves(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.curves(asked)

    def read_settings(asked: dict[str, Any]) -> dict[str, Any]:
        return answers.settings(asked)

    return gr.HTML(
        value=None,
        texts=dict(texts or {}),
        figures=overlay_figures(),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run pg-history"></div>',
        js_on_load=script(*SCRIPTS) + "showHistory({ element, props, watch, server, trigger });",
        server_functions=[
            *(find_runs, count_runs, disk_used, change_run, read_curves, read_settings)
        ],
        apply_default_css=False,
    )
