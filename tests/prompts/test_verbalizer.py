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
    st.characters(exclude_characters=",，、|｜\n\r", exclude_categories=["Cs"]), min_size=1
).filter(lambda word: word == word.strip())
colours = st.from_regex("#[0-9a-fA-F]{6}", fullmatch=True)


@st.composite
def verbalizers(draw):
    labels = draw(st.lists(words, min_size=2, max_size=5, unique=True))
    spread = draw(st.lists(words, min_size=len(labels), max_size=12, unique=True))
    given_words = {label: spread[i :: len(labels)] for i, label in enumerate(labels)}
    given_colours = draw(st.dictionaries(st.sampled_from(labels), colours))
    if draw(st.booleans()):  # a second slot, where labels may share their words
        given_words = {label: [given_words[label], ["both"]] for label in labels}
    aggregation = draw(st.sampled_from(["mean", "max", "logsumexp"]))
    weights = {spread[0]: draw(st.floats(0.1, 9))} if aggregation == "mean" else None
    return Verbalizer(
        given_words,
        given_colours,
        aggregation=aggregation,
        weights=weights if draw(st.booleans()) else None,
        multi_token=draw(st.sampled_from(["first", "mean", "exact"])),
    )


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

    def test_words_for_several_slots_are_parted_by_a_bar(self):
        verbalizer = Verbalizer({"founder": "person | founded, made ｜ firm", "no": "a | b | c"})
        assert verbalizer.slots == 3
        assert verbalizer.words["founder"] == ("person", "founded", "made", "firm")
        assert verbalizer.groups == ((0, 1, 2, 3), (4, 5, 6))
        assert verbalizer.word_slots == (0, 1, 1, 2, 0, 1, 2)
        assert verbalizer.word_labels == ("founder",) * 4 + ("no",) * 3
        lists = {"founder": [["person"], ["founded", "made"], ["firm"]], "no": [["a"], "b", "c"]}
        assert Verbalizer(lists) == verbalizer

    def test_labels_may_share_words_at_some_slots(self):
        verbalizer = Verbalizer({"founder": "person | founded", "head": "person | leads"})
        assert verbalizer.all_words == ("person", "founded", "person", "leads")

    def test_other_words_keep_colours_and_settings(self):
        verbalizer = Verbalizer(SENTIMENT, {"positive": "#123abc"}, weights={"bad": 2, "awful": 3})
        words = {"negative": "bad, poor", "positive": "fine"}
        expected = Verbalizer(words, {"positive": "#123abc"}, weights={"bad": 2})
        assert verbalizer.with_labels(words) == expected

    def test_repr_makes_it_again_but_for_colours(self):
        for verbalizer in (
            Verbalizer(SENTIMENT, weights={"bad": 2}, multi_token="exact"),
            Verbalizer({"a": "x | y", "b": "x | z"}, aggregation="max"),
        ):
            assert eval(repr(verbalizer)) == verbalizer

    def test_equality(self):
        same = Verbalizer({"negative": "terrible, bad, awful", "positive": "great"})
        assert Verbalizer(SENTIMENT) == same
        assert hash(Verbalizer(SENTIMENT)) == hash(same)
        assert Verbalizer(SENTIMENT) != Verbalizer(SENTIMENT, {"positive": "#000000"})
        assert Verbalizer(SENTIMENT) != Verbalizer(dict(reversed(SENTIMENT.items())))
        assert Verbalizer(SENTIMENT) != SENTIMENT
        assert Verbalizer(SENTIMENT) != Verbalizer(SENTIMENT, multi_token="mean")
        assert Verbalizer(SENTIMENT) != Verbalizer(SENTIMENT, aggregation="max")
        assert Verbalizer(SENTIMENT) != Verbalizer(SENTIMENT, weights={"bad": 2})
        assert Verbalizer(SENTIMENT) == Verbalizer(SENTIMENT, weights={"bad": 1})
        assert Verbalizer({"a": "x | y", "b": "z | w"}) != Verbalizer({"a": "x, y", "b": "z, w"})


