"""P-Tuning v2: what it trains, what is left of it, and whom it refuses."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from playground.errors import ModelError
from playground.methods import TrainedPrompt, classify, start
from playground.methods.p_tuning_v2 import PrefixEncoder
from playground.models import PrefixedModel, PrefixShape, load_model
from playground.models.families import FAMILIES
from playground.prompts import Template, Verbalizer
from tests import tiny

METHOD = "p-tuning-v2"
SHAPE = PrefixShape(layers=2, heads=4, width=8)


def test_the_prefix_is_all_that_is_trained(toy):
    layers, hidden = 2, toy.model.network.config.hidden_size
    plain = toy.start(METHOD, prefix_length=5).learner
    assert plain.trainable() == plain.kept() == 5 * layers * 2 * hidden
    projected = toy.start(METHOD, prefix_length=5, projection=True).learner
    assert projected.kept() == plain.kept()
    assert projected.trainable() == 5 * hidden + (hidden + 1) * 512 + 513 * layers * 2 * hidden
    head = toy.start(METHOD, prefix_length=5, scored_by="head").learner
    assert head.trainable() - plain.trainable() == head.kept() - plain.kept() == 2 * hidden + 2


def test_rows_of_the_table_are_keys_and_values_layer_by_layer():
    """The published order: first layer's keys, its values, second layer's keys, and so on."""
    encoder = PrefixEncoder(SHAPE, 3, projected_from=None).eval()
    rows = encoder.table.weight.detach()
    prefix = encoder().detach()
    assert prefix.shape == (2, 2, 4, 3, 8)
    for place, pair in enumerate((layer, which) for layer in range(2) for which in range(2)):
        expected = rows[:, 32 * place : 32 * (place + 1)].view(3, 4, 8).transpose(0, 1)
        assert torch.equal(prefix[pair], expected)


def test_dropout_is_for_training_only():
    encoder = PrefixEncoder(SHAPE, 50, projected_from=16)
    dropped = float((encoder() == 0).float().mean())
    assert 0.07 < dropped < 0.13
    assert not (encoder.eval()() == 0).any()


@pytest.mark.parametrize("settings", [{}, {"scored_by": "head"}])
def test_what_is_left_is_a_prefix_in_the_layers_of_the_model(settings, toy, tmp_path):
    training = toy.start(METHOD, **settings)
    list(training)
    prompt = training.trained_prompt()
    assert isinstance(prompt.model, PrefixedModel)
    assert not prompt.model.prefix.requires_grad
    assert not prompt.tunes_model
    assert prompt.vectors is None
    assert prompt.model.embedding_weight is toy.model.embedding_weight
    row = toy.dev.iloc[0].to_dict()
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert torch.equal(loaded.model.prefix, prompt.model.prefix)
    assert loaded.answer_distribution(row).equals(prompt.answer_distribution(row))
    size = (tmp_path / "prompt.safetensors").stat().st_size
    assert size == pytest.approx(4 * training.learner.kept(), abs=400)


def test_the_words_are_read_at_the_slot_with_the_prefix(toy):
    training = toy.start(METHOD)
    list(training)
    prompt = training.trained_prompt()
    by_words = classify(prompt.model, toy.template, toy.verbalizer, toy.dev)
    assert prompt.classify(toy.dev).equals(by_words)
    assert not by_words.equals(classify(toy.model, toy.template, toy.verbalizer, toy.dev))


def test_a_prefix_of_another_form_cannot_be_read(toy, tmp_path):
    toy.start(METHOD).trained_prompt().save(tmp_path)
    path = tmp_path / "prompt.safetensors"
    tensors = load_file(path)
    save_file({"deep_prefix": tensors["deep_prefix"][:1].clone()}, path)
    with pytest.raises(ModelError) as caught:
        TrainedPrompt.load(tmp_path, toy.model)
    assert caught.value.code == "prompt.unreadable"


@pytest.mark.parametrize("family", [family for family in tiny.FAMILIES if family in FAMILIES])
def test_every_family_learns_the_toy_task(family, toy, tmp_path):
    folder = tiny.save_model(tmp_path / "model", family, initializer_range=0.5)
    model = load_model(str(folder), precision="float32")
    training = start(
        METHOD,
        model,
        Template("{text} It was [MASK]"),
        Verbalizer({"positive": "great", "negative": "bad"}),
        toy.train,
        toy.dev.head(4),
        {"steps": 30, "learning_rate": 0.1, "prefix_length": 8, "snapshot_every": 99},
    )
    losses = [event["loss"] for event in training if event and event["split"] == "train"]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    prompt = training.trained_prompt()
    loaded = TrainedPrompt.load(prompt.save(tmp_path / "prompt"), model)
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))


def test_a_model_without_room_is_refused_before_the_start(toy):
    with pytest.raises(ModelError) as caught:
        toy.start(METHOD, prefix_length=44)
    assert caught.value.code == "model.no_room_for_prefix"
    assert "44" in str(caught.value)


def test_an_unknown_family_is_refused_before_the_start(toy, tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, "mpnet")), precision="float32")
    with pytest.raises(ModelError) as caught:
        start(METHOD, model, toy.template, toy.verbalizer, toy.train, toy.dev, {})
    assert caught.value.code == "model.no_deep_prefix"
