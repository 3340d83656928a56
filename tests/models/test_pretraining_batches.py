"""The rows a network is trained on: what they hold, what is asked of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from playground.models.pretraining.batches import Batches
from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.preparation import TRAINING
from playground.models.pretraining.recipe import Rows
from playground.models.pretraining.tokenizer import load_tokenizer
from tests.pretraining import CAUSAL, MASKED, RECIPES

PAD, CLS, SEP, MASK = 0, 2, 3, 4
RUN_ON = replace(MASKED, rows=(Rows(32, 1.0),))
WHOLE = replace(MASKED, rows=(Rows(16, 1.0, whole_sentences=True),))


@pytest.fixture
def batches(prepared):
    def make(recipe):
        folder = prepared(recipe.kind)
        return Batches(EncodedCorpus.open(folder / TRAINING), recipe, load_tokenizer(folder))

    return make


def unmasked(batch):
    """The rows with the answers put back."""
    ids = batch.ids.clone()
    ids.view(-1)[batch.places] = batch.answers
    return ids


@pytest.mark.parametrize("kind", RECIPES)
def test_a_batch_follows_from_its_number_alone(batches, kind):
    one, other = batches(RECIPES[kind]), batches(RECIPES[kind])
    for number in (11, 3, 12, 3):  # in any order
        first, second = one.batch(number), other.batch(number)
        torch.testing.assert_close(first.ids, second.ids)
        torch.testing.assert_close(first.answers, second.answers)
    assert not torch.equal(one.batch(3).answers, one.batch(4).answers)


def test_a_causal_row_asks_each_word_of_those_before(batches):
    batch = batches(CAUSAL).batch(0)
    answers = batch.answers.view_as(batch.ids)
    assert (batch.ids[:, 0] == 0).all()  # the end of text
    torch.testing.assert_close(batch.ids[:, 1:], answers[:, :-1])
    torch.testing.assert_close(batch.places, torch.arange(batch.ids.numel()))


def test_only_words_are_masked_and_each_mask_is_asked_about(batches):
    made = batches(MASKED)
    for number in range(30):
        batch = made.batch(number)
        assert (batch.ids.view(-1)[batch.places] == MASK).all()
        assert int((batch.ids == MASK).sum()) == len(batch.places)
        assert not np.isin(batch.answers, (PAD, CLS, SEP, MASK)).any()


@pytest.mark.parametrize(("decayed", "rate"), [(0.0, 0.25), (1.0, 0.15), (0.5, 0.2)])
def test_the_mask_rate_falls_in_the_decay(batches, decayed, rate):
    batch = batches(MASKED).batch(0, decayed=decayed)
    words = int((unmasked(batch) > MASK).sum())
    assert len(batch.answers) == pytest.approx(rate * words, abs=1)


def test_frequent_words_are_masked_less_until_the_end(batches, prepared):
    made = batches(replace(MASKED, common_word_floor=0.1))
    full_stop = load_tokenizer(prepared("masked")).token_to_id(".")

    def share_masked(decayed):
        drawn = [made.batch(number, decayed=decayed) for number in range(60)]
        masked = sum(int((batch.answers == full_stop).sum()) for batch in drawn)
        return masked / sum(int((unmasked(batch) == full_stop).sum()) for batch in drawn)

    assert share_masked(0.0) < 0.75 * MASKED.mask_rate
    assert share_masked(1.0) == pytest.approx(MASKED.final_mask_rate, rel=0.15)


def test_rows_of_whole_sentences_end_with_one(batches, prepared):
    corpus = EncodedCorpus.open(prepared("masked") / TRAINING)
    ends = {int(corpus.tokens[start - 1]) for start in corpus.sentences[1:]}
    for number in range(20):
        for row in unmasked(batches(WHOLE).batch(number)).tolist():
            assert row[0] == CLS
            stop = row.index(SEP)
            assert row[stop - 1] in ends
            assert set(row[stop + 1 :]) <= {PAD}


def test_other_rows_are_filled_from_one_document(batches, prepared):
    corpus = EncodedCorpus.open(prepared("masked") / TRAINING)
    stream = corpus.tokens.tolist()
    text = " ".join(map(str, stream))
    bounds = set(corpus.documents.tolist())
    for row in unmasked(batches(RUN_ON).batch(5)).tolist():
        assert len(row) == 32  # documents are longer
        assert PAD not in row
        inner = " ".join(map(str, row[1:-1]))
        assert inner in text
        start = text[: text.index(inner)].count(" ")
        assert not any(start < bound < start + 30 for bound in bounds)


def test_padding_is_marked_and_rare(batches):
    made = batches(WHOLE)
    drawn = [made.batch(number) for number in range(40)]
    for batch in drawn:
        padded = batch.ids == PAD
        assert batch.tokens == int((~padded).sum())
        if batch.attention is None:
            assert not padded.any()
        else:
            torch.testing.assert_close(batch.attention == 0, padded)
    assert sum(batch.tokens for batch in drawn) > 0.9 * sum(batch.ids.numel() for batch in drawn)


def test_sources_come_in_the_shares_of_the_mix(batches, prepared):
    share = share_of_places(batches(WHOLE), load_tokenizer(prepared("masked")))
    assert share == pytest.approx(1 / 3, abs=0.08)


def test_the_decay_may_have_a_mix_of_its_own(batches, prepared):
    made = batches(replace(WHOLE, late_mix={"animals": 1.0, "places": 4.0}))
    tokenizer = load_tokenizer(prepared("masked"))
    assert share_of_places(made, tokenizer) == pytest.approx(1 / 3, abs=0.08)
    assert share_of_places(made, tokenizer, decayed=0.1) == pytest.approx(4 / 5, abs=0.08)
    assert share_of_places(made, tokenizer) == pytest.approx(1 / 3, abs=0.08)


def share_of_places(made, tokenizer, *, decayed=0.0):
    """The share of rows from the second source, of those that tell."""
    drawn = [made.batch(number, decayed=decayed) for number in range(80)]
    rows = [row for batch in drawn for row in unmasked(batch).tolist()]
    at = tokenizer.token_to_id("at")
    return np.mean([at in row for row in rows if "day" not in tokenizer.decode(row)])
