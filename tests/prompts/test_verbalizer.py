"""Label words: reading them, scoring labels by them, taking them in and out, and mistakes."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.errors import PlaygroundError, VerbalizerError
from playground.prompts import Verbalizer

SENTIMENT = {"negative": ["terrible", "bad", "awful"], "positive": ["great"]}

words = st.text(
    st.characters(exclude_characters=",，、\n\r", exclude_categories=["Cs"]), min_size=1
).filter(lambda word: word == word.strip())
colours = st.from_regex("#[0-9a-fA-F]{6}", fullmatch=True)


@st.composite
def verbalizers(draw):
    labels = draw(st.lists(words, min_size=2, max_size=5, unique=True))
    spread = draw(st.lists(words, min_size=len(labels), max_size=12, unique=True))
    given_words = {label: spread[i :: len(labels)] for i, label in enumerate(labels)}
    given_colours = draw(st.dictionaries(st.sampled_from(labels), colours))
    return Verbalizer(given_words, given_colours)


def error_of(*args, make=Verbalizer) -> VerbalizerError:
    with pytest.raises(VerbalizerError) as caught:
        make(*args)
    return caught.value


def error_while(action: Callable[[], object]) -> PlaygroundError | None:
    try:
        action()
    except PlaygroundError as error:
        return error
    return None


class TestReading:
    def test_labels_words_and_groups_keep_their_order(self):
        verbalizer = Verbalizer(SENTIMENT)
        assert verbalizer.labels == ("negative", "positive")
        assert verbalizer.words == {
            "negative": ("terrible", "bad", "awful"),
            "positive": ("great",),
        }
        assert verbalizer.all_words == ("terrible", "bad", "awful", "great")
        assert verbalizer.groups == ((0, 1, 2), (3,))

    def test_words_may_be_typed_with_commas(self):
        verbalizer = Verbalizer({" 差 ": "差，糟糕、烂,", "好": " in summary , good"})
        assert verbalizer.words == {"差": ("差", "糟糕", "烂"), "好": ("in summary", "good")}

    def test_a_word_twice_in_one_label_counts_once(self):
        assert Verbalizer({"a": ["x", " x ", "X"], "b": "y"}).words["a"] == ("x", "X")

    def test_colours_are_okabe_and_ito_by_order_unless_given(self):
        verbalizer = Verbalizer({str(i): f"w{i}" for i in range(9)}, {"1": "#123abc"})
        assert list(verbalizer.colours.values()) == [
            "#0072B2",
            "#123abc",
            "#009E73",
            "#CC79A7",
            "#E69F00",
            "#56B4E9",
            "#F0E442",
            "#999999",
            "#0072B2",
        ]

    def test_equality(self):
        same = Verbalizer({"negative": "terrible, bad, awful", "positive": "great"})
        assert Verbalizer(SENTIMENT) == same
        assert hash(Verbalizer(SENTIMENT)) == hash(same)
        assert Verbalizer(SENTIMENT) != Verbalizer(SENTIMENT, {"positive": "#000000"})
        assert Verbalizer(SENTIMENT) != Verbalizer(dict(reversed(SENTIMENT.items())))
        assert Verbalizer(SENTIMENT) != SENTIMENT


class TestScores:
    def test_are_the_mean_over_the_words_of_a_label(self):
        logits = np.array([[1.0, 2.0, 6.0, 5.0], [0.0, -3.0, 0.0, -1.0]])
        np.testing.assert_allclose(Verbalizer(SENTIMENT).scores(logits), [[3.0, 5.0], [-1.0, -1.0]])

    @pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 3, 4), (0, 4)])
    def test_keep_the_leading_shape(self, shape):
        logits = np.random.default_rng(0).normal(size=shape)
        scores = Verbalizer(SENTIMENT).scores(logits)
        assert scores.shape == (*shape[:-1], 2)
        np.testing.assert_allclose(scores[..., 0], logits[..., :3].mean(-1))
        np.testing.assert_allclose(scores[..., 1], logits[..., 3])

    def test_leave_the_input_alone_and_take_whole_numbers(self):
        logits = np.array([1, 2, 2, 7])
        np.testing.assert_allclose(Verbalizer(SENTIMENT).scores(logits), [5 / 3, 7.0])
        assert logits.tolist() == [1, 2, 2, 7]

    def test_of_one_label_do_not_leak_into_another(self):
        scores = Verbalizer(SENTIMENT).scores(np.array([np.nan, -np.inf, 0.0, 1.0]))
        assert np.isnan(scores[0])
        assert scores[1] == 1.0

    def test_of_torch_tensors_carry_gradients(self):
        torch = pytest.importorskip("torch")
        logits = torch.tensor([[1.0, 2.0, 6.0, 5.0]], requires_grad=True)
        scores = Verbalizer(SENTIMENT).scores(logits)
        assert torch.equal(scores, torch.tensor([[3.0, 5.0]]))
        (scores * torch.tensor([3.0, 7.0])).sum().backward()
        torch.testing.assert_close(logits.grad, torch.tensor([[1.0, 1.0, 1.0, 7.0]]))
        assert Verbalizer(SENTIMENT).scores(logits.bfloat16()).dtype == torch.bfloat16

    def test_probabilities_are_the_softmax_of_the_scores(self):
        logits = np.array([[1.0, 2.0, 6.0, 5.0], [2000.0, 2000.0, 2000.0, 0.0]])
        negative = 1 / (1 + np.exp(5.0 - 3.0))
        np.testing.assert_allclose(
            Verbalizer(SENTIMENT).probabilities(logits), [[negative, 1 - negative], [1.0, 0.0]]
        )

    @pytest.mark.parametrize("shape", [(2, 3), (4, 2), ()])
    def test_need_one_number_for_each_word(self, shape):
        error = error_of(np.zeros(shape), make=Verbalizer(SENTIMENT).scores)
        assert error.code == "verbalizer.word_count"
        assert error.details["words"] == 4
        assert error.details["shape"] == shape


class TestMistakes:
    @pytest.mark.parametrize(
        ("labels", "code", "label"),
        [
            ({}, "empty", None),
            ({"a": "x"}, "one_label", "a"),
            ({"a": "x", "b": []}, "no_words", "b"),
            ({"a": "x", "b": " , "}, "no_words", "b"),
            ({"a": "x", " ": "y"}, "empty_label", None),
            ({"a": "x", " a": "y"}, "duplicate_label", "a"),
            ({"a": ["x"], "b": ["y", " x"]}, "shared_word", "b"),
            ({"a": ["x, y"], "b": "z"}, "comma_in_word", "a"),
            ({"a": ["x\ny"], "b": "z"}, "comma_in_word", "a"),
            ({"a": ["x"], "b": [1]}, "word_not_text", "b"),
            ({"a": ["x"], "b": None}, "word_not_text", "b"),
            ({"a": "x", 1: "y"}, "label_not_text", None),
            (None, "not_labels", None),
            (["a", "b"], "not_labels", None),
        ],
    )
    def test_are_named(self, labels, code, label):
        error = error_of(labels)
        assert error.code == f"verbalizer.{code}"
        assert error.label == label
        assert label is None or f'"{label}"' in error.message

    def test_letter_case_tells_words_apart(self):
        assert Verbalizer({"a": "May", "b": "may"}).all_words == ("May", "may")

    def test_of_a_shared_word_name_both_labels(self):
        error = error_of({"a": "x", "b": "y, x"})
        assert (error.details["other"], error.label, error.details["word"]) == ("a", "b", "x")
        assert error.message.startswith('The word "x" stands for both "a" and "b".')

    @pytest.mark.parametrize("colour", ["red", "#12345", "#1234567", "#12345g", "", None, 1])
    def test_a_colour_is_six_hexadecimal_digits(self, colour):
        error = error_of(SENTIMENT, {"positive": colour})
        assert (error.code, error.label) == ("verbalizer.bad_colour", "positive")

    def test_a_colour_for_no_label(self):
        error = error_of(SENTIMENT, {"neutral": "#000000"})
        assert error.code == "verbalizer.unknown_label"
        assert error.details["name"] == "neutral"


class TestJson:
    @given(verbalizers())
    def test_round_trip(self, verbalizer):
        assert Verbalizer.from_json(verbalizer.to_json()) == verbalizer

    def test_is_readable_as_it_is(self):
        source = Verbalizer({"好评": "好", "差评": "差"}).to_json()
        assert json.loads(source) == {
            "labels": {"好评": ["好"], "差评": ["差"]},
            "colours": {"好评": "#0072B2", "差评": "#D55E00"},
        }
        assert "好评" in source

    def test_the_bare_object_of_other_tools_is_read(self):
        assert Verbalizer.from_json(json.dumps(SENTIMENT)) == Verbalizer(SENTIMENT)
        assert Verbalizer.from_json('{"labels": "x", "colours": ["y"]}').labels == (
            "labels",
            "colours",
        )

    @pytest.mark.parametrize(
        ("source", "code"),
        [
            ("", "bad_json"),
            ('{"a": "x",\n b', "bad_json"),
            ("[]", "not_labels"),
            ("3", "not_labels"),
            ("[" * 100_000, "not_labels"),
            ("1" * 5000, "not_labels"),
            ('{"labels": {"a": "x", "b": "y"}, "colours": 3}', "not_labels"),
            ('{"a": "x", "b": "y", "a": "z"}', "duplicate_label"),
            (None, "not_labels"),
        ],
    )
    def test_mistakes(self, source, code):
        assert error_of(source, make=Verbalizer.from_json).code == f"verbalizer.{code}"

    def test_a_mistake_in_the_json_is_pointed_at(self):
        error = error_of('{"a": "x",\n b', make=Verbalizer.from_json)
        assert (error.details["line"], error.details["column"]) == (2, 2)
        assert "line 2, column 2" in error.message


class TestRows:
    @given(verbalizers())
    def test_round_trip(self, verbalizer):
        assert Verbalizer.from_rows(verbalizer.to_rows()) == verbalizer

    def test_are_what_a_table_shows(self):
        assert Verbalizer(SENTIMENT).to_rows() == [
            {"label": "negative", "words": "terrible, bad, awful", "colour": "#0072B2"},
            {"label": "positive", "words": "great", "colour": "#D55E00"},
        ]

    def test_blank_rows_and_missing_colours_are_nothing(self):
        rows = [
            {"label": "negative", "words": "terrible, bad, awful"},
            {"label": " ", "words": None, "colour": ""},
            {"label": "positive", "words": "great", "colour": float("nan")},
            {},
        ]
        assert Verbalizer.from_rows(rows) == Verbalizer(SENTIMENT)

    @pytest.mark.parametrize(
        ("rows", "code"),
        [
            ([], "empty"),
            ([{"label": "a", "words": "x"}, {"label": "a ", "words": "y"}], "duplicate_label"),
            ([{"label": "a", "words": "x"}, {"label": "b"}], "no_words"),
            ([{"label": "a", "words": "x"}, {"words": "y"}], "empty_label"),
            ([["a", "x"]], "not_rows"),
            (None, "not_rows"),
        ],
    )
    def test_mistakes(self, rows, code):
        assert error_of(rows, make=Verbalizer.from_rows).code == f"verbalizer.{code}"

    def test_a_row_without_a_name_is_counted_among_all_rows(self):
        rows = [{"label": "a", "words": "x"}, {}, {"words": "y"}]
        assert error_of(rows, make=Verbalizer.from_rows).details["number"] == 3


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class TestForEveryInput:
    @given(anything, anything)
    @example({"a": {"x": 1}, "b": "y"}, None)
    def test_nothing_is_raised_but_sentences(self, labels, colours):
        for make in (Verbalizer, lambda *both: Verbalizer.from_rows(both)):
            if error := error_while(lambda make=make: make(labels, colours)):
                assert error.code.startswith("verbalizer.")
                assert error.message

    @given(st.text() | anything.map(json.dumps))
    def test_nothing_is_raised_by_json_but_sentences(self, source):
        if error := error_while(lambda: Verbalizer.from_json(source)):
            assert error.code.startswith("verbalizer.")
            assert error.message
