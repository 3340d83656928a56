"""The widget that draws: a figure that Python computed, or a run that the browser follows.

Both are ``gr.HTML`` components around one kept Plotly node, so that an update is a change of what
is drawn and not a new picture: no flicker, and zoom and hover survive. The scripts stand beside
this file; their style is ``figures.css`` and ``run.css`` in ``assets/style``.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from playground.page.run_figures import (
    learning_rate_figure,
    map_figure,
    run_figures,
    seed_figures,
)

_HERE = Path(__file__).parent
RUN_SCRIPTS = ("drawing", "run_follower", "run_panels")
CURVE_SCRIPTS = ("curve_cards", "run_curves")
SEED_SCRIPTS = ("seed_curves", "seed_list", "live_seeds")


def figure_view(
    elem_id: str,
    *,
    value: dict[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    **options: Any,
) -> gr.HTML:
    """A figure with its data under it, as a table and as a CSV file.

    The component's value is ``{"figure": {"data", "layout"}, "table": {"columns", "rows"}, "name":
    file name of the CSV, "texts": {id: text}}``, or None for the empty state. ``texts`` are the
    words until a value brings its own; ``figure.empty`` is the sentence of the empty state.
    ``options`` go to ``gr.HTML``.
    """
    return gr.HTML(
        value=value,
        texts=dict(texts or {}),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-figure"></div>',
        js_on_load=script("drawing", "live_figure") + "showFigure({ element, props, watch });",
        apply_default_css=False,
        **options,
    )


def run_view(
    elem_id: str,
    poll: Callable[[list[Any]], dict[str, Any]],
    *,
    value: dict[str, Any] | None = None,
    texts: Mapping[str, str] | None = None,
    **options: Any,
) -> gr.HTML:
    """A run's progress, curves, pinned examples and soft tokens, followed by the browser.

    The component's value is ``{"run": id or "", "state": the one that Python knows, "texts": {id:
    text}}``, with ``group`` in the place of ``run`` for runs over several seeds, of which it shows
    the mean; a click on one of them triggers the event ``pick``, whose ``gr.EventData`` has
    ``run``. ``poll([run or group, cursor, language])`` answers ``{"state", "reason", "step",
    "steps", "events", "cursor"}``, the reason in that language, with the events after the cursor;
    of a group also its "members". Each
    change from the state that Python knows triggers the event ``state``, whose ``gr.EventData`` has
    ``run``, ``state``, ``reason``, ``step`` and ``steps``::

        view = run_view("run", poll)
        view.state(set_buttons, outputs=[pause, stop])

    The document event ``pg-run-nudge`` with a run's id as its detail makes a view of that run ask
    again although the run had ended, as after Resume.
    """

    def poll_run(args: list[Any]) -> dict[str, Any]:
        return poll(args)  # under a name of its own: the component takes it as an attribute

    start = """
        const shared = { element, props, watch, poll: server.poll_run };
        shared.tell = (detail) => trigger('state', detail);
        showRun(shared);
        showSeeds({ ...shared, pick: (run) => trigger('pick', { run }) });"""
    scripts = (*RUN_SCRIPTS, *CURVE_SCRIPTS, "soft_token_map", "live_run", *SEED_SCRIPTS)
    return gr.HTML(
        value=value or {"run": ""},
        texts=dict(texts or {}),
        figures=run_figures(),
        map_figure=map_figure(),
        seed_figures=seed_figures(),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run"></div>',
        js_on_load=script(*scripts) + start,
        server_functions=[poll_run],
        apply_default_css=False,
        **options,
    )


def search_view(elem_id: str, poll: Callable[[list[Any]], dict[str, Any]]) -> gr.HTML:
    """A search's progress, words and scores, followed as in `run_view`, which see."""

    def poll_search(args: list[Any]) -> dict[str, Any]:
        return poll(args)

    scripts = (*RUN_SCRIPTS, *CURVE_SCRIPTS, "search_panels", "live_search")
    found = run_figures()
    return gr.HTML(
        value={"run": ""},
        texts={},
        figures={name: found[name] for name in ("loss", "accuracy")},
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run"></div>',
        js_on_load=script(*scripts)
        + "showSearch({ element, props, watch, poll: server.poll_search,"
        " tell: (detail) => trigger('state', detail) });",
        server_functions=[poll_search],
        apply_default_css=False,
    )


def learning_rate_view(elem_id: str, poll: Callable[[list[Any]], dict[str, Any]]) -> gr.HTML:
    """The loss over the learning rate, followed as in `run_view`, which see."""

    def poll_learning_rate(args: list[Any]) -> dict[str, Any]:
        return poll(args)

    return gr.HTML(
        value={"run": ""},
        texts={},
        figure=learning_rate_figure(),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run pg-rate"></div>',
        js_on_load=script(*RUN_SCRIPTS, "live_learning_rate")
        + "showLearningRate({ element, props, watch, poll: server.poll_learning_rate,"
        " tell: (detail) => trigger('state', detail) });",
        server_functions=[poll_learning_rate],
        apply_default_css=False,
    )


def comparison_view(
    elem_id: str,
    poll: Callable[[list[Any]], dict[str, Any]],
    find: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    texts: Mapping[str, str] | None = None,
    **options: Any,
) -> gr.HTML:
    """A comparison's matrix, followed like a run in `run_view`, and the examples behind a cell.

    The component's value is ``{"run": id or "", "state", "templates", "verbalizers": [{"name",
    "colours"}], "labels", "texts"}``. ``find`` answers what
    `playground.page.comparison.Examples.find` does.
    """

    def poll_comparison(args: list[Any]) -> dict[str, Any]:
        return poll(args)

    def find_examples(asked: dict[str, Any]) -> dict[str, Any]:
        return find(asked)

    start = (
        "showComparison({ element, props, watch, poll: server.poll_comparison,"
        " fetch: server.find_examples, tell: (detail) => trigger('state', detail) });"
    )
    scripts = (*RUN_SCRIPTS, "comparison_matrix", "comparison_examples", "comparison_view")
    return gr.HTML(
        value={"run": ""},
        texts=dict(texts or {}),
        elem_id=elem_id,
        elem_classes="pg-widget",
        html_template='<div class="pg-run"></div>',
        js_on_load=script(*scripts) + start,
        server_functions=[poll_comparison, find_examples],
        apply_default_css=False,
        **options,
    )


@cache
def script(*names: str) -> str:
    """The scripts of that name beside this file, one after the other."""
    return "".join((_HERE / f"{name}.js").read_text(encoding="utf-8") + "\n" for name in names)
