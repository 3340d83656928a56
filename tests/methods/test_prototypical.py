"""ProtoVerb: its two losses as published, and what is trained by them."""

import math

import pytest
import torch

from playground.methods import start
from playground.methods.prototypical import instance_loss
from playground.prompts import Template

METHOD = "prototypical"


def published(represented: torch.Tensor, targets: torch.Tensor) -> float:
    """The instance-instance loss, pair by pair."""
    cosines = torch.nn.functional.cosine_similarity(represented[:, None], represented[None], dim=-1)
    terms = []
    for first, label in enumerate(targets):
        every = sum(math.exp(cosines[first, other]) for other in range(len(targets)))
        for second, other_label in enumerate(targets):
            if label == other_label:
                terms.append(-math.log(math.exp(cosines[first, second]) / every))
    return sum(terms) / len(terms)


def test_texts_of_one_label_draw_each_other_near():
    torch.manual_seed(0)
    represented = torch.nn.functional.normalize(torch.randn(7, 4), dim=1)
    targets = torch.tensor([0, 1, 2, 0, 0, 1, 0])
    expected = published(represented, targets)
    assert float(instance_loss(represented, targets)) == pytest.approx(expected, rel=1e-5)


def test_it_is_least_where_labels_lie_opposite():
    targets = torch.tensor([0, 0, 1, 1])
    point = torch.tensor([1.0, 0.0])
    apart = torch.stack([point, point, -point, -point])
    mixed = torch.stack([point, -point, point, -point])
    together = point.expand(4, 2)
    assert instance_loss(apart, targets) < instance_loss(together, targets)
    assert instance_loss(together, targets) < instance_loss(mixed, targets)
    assert float(instance_loss(apart, targets)) == pytest.approx(math.log(2 + 2 * math.exp(-2)))


def test_the_loss_is_that_among_texts_and_that_to_the_prototypes(toy):
    learner = toy.start(METHOD).learner
    batch = learner.encode(toy.train.to_dict("records")[:6])
    targets = torch.tensor([0, 1, 0, 1, 0, 1])
    loss, scores = learner.loss(batch, targets)
    to_prototypes = [
        -math.log(math.exp(row[target]) / sum(map(math.exp, row)))
        for row, target in zip(scores.tolist(), targets, strict=True)
    ]
    represented = learner.head.represent(toy.model, batch).detach()
    expected = sum(to_prototypes) / 6 + published(represented, targets)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(scores, learner.label_scores(batch))


def test_frozen_or_tuned_as_it_is_told(toy):
    hidden = toy.model.network.config.hidden_size
    own = hidden * 8 + 2 * 8
    assert toy.start(METHOD, width=8).learner.trainable() == own
    tuned = toy.start(METHOD, width=8, tune_model=True).learner
    assert tuned.trainable() == own + sum(
        p.numel() for p in toy.model.network.base_model.parameters()
    )


def test_soft_slots_of_the_template_are_trained_along(toy):
    template = Template("[SOFT:so] {text} It was [SOFT] [MASK].")
    training = start(METHOD, toy.model, template, toy.verbalizer, toy.train, toy.dev, {"steps": 3})
    so = toy.model.embedding_weight[toy.model.tokenizer.convert_tokens_to_ids("so")]
    before = training.learner.prompt_encoder().detach().clone()
    assert torch.equal(before[0], so)
    list(training)
    prompt = training.trained_prompt()
    assert prompt.vectors.shape == before.shape
    assert not torch.isclose(prompt.vectors, before).all(1).any()
    assert prompt.template == template


def test_similarities_are_no_surer_than_cosines_can_be(toy):
    training = toy.start(METHOD, steps=30, learning_rate=0.05)
    list(training)
    found = training.trained_prompt().classify(toy.dev)
    surest = 1 / (1 + math.exp(-2))
    assert found[["positive", "negative"]].to_numpy().max() <= surest + 1e-6
