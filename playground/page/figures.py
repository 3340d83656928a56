"""Bar figures: the likeliest tokens at an answer slot, and the labels' probabilities."""

import math
from collections.abc import Mapping, Sequence
from typing import TypedDict

from playground.page.figure_parts import NEUTRAL, QUIET, Figure, axis, layout, plain_text

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
    frame = layout(top + BAR_HEIGHT * count + 4, {"l": 8, "r": 58, "t": top, "b": 4})
    frame["xaxis"] = {"visible": False, "fixedrange": True, "range": [0, longest]}
    # Rows are placed by number: two tokens may look the same, and a category axis would merge them.
    frame["yaxis"] = axis(
        range=[count - 0.5, -0.5],
        tickvals=list(range(count)),
        ticktext=list(ticks),
        showgrid=False,
        fixedrange=True,
        automargin=True,
        ticklabelstandoff=8,
        tickfont={"size": 12.5},
    )
    frame["bargap"] = 0.34
    frame["hovermode"] = "y"
    if title:
        frame["title"] = {
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
    return {"data": [bars], "layout": frame}


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


def _hover(name: str, lines: Sequence[tuple[str, object]], words: Mapping[str, str]) -> str:
    head = f"<b>{plain_text(name)}</b>"
    told = [f"{plain_text(words[id])} {plain_text(value)}" for id, value in lines if words.get(id)]
    return "<br>".join([head, *told])


def _exact(value: float | None) -> str:
    return "\u2013" if value is None or not math.isfinite(value) else f"{value:.6g}"


def _clipped(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "\u2026"
