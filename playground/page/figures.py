"""Every Plotly figure of the page, as plain dicts that the browser draws.

A figure is ``{"data": [...], "layout": {...}}`` and can be turned into JSON; plotly.py, which
takes long to import, is never needed. Colours and font families are written as CSS variables
(``"var(--body-text-color)"``): ``drawing.js`` looks them up each time that it draws, so one figure
serves the light and the dark theme. Plotly reads tags such as ``<b>`` and ``<a href>`` in any
text, so every text that a person or a model supplied goes through ``plain_text``.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

Figure = dict[str, Any]

NEUTRAL = "var(--pg-neutral)"
QUIET = "var(--pg-quiet)"
INK = "var(--pg-ink)"
DEV = "var(--pg-dev)"

BAR_HEIGHT = 24  # px, the bar and the gap to the next
PAIR_HEIGHT = 40  # px, two bars and the gap to the next two
LONGEST_TOKEN = 16  # characters on the axis, where a phone has room for them and for the bars;
LONGEST_LABEL = 20  # the whole of it is in the hover
_MARKS = str.maketrans({"\n": "\u21b5", "\r": "\u240d", "\t": "\u21e5"})


class AnswerRow(TypedDict, total=False):
    """One token at the answer slot; ``token`` and ``probability`` are needed, the rest is not."""

    token: str
    probability: float
    rank: int | None
    logit: float | None
    label: str | None
    colour: str | None


def plain_text(text: object) -> str:
    """``text`` so that Plotly shows its characters and never reads them as markup."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible_token(token: str) -> str:
    """``token`` with its white space made visible: GPT-2's " great" is not the token "great"."""
    body = token.translate(_MARKS)
    trimmed = body.strip(" ")
    if not trimmed:
        return "\u2423" * len(body) or "\u2205"
    start = body.index(trimmed)
    end = len(body) - start - len(trimmed)
    return "\u2423" * start + trimmed + "\u2423" * end


def short_probability(probability: float) -> str:
    """Three significant digits, for the end of a bar: 0.312, 0.0471, 0.00230, <0.001, 1."""
    if not math.isfinite(probability):
        return "\u2013"
    if probability <= 0 or probability >= 1:
        return f"{probability:.0f}"
    if probability < 0.001:
        return "<0.001"
    return f"{probability:#.3g}"


