"""The figures of runs, empty: the browser fills them while it follows.

``meta`` says what a trace shows, and the empty title of a step axis waits for its word.
"""

from typing import Any

from playground.page.figure_parts import DEV, INK, NEUTRAL, QUIET, SOFT, Figure, axis, layout


def run_figures() -> dict[str, Figure]:
    """The figures of a run before its first event, in the order in which they stand.

    The browser fills in the points: ``meta`` says what a trace shows ("raw" is the loss of each
    step, "train" is smoothed), and the empty title of the step axis waits for its word.
    """
    loss = _curves(rangemode="tozero", hoverformat=".3~g", nticks=5)
    loss["data"] = [
        _line("raw", INK, width=1, opacity=0.28, hoverinfo="skip"),
        _line("train", INK, width=2.25),
        _points("dev"),
    ]
    accuracy = _curves(range=[-0.02, 1.02], hoverformat=".3f", tickformat=".1f", dtick=0.2)
    accuracy["data"] = [_line("train", INK, width=2.25), _points("dev")]
    rate = _curves(height=132, rangemode="tozero", hoverformat=".3~g", nticks=3, tickformat=".2~e")
    rate["data"] = [_line("learning_rate", INK, width=1.5)]
    speed = _curves(height=132, rangemode="tozero", hoverformat=".3~s", nticks=3, tickformat="~s")
    speed["data"] = [_line("tokens_per_second", INK, width=1.5)]
    return {
        "loss": loss,
        "accuracy": accuracy,
        "learning_rate": rate,
        "tokens_per_second": speed,
    }


def seed_figures() -> dict[str, Figure]:
    """The figures of runs over several seeds before their first event.

    ``meta``: "train" and "dev" are the means, "train_low", "train_high", … the edges of the bands
    of one standard deviation, and "train_seed", "dev_seed" what the line of one seed looks like.
    """
    loss = _curves(rangemode="tozero", hoverformat=".3~g", nticks=5)
    accuracy = _curves(range=[-0.02, 1.02], hoverformat=".3f", tickformat=".1f", dtick=0.2)
    for figure in (loss, accuracy):
        figure["data"] = [
            *_band("train", "var(--pg-band)"),
            *_band("dev", "var(--pg-dev-band)"),
            _line("train_seed", INK, width=1, opacity=0.3, hoverinfo="skip"),
            _line("dev_seed", DEV, width=1, opacity=0.55, hoverinfo="skip"),
            _line("train", INK, width=2.25),
            _points("dev"),
        ]
    return {"loss": loss, "accuracy": accuracy}


def map_figure() -> Figure:
    """The map of soft tokens among words, before its first snapshot.

    "words": all that have been near at some step, "near": those that are now, "nearest": the
    nearest of each soft token, "labels": label words; "way": where each soft token goes, "gone":
    how far it has come, "tokens": where it is.
    """
    name = {"family": "var(--font-mono)", "size": 12}
    frame = layout(420, {"l": 8, "r": 8, "t": 8, "b": 8})
    bare = {"visible": False, "zeroline": False}
    frame["xaxis"] = dict(bare)
    frame["yaxis"] = {**bare, "scaleanchor": "x"}  # as far apart one way as the other
    frame["hovermode"] = "closest"
    frame["dragmode"] = "zoom"
    data = [
        _places("words", {"color": NEUTRAL, "size": 4, "opacity": 0.45}),
        _line("way", SOFT, width=1, opacity=0.35, hoverinfo="skip"),
        _line("gone", SOFT, width=2, opacity=0.75, hoverinfo="skip"),
        _places("near", {"color": QUIET, "size": 5}),
        _places("nearest", {"color": QUIET, "size": 5}, textfont={**name, "color": QUIET}),
        _places("labels", {"size": 10, "symbol": "diamond"}, textfont=name),
        _places("tokens", {"color": SOFT, "size": 9}, textfont={**name, "color": SOFT}),
    ]
    return {"data": data, "layout": frame}


def _places(meta: str, marker: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Points with a hover, and with their names beside them if these have a font."""
    mode = "markers+text" if "textfont" in more else "markers"
    points = {"type": "scatter", "mode": mode, "meta": meta, "x": [], "y": [], "marker": marker}
    return {**points, "textposition": "top center", "hoverinfo": "text", "cliponaxis": False} | more


def learning_rate_figure() -> Figure:
    """The figure of a learning-rate finder before its first event.

    ``meta``: "loss" of each step, "smoothed", and "suggestion", an upright line.
    """
    figure = _curves(height=210, hoverformat=".3~g", nticks=4)
    figure["layout"]["xaxis"] |= {"type": "log", "rangemode": "normal", "dtick": 1}
    figure["layout"]["xaxis"] |= {"exponentformat": "power", "tickangle": 0}
    figure["layout"]["xaxis"]["tickfont"] = {"size": 10, "color": QUIET}
    dotted = {"color": DEV, "width": 2, "dash": "dot"}
    figure["data"] = [
        _line("loss", INK, width=1, opacity=0.28, hoverinfo="skip"),
        _line("smoothed", INK, width=2.25),
        _line("suggestion", DEV, width=2, hoverinfo="skip") | {"line": dotted},
    ]
    return figure


def _band(meta: str, colour: str) -> list[dict[str, Any]]:
    """The lower and the upper edge, and the colour between them."""
    edge = {"hoverinfo": "skip", "connectgaps": False}
    low, high = (_line(f"{meta}_{side}", colour, width=0, **edge) for side in ("low", "high"))
    return [low, high | {"fill": "tonexty", "fillcolor": colour}]


def _curves(height: int = 232, **yaxis: Any) -> Figure:
    """An empty figure over the steps of a run; a low one spares the title of its step axis."""
    titled = height > 160
    frame = layout(height, {"l": 44, "r": 16, "t": 8, "b": 42 if titled else 24})
    frame["xaxis"] = axis(
        showgrid=False,
        rangemode="tozero",
        nticks=6,
        ticklabelstandoff=4,
        spikecolor=QUIET,
        spikethickness=1,
        spikedash="solid",
    )
    if titled:
        frame["xaxis"]["title"] = {"text": "", "standoff": 6, "font": {"size": 11, "color": QUIET}}
    frame["yaxis"] = axis(ticklabelstandoff=6, **yaxis)
    frame["hovermode"] = "x unified"
    frame["dragmode"] = "zoom"
    return {"data": [], "layout": frame}


def _line(meta: str, colour: str, width: float, **more: Any) -> dict[str, Any]:
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "meta": meta, "x": [], "y": [], "line": line} | more


def _points(meta: str) -> dict[str, Any]:
    marker = {"color": DEV, "size": 7, "symbol": "diamond", "line": {"color": INK, "width": 1}}
    more = {"mode": "lines+markers", "marker": marker, "cliponaxis": False}
    return _line(meta, DEV, width=1.5) | more
