"""A soft verbalizer: it starts where the words stand, and scores as a row of the vocabulary."""

import pytest
import torch

from playground.errors import ModelError
from playground.models import LabelVectors
from playground.models.families import FAMILIES
from playground.prompts import Template, Verbalizer
from tests import tiny

TEMPLATE = Template("{text} It was [MASK]")
ROWS = [{"text": "the cat"}, {"text": "a great film all in all"}]
WORDS = Verbalizer({"positive": ["great", "good"], "negative": ["bad"]})
CLOSE = {"rtol": 1e-4, "atol": 2e-5}

every_family = pytest.mark.parametrize(
    "family", [family for family in tiny.FAMILIES if family in FAMILIES]
)


def scores_of_words(model, verbalizer) -> torch.Tensor:
    return model.label_reader(TEMPLATE, verbalizer).score_rows(ROWS)


@every_family
def test_untrained_it_scores_as_the_words_do(family, loaded):
    model = loaded(family)
    head = LabelVectors.of_words(model, TEMPLATE, WORDS)
    torch.testing.assert_close(head.score_rows(model, ROWS), scores_of_words(model, WORDS), **CLOSE)


@every_family
def test_a_word_s_own_row_gives_its_logit(family, loaded):
    model = loaded(family)
    words = torch.tensor([7, 30, 11])
    head = LabelVectors(model, TEMPLATE, 3)
    rows, biases = model.output_embeddings(words)
    with torch.no_grad():
        head.vectors.copy_(rows)
        if biases is not None:
            head.bias.copy_(biases)
    encoded = model.encode(TEMPLATE, ROWS)
    logits = model.answer_logits(encoded)[:, 0, words]
    torch.testing.assert_close(head.batch_scores(model, encoded), logits, **CLOSE)


@pytest.mark.parametrize(
    "verbalizer",
    [
        Verbalizer({"a": ["great", "good"], "b": "bad"}, weights={"great": 3}),
        Verbalizer({"a": "goodly", "b": "bad"}, multi_token="mean"),
        Verbalizer({"a": "goodly", "b": "bad"}, multi_token="first"),
    ],
)
def test_it_starts_where_the_verbalizer_weighs_and_reads_its_words(verbalizer, loaded):
    model = loaded("bert")
    head = LabelVectors.of_words(model, TEMPLATE, verbalizer)
    expected = scores_of_words(model, verbalizer)
    torch.testing.assert_close(head.score_rows(model, ROWS), expected, **CLOSE)


@pytest.mark.parametrize("aggregation", ["max", "logsumexp"])
def test_what_has_no_one_place_starts_at_the_mean(aggregation, loaded):
    model = loaded("bert")
    verbalizer = Verbalizer(WORDS.to_labels(), aggregation=aggregation)
    head = LabelVectors.of_words(model, TEMPLATE, verbalizer)
    torch.testing.assert_close(head.score_rows(model, ROWS), scores_of_words(model, WORDS), **CLOSE)


def test_words_without_biases_leave_labels_without(loaded):
    assert set(LabelVectors(loaded("gpt2"), TEMPLATE, 2).state_dict()) == {"vectors"}
    assert set(LabelVectors(loaded("bert"), TEMPLATE, 2).state_dict()) == {"vectors", "bias"}


def test_it_reads_the_slot_of_another_template_when_told_to(loaded):
    model = loaded("bert")
    head = LabelVectors.of_words(model, TEMPLATE, WORDS)
    other = Template("[MASK]: {text}")
    expected = model.label_reader(other, WORDS).score_rows(ROWS)
    torch.testing.assert_close(head.reading(other).score_rows(model, ROWS), expected, **CLOSE)
    assert head.template is TEMPLATE


def test_a_family_whose_head_is_not_known_is_refused(loaded):
    with pytest.raises(ModelError) as caught:
        LabelVectors(loaded("mpnet"), TEMPLATE, 2)
    assert caught.value.code == "model.no_output_embeddings"
