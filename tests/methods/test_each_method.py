"""What every method owes: right gradients, nothing else touched, a curve that can be had again."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from playground.methods import TrainedPrompt

# Each way of training: its method, its settings, a rate at which sixty steps learn the toy task.
WAYS = {
    "prompt tuning, random": ("prompt-tuning", {"initialisation": "random"}, 0.05),
    "prompt tuning, vocabulary": ("prompt-tuning", {"initialisation": "vocabulary"}, 0.05),
    "prompt tuning, label words": ("prompt-tuning", {"initialisation": "label-words"}, 0.05),
    "deep prefix": ("p-tuning-v2", {}, 0.03),
    "deep prefix, projected": ("p-tuning-v2", {"projection": True}, 0.01),
    "deep prefix, head": ("p-tuning-v2", {"scored_by": "head"}, 0.03),
    "head and model": ("head-fine-tuning", {"model_learning_rate": 0.01}, 0.02),
    "head only": ("head-fine-tuning", {"tune_model": False}, 0.1),
    "demonstrations": ("prompt-fine-tuning", {"demonstrations": True}, 0.01),
    "language model's loss": ("prompt-fine-tuning", {"lm_loss_share": 0.1}, 0.02),
    "LoRA": ("lora", {}, 0.03),
    "LoRA, dropout, head": ("lora", {"scored_by": "head", "dropout": 0.1}, 0.03),
    "label vectors": ("soft-verbalizer", {}, 0.03),
    "label vectors alone": ("soft-verbalizer", {"soft_tokens": 0}, 0.1),
    "prototypes": ("prototypical", {}, 0.03),
    "prototypes and model": (
        "prototypical",
        {"tune_model": True, "model_learning_rate": 0.01},
        0.03,
    ),
}

# Of what stands beside a text a model has first to learn that it is not the text.
STEPS = {"demonstrations": 200}

# A loss over cosines stays above what they can come to: of sixteen texts, eight of each label,
# with 1 between those of one label and -1 between the others.
LEAST = {"prototypical": math.log(8 + 8 * math.exp(-2)) + math.log(1 + math.exp(-2))}


@pytest.fixture(params=WAYS)
def way(request):
    method, settings, _ = WAYS[request.param]
    return method, settings


def finished(toy, way, **more):
    method, settings = way
    training = toy.start(method, **settings | more)
    return training, [event for event in training if event is not None]


def test_the_model_given_is_left_as_it_is(way, toy, weights):
    before = weights()
    finished(toy, way)
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name
    assert not any(p.requires_grad for p in toy.model.network.parameters())
    assert all(p.grad is None for p in toy.model.network.parameters())


def test_all_that_is_counted_as_trained_changes(way, toy):
    method, settings = way
    training = toy.start(method, **settings | {"learning_rate": 1e-2})
    parameters = [p for group in training.learner.parameter_groups() for p in group["params"]]
    before = [parameter.detach().clone() for parameter in parameters]
    list(training)
    assert sum(parameter.numel() for parameter in parameters) == training.learner.trainable()
    assert not any(torch.equal(*pair) for pair in zip(parameters, before, strict=True))


def test_the_gradient_of_the_loss_by_finite_differences(way, toy):
    """In float64, along the gradient and along random directions through all that is trained."""
    method, settings = way
    learner = toy.start(method, **settings).learner.eval().double()
    batch = learner.encode(toy.train.to_dict("records"))
    targets = torch.tensor([toy.verbalizer.labels.index(label) for label in toy.train["label"]])
    parameters = [p for group in learner.parameter_groups() for p in group["params"]]
    torch.manual_seed(1)
    with torch.no_grad():  # away from the start, where LoRA's first matrix has no gradient yet
        for parameter in parameters:
            parameter.add_(torch.randn_like(parameter), alpha=0.01)

    def loss() -> torch.Tensor:
        torch.manual_seed(0)  # for what a step draws
        return learner.loss(batch, targets)[0].double()

    def loss_at(direction: list[torch.Tensor], distance: float) -> float:
        with torch.no_grad():
            for parameter, way in zip(parameters, direction, strict=True):
                parameter.add_(way, alpha=distance)
            value = float(loss())
            for parameter, way in zip(parameters, direction, strict=True):
                parameter.sub_(way, alpha=distance)
        return value

    with toy.in_float64():
        found = torch.autograd.grad(loss(), parameters, allow_unused=True)
        gradient = [
            torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)
        ]
        torch.manual_seed(0)
        random = [[torch.randn_like(p) for p in parameters] for _ in range(3)]
        for direction in (gradient, *random):
            expected = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
            slope = (loss_at(direction, 1e-6) - loss_at(direction, -1e-6)) / 2e-6
            assert slope == pytest.approx(expected, rel=1e-5, abs=1e-8)
    assert sum(float(g.square().sum()) for g in gradient) > 1e-8


@pytest.mark.parametrize("name", WAYS)
def test_the_loss_falls_on_a_task_that_one_word_gives_away(name, toy):
    method, settings, rate = WAYS[name]
    long = {"steps": STEPS.get(name, 60), "batch_size": 16, "dev_every": 99, "snapshot_every": 99}
    _, events = finished(toy, (method, {**settings, "learning_rate": rate, **long}))
    least = LEAST.get(method, 0)
    losses = [event["loss"] - least for event in events if event["split"] == "train"]
    assert sum(losses[-8:]) < 0.6 * sum(losses[:8])


def test_the_same_seed_gives_the_same_curve(way, toy, comparable):
    curves = [comparable(finished(toy, way, seed=seed)[1]) for seed in (1, 1, 2)]
    assert curves[0] == curves[1] != curves[2]


def test_resumed_it_ends_where_an_uninterrupted_run_ends(way, toy, comparable, tmp_path):
    method, settings = way
    whole, events = finished(toy, way)
    training = toy.start(method, **settings)
    for event in training:
        if event is not None and event["split"] == "train" and event["step"] == 3:
            break
    training.save_checkpoint(tmp_path)
    resumed = toy.start(method, **settings)
    resumed.load_checkpoint(tmp_path)
    again = comparable(list(resumed))
    assert again == comparable(events)[-len(again) :]
    expected = whole.trained_prompt().classify(toy.dev)
    assert resumed.trained_prompt().classify(toy.dev).equals(expected)


def test_saved_and_loaded_it_gives_the_same_answers(way, toy, tmp_path):
    training, _ = finished(toy, way)
    prompt = training.trained_prompt()
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.method == way[0]
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))
    row = toy.dev.iloc[0].to_dict()
    assert loaded.answer_distribution(row).equals(prompt.answer_distribution(row))
    assert not loaded.classify(toy.dev).equals(
        toy.start(way[0], **way[1]).trained_prompt().classify(toy.dev)
    )


def test_how_much_is_kept_is_known_before(way, toy, tmp_path):
    training = toy.start(way[0], **way[1])
    training.trained_prompt().save(tmp_path)
    tensors = load_file(tmp_path / "prompt.safetensors").values()
    assert sum(tensor.numel() for tensor in tensors) == training.learner.kept()


def test_a_prompt_taken_on_the_way_does_not_change_afterwards(way, toy):
    method, settings = way
    training = toy.start(method, **settings)
    events = iter(training)
    while training.step < 2:
        next(events)
    prompt = training.trained_prompt()
    before = prompt.classify(toy.dev)
    list(events)
    assert prompt.step == 2
    assert prompt.classify(toy.dev).equals(before)


def test_the_pinned_examples_and_the_dev_measure_are_those_of_the_prompt_that_is_left(way, toy):
    training, events = finished(toy, way)
    found = training.trained_prompt().classify(toy.dev)
    right = (found["prediction"] == toy.dev["label"]).mean()
    [*_, dev] = (event for event in events if event["split"] == "dev")
    assert dev["accuracy"] == pytest.approx(right)
    [*_, last] = (event for event in events if event["split"] == "snapshot")
    for row, pinned in enumerate(last["pinned"]):
        for label, share in pinned["probabilities"].items():
            np.testing.assert_allclose(found[label][row], share, atol=1e-6)
