"""Which token stands for a label word, and the words that no model can tell apart."""

import pytest

from playground.errors import VerbalizerError
from playground.prompts import Template, Verbalizer

SENTIMENT = Verbalizer({"negative": ["bad", "terrible"], "positive": ["great", "good"]})
CLOZE = Template("{text} It was [MASK].")


def error_of(model, words, source="{text} It was [MASK].") -> VerbalizerError:
    with pytest.raises(VerbalizerError) as caught:
        model.label_words(Template(source), Verbalizer(words))
    return caught.value


@pytest.mark.parametrize("family", ["bert", "roberta", "albert"])
def test_words_are_whole_tokens_in_the_order_of_the_verbalizer(family, loaded):
    model = loaded(family)
    ids = model.label_word_ids(CLOZE, SENTIMENT)
    assert ids.shape == (4,)
    assert [model.token_text(token) for token in ids.tolist()] == list(SENTIMENT.all_words)


@pytest.mark.parametrize(
    ("source", "token"),
    [
        ("{text} It was [MASK].", "Ġgreat"),
        ("{text}\n[MASK]", "Ġgreat"),
        ("{text} [SOFT*3] [MASK]", "Ġgreat"),
        ("{text} ([MASK])", "great"),
        ("{text}[MASK]", "great"),
        ("{text} It was[MASK]", "great"),
    ],
)
def test_byte_level_tokens_know_whether_a_space_precedes_the_slot(source, token, loaded):
    model = loaded("roberta")
    after_space = token.startswith("Ġ")
    expected = model.tokenizer(" great" if after_space else "great", add_special_tokens=False)
    found = model.label_words(Template(source), Verbalizer({"p": ["great"], "n": ["film"]}))
    assert found["great"][1] == expected["input_ids"]
    assert model.tokenizer.decode(found["great"][1]).startswith(" ") == after_space


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_causal_model_predicts_the_space_with_the_word(family, loaded):
    model = loaded(family)
    written = model.tokenizer("It was great")["input_ids"]
    prefix = model.encode(Template("{text} [MASK]"), [{"text": "It was"}])[0].ids
    assert list(prefix) == written[: len(prefix)]
    [token, *_] = model.label_words(Template("{text} [MASK]"), SENTIMENT)["great"]
    assert token == written[len(prefix)]


def test_a_word_of_several_tokens_is_scored_by_its_first_and_all_are_told(loaded):
    model = loaded("bert")
    found = model.label_words(CLOZE, Verbalizer({"p": ["goodly"], "n": ["badmat"]}))
    first, tokens = found["goodly"]
    assert model.tokenizer.convert_ids_to_tokens(tokens) == ["good", "##ly"]
    assert first == tokens[0]


def test_an_unknown_word_is_named_with_its_label(loaded):
    error = error_of(loaded("bert"), {"positive": ["great"], "negative": ["bad", "✗✗"]})
    assert error.code == "verbalizer.unknown_word"
    assert error.label == "negative"
    assert "✗✗" in str(error)


def test_two_labels_by_one_token_are_refused(loaded):
    error = error_of(loaded("bert"), {"positive": ["good"], "negative": ["goodly"]})
    assert error.code == "verbalizer.same_token"
    assert error.label == "negative"
    assert {error.details["word"], error.details["other_word"]} == {"good", "goodly"}
    assert error.details["token"] == "good"


def test_words_that_differ_by_case_alone_are_one_to_an_uncased_model(loaded):
    assert error_of(loaded("bert"), {"a": ["Good"], "b": ["good"]}).code == "verbalizer.same_token"
    words = loaded("roberta").label_words(CLOZE, Verbalizer({"a": ["Great"], "b": ["great"]}))
    assert words["Great"][0] != words["great"][0]


def test_one_label_may_have_two_words_of_one_token(loaded):
    found = loaded("bert").label_words(CLOZE, Verbalizer({"p": ["good", "goodly"], "n": ["bad"]}))
    assert found["good"][0] == found["goodly"][0]


@pytest.mark.parametrize("family", ["albert", "xlm-roberta", "llama", "bert"])
@pytest.mark.parametrize("source", ["{text} 总之很[MASK]", "{text} 总之很 [MASK]"])
def test_chinese_words_are_told_apart(family, source, loaded):
    model = loaded(family)
    found = model.label_words(Template(source), Verbalizer({"好": ["好"], "差": ["差"]}))
    assert model.token_text(found["好"][0]) == "好"
    assert model.token_text(found["差"][0]) == "差"


def test_a_special_token_is_no_label_word(loaded):
    model = loaded("roberta")
    found = model.label_words(CLOZE, Verbalizer({"p": ["<mask>"], "n": ["bad"]}))
    assert model.tokenizer.mask_token_id not in found["<mask>"][1]
