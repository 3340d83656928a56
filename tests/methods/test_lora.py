"""LoRA as a method: what is trained and kept of it, and that it is PEFT's."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from playground.methods import start
from playground.models import LoraModel
from playground.prompts import Template

METHOD = "lora"


def test_only_the_matrices_are_trained_and_kept(toy):
    learner = toy.start(METHOD, rank=3).learner
    hidden = toy.model.network.config.hidden_size
    layers = toy.model.network.config.num_hidden_layers
    assert learner.trainable() == learner.kept() == layers * 2 * 2 * 3 * hidden


def test_with_a_head_that_is_trained_too(toy):
    learner = toy.start(METHOD, scored_by="head").learner
    matrices = toy.start(METHOD).learner.trainable()
    assert learner.trainable() == matrices + 2 * toy.model.network.config.hidden_size + 2


def test_soft_slots_are_left_out(toy):
    template = Template("[SOFT*3] {text} It was [MASK].")
    training = start(METHOD, toy.model, template, toy.verbalizer, toy.train, toy.dev, {})
    assert str(training.learner.template) == "{text} It was [MASK]."


def test_it_learns_as_peft_does_in_a_loop_by_hand(toy):
    """The same matrices after three steps of AdamW on all rows, from the same start."""
    whole = {"steps": 3, "batch_size": len(toy.train), "learning_rate": 1e-2}
    training = toy.start(METHOD, rank=3, **whole)
    own = training.learner.language_model.matrices()
    start_of = {name: value.detach().clone() for name, value in own.items()}
    events = [event for event in training if event is not None]
    rates = [event["learning_rate"] for event in events if event["split"] == "train"]

    network = get_peft_model(
        copy.deepcopy(toy.model.network),
        LoraConfig(r=3, lora_alpha=16, target_modules=["query", "value"]),
    ).eval()
    theirs = {
        name.removeprefix("base_model.model.").replace(".default", ""): parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    with torch.no_grad():
        for name, parameter in theirs.items():
            parameter.copy_(start_of[name])
    batch = toy.model.encode(toy.template, toy.train.to_dict("records"))
    inputs, places = toy.model.network_inputs(batch)
    rows = torch.arange(len(batch))[:, None]
    reader = toy.model.label_reader(toy.template, toy.verbalizer)
    targets = torch.tensor([toy.verbalizer.labels.index(label) for label in toy.train["label"]])
    optimizer = torch.optim.AdamW(theirs.values(), weight_decay=0.0)
    for rate in rates:
        optimizer.param_groups[0]["lr"] = rate
        logits = network(**inputs).logits[rows, places][..., reader.token_ids]
        optimizer.zero_grad()
        nn.functional.cross_entropy(reader.label_scores(logits), targets).backward()
        nn.utils.clip_grad_norm_(theirs.values(), 1.0)
        optimizer.step()

    trained = training.trained_prompt().model.matrices()
    assert trained.keys() == theirs.keys()
    for name, value in trained.items():
        assert not torch.allclose(value, start_of[name], atol=1e-3), name
        torch.testing.assert_close(value, theirs[name], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("scored_by", ["verbalizer", "head"])
def test_what_is_left_is_a_model_with_matrices_of_its_own(scored_by, toy):
    training = toy.start(METHOD, scored_by=scored_by)
    list(training)
    prompt = training.trained_prompt()
    assert isinstance(prompt.model, LoraModel)
    assert (prompt.head is not None) == (scored_by == "head")
    assert not prompt.tunes_model
    assert not any(parameter.requires_grad for parameter in prompt.model.network.parameters())
