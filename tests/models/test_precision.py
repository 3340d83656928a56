"""Computing in bfloat16: only where the answers stay the same."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from playground.models import load_model
from playground.prompts import Template
from tests import tiny

CLOZE = Template("{text} It was [MASK].")
ROW = {"text": "A good film"}


@pytest.fixture
def fast_bfloat16(monkeypatch):
    """As if this processor had products of its own for bfloat16."""
    monkeypatch.setattr("playground.models.catalog._has_bfloat16", lambda device: True)


def probabilities(model):
    return model.answer_logits(model.encode(CLOZE, [ROW]))[0, 0].softmax(-1)


def test_it_is_used_where_the_answers_stay_the_same(fast_bfloat16, saved, loaded):
    model = load_model(str(saved("bert")))
    assert model.precision == torch.bfloat16
    torch.testing.assert_close(
        probabilities(model), probabilities(loaded("bert")), atol=0.02, rtol=0
    )
    assert model.answer_logits(model.encode(CLOZE, [ROW])).dtype == torch.float32


def test_it_is_not_used_where_it_would_change_them(fast_bfloat16, saved, tmp_path):
    folder = shutil.copytree(saved("bert"), tmp_path / "loud")
    weights = load_file(folder / "model.safetensors")
    loud = {n: w * 30 if "predictions.transform" in n else w for n, w in weights.items()}
    save_file(loud, folder / "model.safetensors", metadata={"format": "pt"})
    model = load_model(str(folder))
    assert model.precision == torch.float32
    exact = load_model(str(folder), precision="float32")
    torch.testing.assert_close(probabilities(model), probabilities(exact))


def test_nor_where_a_weight_overflows(fast_bfloat16, saved, tmp_path):
    folder = shutil.copytree(saved("bert"), tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights["cls.predictions.bias"][7] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(folder)).precision == torch.float32


def test_nor_where_the_processor_has_no_products_for_it(monkeypatch, saved):
    monkeypatch.setattr("playground.models.catalog._has_bfloat16", lambda device: False)
    assert load_model(str(saved("bert")), device="cpu").precision == torch.float32


def test_it_can_be_asked_for(saved):
    model = load_model(str(saved("gpt2")), precision="bfloat16")
    assert model.precision == torch.bfloat16
    encoded = model.encode(Template("{text} It was [MASK]"), [ROW])
    assert model.answer_logits(encoded).dtype == torch.float32


def test_a_model_that_reads_very_little_can_be_checked_too(fast_bfloat16, tmp_path):
    tiny.save_model(tmp_path, "bert", max_position_embeddings=8)
    assert load_model(str(tmp_path)).max_length == 8


def test_soft_vectors_get_gradients_in_bfloat16(saved):
    model = load_model(str(saved("bert")), precision="bfloat16")
    encoded = model.encode(Template("[SOFT*2] {text} [MASK]"), [ROW])
    vectors = torch.zeros(2, 32, requires_grad=True)
    model.answer_logits(encoded, soft_vectors=vectors).sum().backward()
    assert vectors.grad is not None
    assert vectors.grad.dtype == torch.float32
    assert (vectors.grad.abs().sum(1) > 0).all()


def test_a_trainable_copy_is_in_float32(saved):
    model = load_model(str(saved("bert")), precision="bfloat16")
    copy = model.trainable_copy()
    assert copy.precision == torch.float32
    assert model.precision == torch.bfloat16
