"""The figures as data: what is drawn, in which colour, and that no text is read as markup."""

import json
import math
import subprocess
import sys

import pytest

from playground.page.figure_parts import NEUTRAL, plain_text
from playground.page.figures import (
    BAR_HEIGHT,
    answer_bars,
    label_bars,
    short_probability,
    visible_token,
)

ROWS = [
    {
        "token": "great",
        "probability": 0.31234,
        "logit": 9.5,
        "label": "positive",
        "colour": "#D55E00",
    },
    {"token": "fine", "probability": 0.0471, "rank": 2, "logit": 7.25},
]
COLOURS = {"negative": "#0072B2", "positive": "#D55E00"}


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0.31234, "0.312"),
        (0.5, "0.500"),
        (0.0471, "0.0471"),
        (0.0023, "0.00230"),
        (0.00012, "<0.001"),
        (0.0, "0"),
        (1.0, "1"),
        (math.nan, "\u2013"),
    ],
)
def test_probabilities_have_three_significant_digits(probability: float, shown: str) -> None:
    assert short_probability(probability) == shown


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("great", "great"),
        (" great", "\u2423great"),
        ("new york", "new york"),
        (" the ", "\u2423the\u2423"),
        ("\n", "\u21b5"),
        ("  ", "\u2423\u2423"),
        ("", "\u2205"),
        ("\u7535\u5f71", "\u7535\u5f71"),
    ],
)
def test_white_space_in_a_token_is_visible(token: str, shown: str) -> None:
    assert visible_token(token) == shown


def test_plain_text_leaves_nothing_for_plotly_to_read() -> None:
    assert plain_text("<b>&lt;</b>") == "&lt;b&gt;&amp;lt;&lt;/b&gt;"


def test_answer_bars_show_the_tokens_and_the_rest() -> None:
    figure = answer_bars(ROWS, 0.64, "at [MASK]", {"other": "other"})
    (bars,) = figure["data"]
    assert bars["x"] == [0.31234, 0.0471, 0.64]
    assert bars["text"] == ["0.312", "0.0471", "0.640"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["great", "fine", "other"]
    assert bars["marker"]["color"] == ["#D55E00", NEUTRAL, NEUTRAL]
    assert figure["layout"]["title"]["text"] == "at [MASK]"


def test_the_rest_can_be_left_away() -> None:
    figure = answer_bars(ROWS, None, "")
    assert len(figure["data"][0]["x"]) == 2
    assert "title" not in figure["layout"]


def test_every_bar_has_the_same_height() -> None:
    heights = [answer_bars(ROWS * n, 0.1, "at [MASK]")["layout"]["height"] for n in (1, 2, 5)]
    assert heights[1] - heights[0] == 2 * BAR_HEIGHT
    assert heights[2] - heights[1] == 6 * BAR_HEIGHT


def test_the_hover_tells_what_has_a_word() -> None:
    names = {"probability": "p", "rank": "rank", "logit": "logit", "label": "label"}
    first, second = answer_bars(ROWS, None, "", names)["data"][0]["hovertext"]
    assert first == "<b>great</b><br>p 0.31234<br>rank 1<br>logit 9.5<br>label positive"
    assert second == "<b>fine</b><br>p 0.0471<br>rank 2<br>logit 7.25"
    assert answer_bars(ROWS, None, "")["data"][0]["hovertext"][1] == "<b>fine</b>"


def test_markup_in_a_token_a_label_or_a_title_is_shown_as_it_is() -> None:
    evil = "<a href='javascript:alert(1)'>x</a>"
    row = {"token": evil, "probability": 0.5, "label": evil, "logit": 1.0}
    figures = [
        answer_bars([row], 0.5, evil, {"other": evil, "label": evil}),
        label_bars([evil, "b"], [0.9, 0.1], {evil: "#D55E00"}, true_label=evil),
    ]
    for figure in figures:
        assert "<a" not in json.dumps(figure)


def test_a_long_token_is_clipped_on_the_axis_and_whole_in_the_hover() -> None:
    token = "supercalifragilisticexpialidocious"
    figure = answer_bars([{"token": token, "probability": 1.0}], None, "")
    (tick,) = figure["layout"]["yaxis"]["ticktext"]
    assert len(tick) < len(token)
    assert tick.endswith("\u2026")
    assert token in figure["data"][0]["hovertext"][0]


def test_tokens_that_look_the_same_keep_a_bar_each() -> None:
    figure = answer_bars([{"token": "a", "probability": 0.2}] * 3, None, "")
    assert figure["data"][0]["y"] == [0, 1, 2]


def test_no_rows_are_drawn_without_a_complaint() -> None:
    figure = answer_bars([], None, "at [MASK]")
    assert figure["layout"]["xaxis"]["range"] == [0, 1.0]


def test_numbers_that_are_none_make_valid_json() -> None:
    rows = [{"token": "a", "probability": math.nan, "logit": math.inf}]
    json.dumps(answer_bars(rows, 0.5, ""), allow_nan=False)


def test_label_bars_mark_the_likeliest_and_the_true_label() -> None:
    figure = label_bars(
        list(COLOURS), [0.2, 0.8], COLOURS, "negative", {"true_label": "true label"}
    )
    (bars,) = figure["data"]
    assert figure["layout"]["yaxis"]["ticktext"] == ["\u2713 negative", "<b>positive</b>"]
    assert bars["marker"]["color"] == list(COLOURS.values())
    assert figure["layout"]["xaxis"]["range"] == [0, 1.0]
    assert "true label" in bars["hovertext"][0]
    assert "true label" not in bars["hovertext"][1]


def test_label_bars_need_a_probability_for_each_label() -> None:
    with pytest.raises(ValueError, match="zip"):
        label_bars(["negative", "positive"], [1.0], COLOURS)


def test_figures_need_neither_plotly_nor_gradio() -> None:
    code = (
        "import sys, playground.page.figures, playground.page.run_figures;"
        "print([m for m in ('plotly', 'gradio', 'torch', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_calibrated_label_bars_have_the_raw_ones_above_them() -> None:
    figure = label_bars(list(COLOURS), [0.4, 0.6], COLOURS, names={"raw": "raw"}, raw=[0.1, 0.9])
    pale, bars = figure["data"]
    assert (pale["x"], bars["x"]) == ([0.1, 0.9], [0.4, 0.6])
    assert pale["marker"]["opacity"] < 1
    assert "raw 0.1" in bars["hovertext"][0]
    assert (
        figure["layout"]["height"]
        > label_bars(list(COLOURS), [0.4, 0.6], COLOURS)["layout"]["height"]
    )
