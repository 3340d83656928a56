"""The figures of a study, empty: the browser fills them while it follows.

``meta`` says what a trace shows. Every line of the study is drawn with a copy of these traces in
its own colour, and the empty titles of the axes wait for their words.
"""

from typing import Any

from playground.page.figure_parts import INK, QUIET, Figure, axis, layout

SHARES: dict[str, Any] = {"tickformat": ".1f", "hoverformat": ".3f"}


def study_figures() -> dict[str, Figure]:
    """The figures by what they show, "accuracy" first.

    Over the examples a label: "accuracy", "seconds", "gap", "forgetting"; accuracy over what a
    method needs: "parameters", "bytes".
    """
    accuracy = _over_shots(380, dtick=0.1, **SHARES)
    accuracy["layout"]["margin"] |= {"l": 52, "r": 64, "b": 48}
    return {
        "accuracy": accuracy,
        "parameters": _over_need(),
        "bytes": _over_need(),
        "seconds": _over_shots(190, rangemode="tozero", nticks=5),
        "gap": _over_shots(190, nticks=5, zero=True),
        "forgetting": _over_shots(190, nticks=5, zero=True),
    }


def _over_shots(height: int, *, zero: bool = False, **yaxis: Any) -> Figure:
    """Means with a "band" around them; "cells" are single ones. ``zero`` draws a line at 0."""
    figure = _log(height, yaxis)
    if zero:
        figure["layout"]["yaxis"] |= {"zeroline": True, "zerolinecolor": QUIET, "zerolinewidth": 1}
    band = {"mode": "lines", "line": {"width": 0}, "fill": "toself", "hoverinfo": "skip"}
    figure["data"] = [
        _trace("band", **band),
        _trace("cells", mode="markers", marker={"size": 5, "opacity": 0.38}),
        _mean(),
    ]
    return figure


def _over_need() -> Figure:
    """Accuracy over what is needed for it; the marker grows with the examples."""
    figure = _log(190, {"dtick": 0.2, **SHARES}, {"tickformat": "~s"})
    figure["data"] = [_mean()]
    return figure


def _mean() -> dict[str, Any]:
    marker = {"size": 8, "line": {"color": "var(--background-fill-primary)", "width": 1}}
    return _trace("mean", mode="lines+markers", line={"width": 2}, marker=marker)


def _trace(meta: str, **more: Any) -> dict[str, Any]:
    return {"type": "scatter", "meta": meta, "x": [], "y": [], "cliponaxis": False, **more}


def _log(height: int, yaxis: dict[str, Any], xaxis: dict[str, Any] | None = None) -> Figure:
    frame = layout(height, {"l": 44, "r": 14, "t": 10, "b": 38})
    title = {"text": "", "standoff": 6, "font": {"size": 11, "color": QUIET}}
    frame["xaxis"] = axis(
        type="log", showgrid=False, showline=True, linecolor=QUIET, tickangle=0, **(xaxis or {})
    )
    frame["xaxis"]["title"] = title
    frame["yaxis"] = axis(ticklabelstandoff=6, **yaxis)
    frame["hovermode"] = "closest"
    frame["dragmode"] = "zoom"
    frame["hoverlabel"]["font"]["color"] = INK
    return {"data": [], "layout": frame}