def answer_bars(
    rows: Sequence[AnswerRow],
    other: float | None,
    answer_label: str,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Horizontal bars of the likeliest tokens at an answer slot, the likeliest on top.

    ``other`` is the probability outside ``rows`` and becomes a last, pale bar; None leaves it
    away. ``answer_label`` heads the figure ("at [MASK]"). ``names`` holds the words of the bar and
    of the hover: "other", "probability", "rank", "logit", "label"; a line whose word is missing is
    left away. A row with a ``colour`` is a label word and wears it.
    """
    words = names or {}
    ticks, hovers = [], []
    for place, row in enumerate(rows, start=1):
        token = visible_token(row["token"])
        ticks.append(plain_text(_clipped(token, LONGEST_TOKEN)))
        lines = [("probability", _exact(row["probability"])), ("rank", row.get("rank") or place)]
        if row.get("logit") is not None:
            lines.append(("logit", _exact(row["logit"])))
        if row.get("label"):
            lines.append(("label", row["label"]))
        hovers.append(_hover(token, lines, words))
    values = [row["probability"] for row in rows]
    colours = [row.get("colour") or NEUTRAL for row in rows]
    opacities = [1.0] * len(rows)
    if other is not None:
        values.append(other)
        ticks.append(plain_text(words.get("other", "")))
        colours.append(NEUTRAL)
        opacities.append(0.5)
        hovers.append(_hover(words.get("other", ""), [("probability", _exact(other))], words))
    longest = max([value for value in values if math.isfinite(value)], default=0.0)
    figure = _bars(values, ticks, hovers, colours, opacities, longest or 1.0, answer_label)
    figure["layout"]["yaxis"]["tickfont"] = {"family": "var(--font-mono)", "size": 12.5}
    return figure


def label_bars(
    labels: Sequence[str],
    probabilities: Sequence[float],
    colours: Mapping[str, str],
    true_label: str | None = None,
    names: Mapping[str, str] | None = None,
    *,
    raw: Sequence[float] | None = None,
    title: str = "",
) -> Figure:
    """Horizontal bars of the labels' probabilities, in the order of ``labels``, from 0 to 1.

    The likeliest label is set in bold, and ``true_label``, where it is known, wears a tick.
    ``raw`` are the probabilities before calibration: pale bars above those of ``probabilities``.
    ``title`` heads the figure.
    ``names`` holds the words of the hover: "probability", "raw", "true_label".
    """
    words = names or {}
    finite = [p if math.isfinite(p) else -1.0 for p in probabilities]
    best = finite.index(max(finite)) if finite else -1
    ticks, hovers = [], []
    for index, (label, probability) in enumerate(zip(labels, probabilities, strict=True)):
        name = plain_text(_clipped(label, LONGEST_LABEL))
        mark = "\u2713 " if label == true_label else ""
        ticks.append(mark + (f"<b>{name}</b>" if index == best else name))
        lines = [("probability", _exact(probability))]
        if raw is not None:
            lines.append(("raw", _exact(raw[index])))
        hover = _hover(label, lines, words)
        if label == true_label and words.get("true_label"):
            hover += f"<br>\u2713 {plain_text(words['true_label'])}"
        hovers.append(hover)
    shades = [colours.get(label, NEUTRAL) for label in labels]
    figure = _bars(list(probabilities), ticks, hovers, shades, [1.0] * len(labels), 1.0, title)
    if raw is not None:
        _put_above(figure, list(raw))
    return figure


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


def _band(meta: str, colour: str) -> list[dict[str, Any]]:
    """The lower and the upper edge, and the colour between them."""
    edge = {"hoverinfo": "skip", "connectgaps": False}
    low, high = (_line(f"{meta}_{side}", colour, width=0, **edge) for side in ("low", "high"))
    return [low, high | {"fill": "tonexty", "fillcolor": colour}]


def _layout(height: int, margin: Mapping[str, int]) -> dict[str, Any]:
    """What every figure shares, in either theme."""
    return {
        "height": height,
        "margin": {"pad": 0, **margin},
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "var(--font)", "size": 12, "color": "var(--body-text-color)"},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": "var(--background-fill-primary)",
            "bordercolor": "var(--border-color-primary)",
            "font": {"family": "var(--font)", "size": 12, "color": "var(--body-text-color)"},
            "align": "left",
            "namelength": -1,
        },
    }


def _axis(**more: Any) -> dict[str, Any]:
    return {
        "gridcolor": "var(--pg-grid)",
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": QUIET},
        **more,
    }


def _bars(
    values: Sequence[float],
    ticks: Sequence[str],
    hovers: Sequence[str],
    colours: Sequence[str],
    opacities: Sequence[float],
    longest: float,
    title: str,
) -> Figure:
    count = len(values)
    top = 28 if title else 4
    # The right margin holds the text at the end of the longest bar (``cliponaxis`` is off).
    layout = _layout(top + BAR_HEIGHT * count + 4, {"l": 8, "r": 58, "t": top, "b": 4})
    layout["xaxis"] = {"visible": False, "fixedrange": True, "range": [0, longest]}
    # Rows are placed by number: two tokens may look the same, and a category axis would merge them.
    layout["yaxis"] = _axis(
        range=[count - 0.5, -0.5],
        tickvals=list(range(count)),
        ticktext=list(ticks),
        showgrid=False,
        fixedrange=True,
        automargin=True,
        ticklabelstandoff=8,
        tickfont={"size": 12.5},
    )
    layout["bargap"] = 0.34
    layout["hovermode"] = "y"
    if title:
        layout["title"] = {
            "text": plain_text(title),
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 4},
            "font": {"size": 12, "color": QUIET},
        }
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [value if math.isfinite(value) else None for value in values],
        "y": list(range(count)),
        "text": [plain_text(short_probability(value)) for value in values],
        "textposition": "outside",
        "textangle": 0,
        "textfont": {"color": "var(--body-text-color)", "size": 12},
        "cliponaxis": False,
        "hoverinfo": "text",
        "hovertext": list(hovers),
        "marker": {
            "color": list(colours),
            "opacity": list(opacities),
            "cornerradius": 3,
            "line": {"width": 0},
        },
    }
    return {"data": [bars], "layout": layout}


def _put_above(figure: Figure, values: Sequence[float]) -> None:
    """Gives every bar a second, pale one above it."""
    (bars,) = figure["data"]
    pale = {
        **bars,
        "x": [value if math.isfinite(value) else None for value in values],
        "text": [plain_text(short_probability(value)) for value in values],
        "textfont": {"color": QUIET, "size": 11},
        "hoverinfo": "skip",
        "marker": {**bars["marker"], "opacity": 0.4},
    }
    figure["data"] = [pale, bars]
    figure["layout"]["barmode"] = "group"
    figure["layout"]["bargap"] = 0.26
    figure["layout"]["height"] += (PAIR_HEIGHT - BAR_HEIGHT) * len(values)


def _curves(height: int = 232, **yaxis: Any) -> Figure:
    """An empty figure over the steps of a run; a low one spares the title of its step axis."""
    titled = height > 160
    layout = _layout(height, {"l": 44, "r": 16, "t": 8, "b": 42 if titled else 24})
    layout["xaxis"] = _axis(
        showgrid=False,
        rangemode="tozero",
        nticks=6,
        ticklabelstandoff=4,
        spikecolor=QUIET,
        spikethickness=1,
        spikedash="solid",
    )
    if titled:
        layout["xaxis"]["title"] = {"text": "", "standoff": 6, "font": {"size": 11, "color": QUIET}}
    layout["yaxis"] = _axis(ticklabelstandoff=6, **yaxis)
    layout["hovermode"] = "x unified"
    layout["dragmode"] = "zoom"
    return {"data": [], "layout": layout}


def _line(meta: str, colour: str, width: float, **more: Any) -> dict[str, Any]:
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "meta": meta, "x": [], "y": [], "line": line} | more


def _points(meta: str) -> dict[str, Any]:
    marker = {"color": DEV, "size": 7, "symbol": "diamond", "line": {"color": INK, "width": 1}}
    more = {"mode": "lines+markers", "marker": marker, "cliponaxis": False}
    return _line(meta, DEV, width=1.5) | more


def _hover(name: str, lines: Sequence[tuple[str, object]], words: Mapping[str, str]) -> str:
    head = f"<b>{plain_text(name)}</b>"
    told = [f"{plain_text(words[id])} {plain_text(value)}" for id, value in lines if words.get(id)]
    return "<br>".join([head, *told])


def _exact(value: float | None) -> str:
    return "\u2013" if value is None or not math.isfinite(value) else f"{value:.6g}"


def _clipped(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "\u2026"
