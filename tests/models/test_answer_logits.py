"""The logits at the slots are those of the whole model, for every family."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from playground.models import SoftLayout
from playground.prompts import Template
from tests import tiny

ROWS = [
    {"text": "A good film"},
    {"text": "the cat sat on the mat and it was so wonderful in summary"},
    {"text": ""},
]
CLOSE = {"rtol": 1e-4, "atol": 2e-5}

every_family = pytest.mark.parametrize("family", tiny.FAMILIES)


def template_for(family: str, opening: str = "") -> Template:
    """A cloze for masked models, a prefix for causal ones."""
    end = "" if family in tiny.CAUSAL_TOKENIZERS else " All in all."
    return Template(f"{opening}{{text}} It was [MASK]{end}")


def plain_logits(family: str, folder, encoded) -> torch.Tensor:
    """What transformers gives at the slots of one example: (slots, vocabulary)."""
    auto = AutoModelForCausalLM if family in tiny.CAUSAL_TOKENIZERS else AutoModelForMaskedLM
    network = auto.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = network(input_ids=torch.tensor([encoded.ids])).logits
    return logits[0, list(encoded.answer)]


@every_family
def test_the_logits_are_those_of_the_plain_model(family, saved, loaded):
    model = loaded(family)
    encoded = model.encode(template_for(family), ROWS[:1])
    ours = model.answer_logits(encoded)
    assert ours.shape == (1, 1, model.embedding_weight.shape[0])
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours[0], plain_logits(family, saved(family), encoded[0]), **CLOSE)


@every_family
def test_a_padded_batch_equals_single_examples(family, loaded):
    model = loaded(family)
    encoded = model.encode(template_for(family), ROWS)
    assert len({len(example) for example in encoded}) == len(ROWS)
    together = model.answer_logits(encoded)
    for example, logits in zip(encoded, together, strict=True):
        torch.testing.assert_close(logits, model.answer_logits([example])[0], **CLOSE)


@every_family
def test_some_words_are_columns_of_the_full_logits(family, loaded):
    model = loaded(family)
    encoded = model.encode(template_for(family), ROWS)
    words = torch.tensor([7, 11, 7, 30])
    torch.testing.assert_close(
        model.answer_logits(encoded, token_ids=words),
        model.answer_logits(encoded)[..., words],
        **CLOSE,
    )


@pytest.mark.parametrize("family", ["bert", "roberta", "albert", "mpnet"])
def test_several_slots_of_a_masked_model(family, saved, loaded):
    model = loaded(family)
    encoded = model.encode(Template("[MASK] {text} [MASK], so [MASK]."), ROWS)
    ours = model.answer_logits(encoded)
    assert ours.shape[:2] == (3, 3)
    torch.testing.assert_close(ours[1], plain_logits(family, saved(family), encoded[1]), **CLOSE)


@pytest.mark.parametrize("family", ["bert", "electra", "albert", "roberta", "distilbert"])
def test_two_texts_are_read_as_two_texts(family, saved, loaded):
    model = loaded(family)
    rows = [{"a": "A good film", "b": "so"}, {"a": "the cat sat on the mat", "b": "it was bad"}]
    encoded = model.encode(Template("{a} [SEP] {b} [MASK]"), [*rows, *rows[:1]])
    ours = model.answer_logits(encoded)
    network = AutoModelForMaskedLM.from_pretrained(saved(family), dtype=torch.float32).eval()
    for row, logits in zip(rows, ours, strict=False):
        mask = model.tokenizer.mask_token
        knows_types = hasattr(network.config, "type_vocab_size")
        pair = model.tokenizer(
            row["a"],
            f"{row['b']} {mask}",
            return_tensors="pt",
            return_token_type_ids=knows_types,
        )
        place = pair["input_ids"][0].tolist().index(model.tokenizer.mask_token_id)
        with torch.no_grad():
            expected = network(**pair).logits[0, place]
        torch.testing.assert_close(logits[0], expected, **CLOSE)


@every_family
def test_embeddings_of_words_in_soft_slots_act_as_those_words(family, loaded):
    model = loaded(family)
    words = model.encoder.word_ids("good") + model.encoder.word_ids("film")
    soft = template_for(family, f"[SOFT*{len(words)}] ")
    layout = model.soft_layout(soft)
    assert layout == SoftLayout((tuple(range(len(words))),), (None,) * len(words))
    in_soft_slots = model.encode(soft, ROWS)
    vectors = model.embedding_weight[words]
    ours = model.answer_logits(in_soft_slots, soft_vectors=vectors)
    for example, logits in zip(in_soft_slots, ours, strict=True):
        ids = list(example.ids)
        for position, vector in example.soft:
            ids[position] = words[vector]
        written = type(example)(tuple(ids), example.kinds, example.answer)
        torch.testing.assert_close(logits, model.answer_logits([written])[0], **CLOSE)
    assert not torch.allclose(ours, model.answer_logits(in_soft_slots))


@every_family
def test_gradients_reach_the_soft_vectors_and_nothing_else(family, loaded):
    model = loaded(family)
    encoded = model.encode(template_for(family, "[SOFT#1] [SOFT] [SOFT#1] "), ROWS)
    vectors = torch.zeros(2, model.embedding_weight.shape[1], requires_grad=True)
    logits = model.answer_logits(encoded, token_ids=torch.tensor([9]), soft_vectors=vectors)
    logits.sum().backward()
    assert vectors.grad is not None
    assert (vectors.grad.abs().sum(1) > 0).all()
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_soft_vectors_may_come_in_another_precision(loaded):
    model = loaded("bert")
    encoded = model.encode(template_for("bert", "[SOFT*2] "), ROWS)
    vectors = torch.ones(2, 32, dtype=torch.float64)
    torch.testing.assert_close(
        model.answer_logits(encoded, soft_vectors=vectors),
        model.answer_logits(encoded, soft_vectors=vectors.float()),
    )


def test_scoring_many_gives_every_example_once_whatever_the_batches(loaded):
    model = loaded("bert")
    encoded = model.encode(template_for("bert"), ROWS * 3)
    words = torch.tensor([5, 6])
    whole = model.answer_logits(encoded, token_ids=words)
    for batch_size in (1, 4, 64):
        seen = []
        for chosen, logits in model.score(encoded, words, batch_size=batch_size):
            torch.testing.assert_close(logits, whole[chosen], **CLOSE)
            assert not logits.requires_grad
            seen += chosen
        assert sorted(seen) == list(range(len(encoded)))


def test_a_trainable_copy_answers_alike_and_shares_nothing(loaded):
    model = loaded("bert")
    encoded = model.encode(template_for("bert"), ROWS)
    before = model.answer_logits(encoded)
    copy = model.trainable_copy()
    assert copy.kind == model.kind
    torch.testing.assert_close(copy.answer_logits(encoded).detach(), before)
    with torch.no_grad():
        for parameter in copy.network.parameters():
            assert parameter.requires_grad
            parameter.zero_()
    torch.testing.assert_close(model.answer_logits(encoded), before)


def test_the_nearest_word_of_an_embedding_is_its_word(loaded):
    model = loaded("bert")
    words = model.encoder.word_ids("great film")
    vectors = model.embedding_weight[words] * 3  # the length of a vector does not matter
    ids, similarities = model.nearest_tokens(vectors, count=4)
    assert ids.shape == similarities.shape == (2, 4)
    assert [model.token_text(nearest) for nearest in ids[:, 0].tolist()] == ["great", "film"]
    for values in similarities.tolist():
        assert values == sorted(values, reverse=True)
        assert values[0] == pytest.approx(1)


def test_special_tokens_are_nobodys_nearest_word(loaded):
    model = loaded("bert")
    special = model.embedding_weight[[model.tokenizer.mask_token_id]]
    ids, _ = model.nearest_tokens(special, count=1)
    assert ids.item() != model.tokenizer.mask_token_id


@pytest.mark.parametrize(
    ("family", "id_of", "shown"),
    [
        ("bert", "great", "great"),
        ("bert", "##a", "##a"),
        ("bert", "[MASK]", "[MASK]"),
        ("roberta", "Ġgreat", "great"),
        ("roberta", "Ġ", "'Ġ'"),
        ("albert", "▁great", "great"),
    ],
)
def test_tokens_are_shown_as_people_read_them(family, id_of, shown, loaded):
    model = loaded(family)
    assert model.token_text(model.tokenizer.convert_tokens_to_ids(id_of)) == shown