class TestScores:
    def test_are_the_mean_over_the_words_of_a_label(self):
        logits = np.array([[1.0, 2.0, 6.0, 5.0], [0.0, -3.0, 0.0, -1.0]])
        np.testing.assert_allclose(Verbalizer(SENTIMENT).scores(logits), [[3.0, 5.0], [-1.0, -1.0]])

    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"aggregation": "max"}, [6.0, 5.0]),
            ({"aggregation": "logsumexp"}, [np.log(np.exp([1, 2, 6]).sum()), 5.0]),
            ({"weights": {"terrible": 3, "awful": 0, "great": 2}}, [(3 * 1 + 2) / 4, 5.0]),
            ({"weights": {"terrible": 0, "bad": 0}}, [6.0, 5.0]),
        ],
    )
    def test_by_other_ways_of_aggregating(self, settings, expected, kind):
        logits = np.array([1.0, 2.0, 6.0, 5.0])
        verbalizer = Verbalizer(SENTIMENT, **settings)
        if kind == "numpy":
            np.testing.assert_allclose(verbalizer.scores(logits), expected)
            return
        torch = pytest.importorskip("torch")
        given = torch.tensor(logits, requires_grad=True)
        scores = verbalizer.scores(given[None, None])[0, 0]
        np.testing.assert_allclose(scores.detach().numpy(), expected)
        scores.sum().backward()
        assert given.grad.sum().item() == pytest.approx(2)  # each score moves with its words

    def test_by_logsumexp_hold_for_large_logits(self):
        scores = Verbalizer(SENTIMENT, aggregation="logsumexp").scores(np.full(4, 3000.0))
        np.testing.assert_allclose(scores, [3000 + np.log(3), 3000])

    def test_of_several_slots_are_summed(self):
        verbalizer = Verbalizer({"a": "p | q, r | s", "b": "p | t | u"}, aggregation="max")
        logits = np.array([[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]])
        np.testing.assert_allclose(verbalizer.scores(logits), [[1 + 4 + 8, 16 + 32 + 64]])

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
            ({"a": ["x|y"], "b": "z"}, "comma_in_word", "a"),
            ({"a": "x | y", "b": "z"}, "unequal_slots", "b"),
            ({"a": "x | y", "b": "z | "}, "no_slot_words", "b"),
            ({"a": [["x"], []], "b": "z | w"}, "no_slot_words", "a"),
            ({"a": "x | y, z", "b": "x | z, y"}, "same_slots", "b"),
            ({"a": [["x"], [["y"]]], "b": "x | y"}, "word_not_text", "a"),
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

    @pytest.mark.parametrize(
        ("settings", "code"),
        [
            ({"aggregation": "median"}, "unknown_choice"),
            ({"aggregation": None}, "unknown_choice"),
            ({"multi_token": ["first"]}, "unknown_choice"),
            ({"weights": {"good": 1}}, "weight_of_no_word"),
            ({"weights": {"bad": -1}}, "bad_weight"),
            ({"weights": {"bad": float("nan")}}, "bad_weight"),
            ({"weights": {"bad": float("inf")}}, "bad_weight"),
            ({"weights": {"bad": "2"}}, "bad_weight"),
            ({"weights": {"bad": True}}, "bad_weight"),
            ({"weights": {"bad": 10**400}}, "bad_weight"),
            ({"weights": {"great": 0}}, "no_weight"),
            ({"weights": [1, 2]}, "not_weights"),
            ({"weights": {"bad": 2}, "aggregation": "max"}, "unused_weights"),
        ],
    )
    def test_of_settings(self, settings, code):
        error = error_of(settings, make=lambda settings: Verbalizer(SENTIMENT, **settings))
        assert error.code == f"verbalizer.{code}"
        assert error.message

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

    def test_holds_what_is_not_as_by_default(self):
        verbalizer = Verbalizer({"a": "x | y", "b": "x | z"}, weights={"x": 2}, multi_token="exact")
        value = json.loads(verbalizer.to_json())
        assert value["labels"] == {"a": [["x"], ["y"]], "b": [["x"], ["z"]]}
        assert value["weights"] == {"x": 2}
        assert value["multi_token"] == "exact"
        assert "aggregation" not in value

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
            ('{"labels": {"a": "x", "b": "y"}, "aggregation": 3}', "unknown_choice"),
            ('{"labels": {"a": "x", "b": "y"}, "weights": {"x": "2"}}', "bad_weight"),
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
        rows, settings = verbalizer.to_rows(), verbalizer.settings
        assert Verbalizer.from_rows(rows, **settings) == verbalizer
        labels, colours = verbalizer.to_labels(), verbalizer.colours
        assert Verbalizer(labels, colours, **settings) == verbalizer

    def test_have_a_bar_between_slots(self):
        rows = Verbalizer({"a": "x, y | z", "b": "x | w"}).to_rows()
        assert [row["words"] for row in rows] == ["x, y | z", "x | w"]

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
