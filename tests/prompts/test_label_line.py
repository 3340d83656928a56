"""Verbalizers as people type them on a line."""

import pytest

from playground.errors import VerbalizerError
from playground.prompts import Verbalizer, label_line, read_label_line


@pytest.mark.parametrize(
    "line",
    [
        "negative: bad, dull; positive: great",
        "negative=bad,dull;positive=great;",
        "negative:bad, dull ;positive = great",
    ],
)
def test_a_colon_or_an_equals_sign_parts_labels_and_words(line):
    assert read_label_line(line) == Verbalizer({"negative": ["bad", "dull"], "positive": ["great"]})


def test_only_the_first_sign_counts():
    assert read_label_line("a: x=1; b: :)").words == {"a": ("x=1",), "b": (":)",)}


@pytest.mark.parametrize(
    "labels",
    [{"a": ["so"], "b": ["not", "never"]}, {"a": "so | great", "b": "so, too | bad"}],
)
def test_what_is_written_is_read_again(labels):
    verbalizer = Verbalizer(labels)
    assert read_label_line(label_line(verbalizer)) == verbalizer


@pytest.mark.parametrize(
    ("line", "code"),
    [("great", "verbalizer.no_colon"), ("", "verbalizer.empty"), ("a: x; a: y", None)],
)
def test_mistakes(line, code):
    with pytest.raises(VerbalizerError) as error:
        read_label_line(line)
    assert code is None or error.value.code == code
