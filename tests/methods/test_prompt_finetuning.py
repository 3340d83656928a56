"""Prompt-based fine-tuning: the whole copy learns, the original stays, nothing is lost on disk."""

import numpy as np
import pytest
import torch
from torch import nn

from playground.methods import TrainedPrompt, Training, classify, start
from playground.prompts import Template

METHOD = "prompt-fine-tuning"


def trained(toy, **settings) -> Training:
    training = toy.start(METHOD, **settings)
    list(training)
    return training


def test_the_copy_is_tuned_and_the_model_left_as_it_is(toy, weights):
    before = weights()
    prompt = trained(toy, learning_rate=1e-2).trained_prompt()
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name
    assert not any(p.requires_grad for p in toy.model.network.parameters())
    assert all(p.grad is None for p in toy.model.network.parameters())
    assert prompt.tunes_model
    assert prompt.vectors is None
    tuned = dict(prompt.model.network.named_parameters())
    unchanged = {name for name, value in tuned.items() if torch.equal(value, before[name])}
    assert unchanged == set()
    assert not any(p.requires_grad for p in tuned.values())


def test_every_weight_of_the_model_is_trained_once(toy):
    learner = toy.start(METHOD).learner
    assert learner.trainable() == toy.model.parameters
    [group] = learner.parameter_groups()
    assert group["peak"] == learner.settings.learning_rate


def test_before_the_first_step_it_answers_as_the_model_does(toy):
    untrained = toy.start(METHOD).trained_prompt().classify(toy.dev)
    zero_shot = classify(toy.model, toy.template, toy.verbalizer, toy.dev)
    np.testing.assert_allclose(untrained["positive"], zero_shot["positive"], atol=1e-6)


def test_the_loss_falls_on_a_task_that_one_word_gives_away(toy):
    long = {"steps": 60, "batch_size": 16, "dev_every": 99, "snapshot_every": 99}
    training = toy.start(METHOD, learning_rate=0.02, **long)
    events = [event for event in training if event is not None]
    losses = [event["loss"] for event in events if event["split"] == "train"]
    before, after = (event for event in events if event["split"] == "dev")
    assert sum(losses[-8:]) < 0.2 * sum(losses[:8])
    assert after["accuracy"] > 0.8 > before["accuracy"]


def test_the_gradient_of_the_loss_by_finite_differences(toy):
    """In float64, along the gradient and along random directions through all weights."""
    learner = toy.start(METHOD).learner.eval()
    learner.network.double()
    rows = toy.train.to_dict("records")
    batch = learner.language_model.encode(learner.template, rows)
    targets = torch.tensor([toy.verbalizer.labels.index(row["label"]) for row in rows])

    def loss() -> torch.Tensor:
        scores = learner.label_scores(batch)
        assert scores.dtype == torch.float64
        return nn.functional.cross_entropy(scores, targets)

    parameters = list(learner.network.parameters())
    found = torch.autograd.grad(loss(), parameters, allow_unused=True)
    gradient = [
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)
    ]

    def slope_along(direction: list[torch.Tensor], distance: float = 1e-5) -> float:
        values = []
        with torch.no_grad():
            for step in (distance, -2 * distance):
                for parameter, way in zip(parameters, direction, strict=True):
                    parameter.add_(way, alpha=step)
                values.append(float(loss()))
            for parameter, way in zip(parameters, direction, strict=True):
                parameter.add_(way, alpha=distance)
        return (values[0] - values[1]) / (2 * distance)

    torch.manual_seed(0)
    for direction in (gradient, *([torch.randn_like(p) for p in parameters] for _ in range(3))):
        expected = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
        assert slope_along(direction) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_saved_and_loaded_it_gives_the_same_answers(toy, tmp_path):
    prompt = trained(toy, learning_rate=1e-3).trained_prompt()
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.method == METHOD
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))


def test_resumed_it_ends_where_an_uninterrupted_run_ends(toy, comparable, tmp_path):
    whole = toy.start(METHOD)
    events = comparable(list(whole))
    training = toy.start(METHOD)
    for event in training:
        if event is not None and event["split"] == "train" and event["step"] == 3:
            break
    training.save_checkpoint(tmp_path)
    resumed = toy.start(METHOD)
    resumed.load_checkpoint(tmp_path)
    again = comparable(list(resumed))
    assert again == [event for event in events if event in again]
    assert again[-1] == events[-1]
    expected = whole.trained_prompt().model.network.state_dict()
    for name, value in resumed.trained_prompt().model.network.state_dict().items():
        assert torch.equal(value, expected[name]), name


class TestSoftSlots:
    """They are not needed; those that a template has are trained along."""

    TEMPLATE = Template("{text} It was [SOFT:so] [SOFT] [MASK].")

    def start(self, toy) -> Training:
        return start(
            METHOD,
            toy.model,
            self.TEMPLATE,
            toy.verbalizer,
            toy.train,
            toy.dev,
            {"steps": 3, "learning_rate": 1e-3},
        )

    def test_they_start_at_their_words_and_change(self, toy, tmp_path):
        training = self.start(toy)
        before = training.trained_prompt().vectors
        so = toy.model.encoder.word_ids("so")
        assert torch.equal(before[0], toy.model.embedding_weight[so[0]])
        list(training)
        prompt = training.trained_prompt()
        assert not torch.isclose(prompt.vectors, before).all(1).any()
        loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
        assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))

    def test_the_seed_says_where_the_others_start(self, toy):
        vectors = [self.start(toy).trained_prompt().vectors for _ in range(2)]
        assert torch.equal(*vectors)
