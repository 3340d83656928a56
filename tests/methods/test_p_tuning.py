"""P-Tuning: what it trains and what it leaves alone."""

import pytest
import torch
from torch import nn

from playground.errors import TemplateError
from playground.methods import classify, start
from playground.methods.p_tuning import with_soft_slots
from playground.prompts import Template


@pytest.mark.parametrize("encoder", ["lstm", "mlp", "none"])
def test_a_frozen_model_is_left_as_it_is(encoder, toy, weights):
    before = weights()
    training = toy.start(encoder=encoder)
    list(training)
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in toy.model.network.parameters())
    assert not any(p.requires_grad for p in toy.model.network.parameters())
    prompt = training.trained_prompt()
    assert prompt.model is toy.model
    assert not prompt.tunes_model
    assert prompt.vectors.shape == (3, toy.model.embedding_weight.shape[1])
    assert not prompt.vectors.requires_grad


@pytest.mark.parametrize("encoder", ["lstm", "none"])
def test_tuning_the_model_too_changes_a_copy(encoder, toy, weights):
    before = weights()
    training = toy.start(encoder=encoder, tune_model=True, model_learning_rate=1e-2)
    list(training)
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in toy.model.network.parameters())
    prompt = training.trained_prompt()
    assert prompt.tunes_model
    tuned = dict(prompt.model.network.named_parameters())
    changed = {name for name, value in tuned.items() if not torch.equal(value, before[name])}
    assert "bert.encoder.layer.0.attention.self.query.weight" in changed
    assert "bert.embeddings.word_embeddings.weight" in changed
    assert not any(p.requires_grad for p in tuned.values())


@pytest.mark.parametrize("tune_model", [False, True])
def test_the_prompt_itself_changes(tune_model, toy):
    training = toy.start(tune_model=tune_model)
    before = training.trained_prompt().vectors
    list(training)
    assert not torch.isclose(training.trained_prompt().vectors, before).all(1).any()


@pytest.mark.parametrize("tune_model", [False, True])
def test_a_prompt_taken_on_the_way_does_not_change_afterwards(tune_model, toy):
    training = toy.start(tune_model=tune_model, model_learning_rate=1e-2)
    events = iter(training)
    while training.step < 2:
        next(events)
    prompt = training.trained_prompt()
    before = prompt.classify(toy.dev)
    list(events)
    after = prompt.classify(toy.dev)
    assert prompt.step == 2
    assert (before["positive"] == after["positive"]).all()


def test_a_trained_prompt_can_go_on_being_trained(toy, comparable):
    """Looking at the prompt on the way changes nothing in the curve."""
    plain = list(toy.start(tune_model=True))
    training = toy.start(tune_model=True)
    looked = []
    for event in training:
        training.trained_prompt()
        looked.append(event)
    assert comparable(looked) == comparable(plain)


@pytest.mark.parametrize("tune_model", [False, True])
@pytest.mark.parametrize("encoder", ["lstm", "mlp", "none"])
def test_the_gradient_of_the_loss_by_finite_differences(encoder, tune_model, toy):
    learner = toy.start(encoder=encoder, tune_model=tune_model).learner.eval()
    rows = toy.train.to_dict("records")
    batch = learner.language_model.encode(learner.template, rows)
    targets = torch.tensor([toy.verbalizer.labels.index(row["label"]) for row in rows])

    def loss() -> torch.Tensor:
        return nn.functional.cross_entropy(learner.label_scores(batch), targets)

    parameters = [p for p in learner.prompt_encoder.parameters() if p.requires_grad]
    gradient = torch.autograd.grad(loss(), parameters)
    length = torch.sqrt(sum(g.square().sum() for g in gradient))
    assert length > 1e-4

    def loss_along(distance: float) -> float:
        with torch.no_grad():
            for parameter, g in zip(parameters, gradient, strict=True):
                parameter.add_(g / length, alpha=distance)
            value = float(loss())
            for parameter, g in zip(parameters, gradient, strict=True):
                parameter.sub_(g / length, alpha=distance)
        return value

    slope = (loss_along(1e-3) - loss_along(-1e-3)) / 2e-3
    assert slope == pytest.approx(float(length), rel=0.02)


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.05},
        {"learning_rate": 0.05, "encoder": "none", "soft_tokens": 6},
        {"tune_model": True, "model_learning_rate": 1e-2, "steps": 80, "batch_size": 16},
    ],
    ids=["frozen", "no encoder", "tuned"],
)
def test_the_loss_falls_on_a_task_that_one_word_gives_away(settings, toy):
    long = {"steps": 60, "batch_size": 8, "snapshot_every": 99, "dev_every": 99} | settings
    events = [event for event in toy.start(**long) if event is not None]
    losses = [event["loss"] for event in events if event["split"] == "train"]
    before, after = (event for event in events if event["split"] == "dev")
    assert sum(losses[-8:]) < 0.7 * sum(losses[:8])
    assert after["loss"] < 0.9 * before["loss"]
    if "tune_model" in settings:
        assert after["accuracy"] > 0.6


