"""The tokenizers that pretraining makes: what they keep, what they make the same."""

import pytest

from playground.models.pretraining.tokenizer import load_tokenizer, train_tokenizer
from tests.pretraining import CAUSAL, MASKED, RECIPES, documents

TEXT = ["I don't like it, it's a “bad” café. They can't. 10 people don't."] * 20


def trained(recipe):
    return train_tokenizer(recipe, [*TEXT, *(" ".join(d) for d in documents("animals"))])


def test_byte_pairs_come_back_as_they_went_in():
    tokenizer = trained(CAUSAL)
    text = "the cat didn't see 3 ☃ snowmen…"
    assert tokenizer.decode(tokenizer.encode(text).ids) == " " + text


def test_word_pieces_come_back_lower_cased():
    tokenizer = trained(MASKED)
    assert tokenizer.decode(tokenizer.encode("The Cat wanted some Bread.").ids) == (
        "the cat wanted some bread."
    )


@pytest.mark.parametrize("kind", RECIPES)
def test_two_writings_of_one_thing_are_the_same(kind):
    tokenizer = trained(RECIPES[kind])
    assert tokenizer.encode("It’s “bad”").ids == tokenizer.encode('it\'s "bad"').ids


def test_a_contraction_is_the_same_token_in_treebank_writing():
    tokenizer = trained(MASKED)
    assert (
        tokenizer.encode("I don't, it's, can't").ids
        == tokenizer.encode("i do n't , it 's , ca n't").ids
    )
    assert "n't" in tokenizer.encode("don't").tokens


def test_a_masked_text_stands_between_its_ends():
    tokenizer = trained(MASKED)
    tokens = tokenizer.encode("It was [MASK].").tokens
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    assert "[MASK]" in tokens


def test_a_causal_text_starts_with_the_end_of_the_one_before():
    tokenizer = trained(CAUSAL)
    assert tokenizer.encode("The cat").tokens[0] == "<|endoftext|>"
    first, later = tokenizer.encode("cat"), tokenizer.encode("the cat")
    assert first.ids[-1] == later.ids[-1]


@pytest.mark.parametrize("kind", RECIPES)
def test_there_are_no_more_tokens_than_the_recipe_says(prepared, kind):
    assert load_tokenizer(prepared(kind)).get_vocab_size() <= RECIPES[kind].vocabulary
