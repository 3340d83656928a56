"""LoRA: every family adds what its matrices say, and the model itself stays as it is."""

import pytest
import torch

from playground.errors import ModelError
from playground.models import LoraModel, load_model
from playground.models.families import FAMILIES
from playground.prompts import Template
from tests import tiny

CLOZE = Template("{text} It was [MASK]")
ROWS = [{"text": "the cat"}, {"text": "a great film all in all"}, {"text": "so bad"}]
KNOWN = [family for family in tiny.FAMILIES if family in FAMILIES or family == "gpt_neo"]
# How many modules of a layer give queries and values; ALBERT has one layer for all.
MODULES = dict.fromkeys(KNOWN, 4) | {"albert": 2, "modernbert": 2, "gpt2": 2}

every_family = pytest.mark.parametrize("family", KNOWN)


def logits(model, rows=ROWS) -> torch.Tensor:
    return model.answer_logits(model.encode(CLOZE, rows))


def changed(model, **shape) -> LoraModel:
    """One with matrices that make a difference."""
    torch.manual_seed(1)
    adapted = LoraModel(model, **{"rank": 3, "alpha": 6, **shape})
    adapted.load({name: torch.randn_like(own) for name, own in adapted.matrices().items()})
    return adapted


@every_family
def test_untrained_it_answers_as_the_model(family, loaded):
    model = loaded(family)
    assert torch.equal(logits(LoraModel(model, rank=2, alpha=2)), logits(model))


@every_family
def test_it_answers_as_a_model_with_the_product_added_to_its_weights(family, saved, loaded):
    adapted = changed(loaded(family))
    other = load_model(str(saved(family)), precision="float32")
    matrices = adapted.matrices()
    names = {name.rpartition(".lora_")[0] for name in matrices}
    assert len(names) == MODULES[family]
    with torch.no_grad():
        for name in names:
            product = 2 * matrices[f"{name}.lora_B.weight"] @ matrices[f"{name}.lora_A.weight"]
            weight = other.network.get_submodule(name).weight
            weight.add_(product.T if family == "gpt2" else product)
    expected = logits(other)
    assert not torch.allclose(expected, logits(loaded(family)), atol=1e-2)
    torch.testing.assert_close(logits(adapted), expected, atol=2e-5, rtol=1e-4)
    with torch.inference_mode():  # where prompts may be read end to end
        torch.testing.assert_close(logits(adapted), expected, atol=2e-5, rtol=1e-4)


@every_family
def test_the_model_itself_is_as_before_and_its_weights_are_shared(family, loaded):
    model = loaded(family)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    adapted = changed(model)
    after = model.network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in after.items())
    own = {id(parameter) for parameter in model.network.parameters()}
    added = [p for p in adapted.network.parameters() if id(p) not in own]
    assert {id(p) for p in added} == {id(p) for p in adapted.matrices().values()}
    assert adapted.embedding_weight is model.embedding_weight


def test_dropout_is_for_training_alone(loaded):
    adapted = changed(loaded("bert"), dropout=0.5)
    calm = logits(adapted)
    assert torch.equal(logits(adapted), calm)
    adapted.adapter.train()
    assert not torch.allclose(logits(adapted), calm, atol=1e-2)
    assert torch.equal(logits(adapted.frozen_copy()), calm)


def test_a_frozen_copy_does_not_change_with_it(loaded):
    adapted = changed(loaded("bert"))
    copy = adapted.frozen_copy()
    before = logits(copy)
    assert torch.equal(before, logits(adapted))
    adapted.load({name: 2 * own for name, own in adapted.matrices().items()})
    assert not torch.allclose(logits(adapted), before, atol=1e-2)
    assert torch.equal(logits(copy), before)
    assert not any(parameter.requires_grad for parameter in copy.network.parameters())


def test_the_matrices_are_in_float32_beside_weights_in_another_precision(saved):
    model = load_model(str(saved("bert")), precision="bfloat16")
    adapted = changed(model)
    assert {own.dtype for own in adapted.matrices().values()} == {torch.float32}
    assert adapted.precision == torch.bfloat16
    assert logits(adapted).isfinite().all()


def test_a_family_that_nobody_knows_is_refused(loaded):
    with pytest.raises(ModelError) as caught:
        LoraModel(loaded("mpnet"), rank=2, alpha=2)
    assert caught.value.code == "model.no_lora"
    assert "bert" in caught.value.details["families"]


@pytest.mark.parametrize(("family", "name"), [("bert", "decoder"), ("gpt2", "lm_head")])
def test_the_layer_that_gives_words_their_logits_is_refused(family, name, loaded):
    with pytest.raises(ModelError) as caught:
        LoraModel(loaded(family), rank=2, alpha=2, targets=[name])
    assert caught.value.code == "model.lora_of_words"


def test_matrices_of_another_form_are_refused(loaded):
    adapted = LoraModel(loaded("bert"), rank=2, alpha=2)
    own = adapted.matrices()
    first = next(iter(own))
    for other in ({}, own | {"more": own[first]}, own | {first: own[first][:1]}):
        with pytest.raises(ValueError, match="another form"):
            adapted.load(other)