class TestSoftSlots:
    @pytest.mark.parametrize(
        ("source", "count", "expected"),
        [
            ("{text} It was [MASK].", 6, "[SOFT*3] {text} It was [SOFT*3] [MASK]."),
            ("{text} It was [MASK].", 5, "[SOFT*3] {text} It was [SOFT*2] [MASK]."),
            ("{text} It was [MASK].", 1, "[SOFT] {text} It was [MASK]."),
            ("[MASK] News: {text}", 4, "[SOFT*4] [MASK] News: {text}"),
            ("{text} [SOFT:so] [MASK]", 6, "{text} [SOFT:so] [MASK]"),
            (r"\[{a}\] [MASK]", 2, r"[SOFT] \[{a}\] [SOFT] [MASK]"),
        ],
    )
    def test_they_are_put_around_the_text_where_there_are_none(self, source, count, expected):
        assert with_soft_slots(Template(source), count) == Template(expected)

    def test_a_prefix_stays_a_prefix(self):
        assert with_soft_slots(Template("{text} It was [MASK]"), 4).is_prefix

    def test_their_words_are_where_training_starts(self, toy):
        training = start(
            "p-tuning",
            toy.model,
            Template("[SOFT:good film] {text} [SOFT*2] [MASK]"),
            toy.verbalizer,
            toy.train,
            toy.dev,
            {"steps": 1},
        )
        snapshot = next(event for event in training if event and event["split"] == "snapshot")
        nearest = [token["nearest"][0] for token in snapshot["soft_tokens"]]
        assert [token["name"] for token in snapshot["soft_tokens"]] == ["p1", "p2", "p3", "p4"]
        assert [word for word, *_ in nearest[:2]] == ["good", "film"]
        assert [similarity for _, similarity, *_ in nearest[:2]] == [pytest.approx(1)] * 2

    def test_vectors_of_one_number_are_one_vector(self, toy):
        template = Template("[SOFT#1*2] {text} [SOFT#1*2] [MASK]")
        training = start(
            "p-tuning", toy.model, template, toy.verbalizer, toy.train, toy.dev, {"steps": 1}
        )
        assert training.trained_prompt().vectors.shape[0] == 2

    def test_without_training_words_in_soft_slots_answer_as_words(self, toy):
        template = Template("{text} It was [SOFT:so] [MASK].")
        training = start(
            "p-tuning", toy.model, template, toy.verbalizer, toy.train, toy.dev, {"steps": 1}
        )
        written = classify(toy.model, Template("{text} It was so [MASK]."), toy.verbalizer, toy.dev)
        soft = training.trained_prompt().classify(toy.dev)
        assert soft["positive"].to_numpy() == pytest.approx(
            written["positive"].to_numpy(), abs=1e-5
        )


def test_a_template_too_long_for_the_model_is_told_before_training(toy):
    with pytest.raises(TemplateError) as caught:
        toy.start(soft_tokens=60)
    assert caught.value.code == "template.too_long"
