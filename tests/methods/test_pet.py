"""PET: several trainings in one run, what they agree on, and the classifier that learns it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from playground.errors import DataError, RunError, SettingsError, TemplateError, VerbalizerError
from playground.methods import TrainedPrompt, method, start
from playground.methods.distillation import ensemble, softened
from playground.methods.pet_settings import PetSettings
from playground.prompts import Template, Verbalizer
from tests import tiny

FURTHER = "it was [MASK]. {text}\n{text} so [MASK]"
SHORT = {
    **{"steps": 4, "distillation_steps": 5, "batch_size": 4, "dev_every": 2, "snapshot_every": 3},
    **{"further_templates": FURTHER, "learning_rate": 1e-3, "distillation_learning_rate": 1e-3},
}
UNLABELLED = tiny.toy_rows(40, seed=3)[["text"]]


def pet(toy, unlabelled=UNLABELLED, **settings):
    return start(
        *("pet", toy.model, toy.template, toy.verbalizer, toy.train, toy.dev),
        SHORT | settings,
        unlabelled=unlabelled,
    )


def walked(training) -> list[dict]:
    return [event for event in training if event is not None]


@pytest.fixture(scope="module")
def whole(toy):
    """A run to its end: the run itself and its events."""
    training = pet(toy)
    return training, walked(training)


def of(events, split: str) -> list[dict]:
    return [event for event in events if event["split"] == split]


# ---- the parts ---------------------------------------------------------------------------------


def test_an_ensemble_is_the_weighted_mean_of_the_scores():
    one = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    other = torch.tensor([[-2.0, 4.0], [1.0, -1.0]])
    found = ensemble([one, other], [0.75, 0.25])
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.0], [1.0, 2.0]]))
    torch.testing.assert_close(ensemble([one, other], [3.0, 1.0]), found)
    torch.testing.assert_close(ensemble([one, other], [0.0, 0.0]), (one + other) / 2)


def test_a_temperature_of_two_takes_the_root_of_the_odds():
    scores = torch.log(torch.tensor([[9.0, 1.0], [1.0, 4.0]]))
    found = softened(scores, 2.0)
    torch.testing.assert_close(found, torch.tensor([[0.75, 0.25], [1 / 3, 2 / 3]]))
    torch.testing.assert_close(softened(scores, 1.0), torch.tensor([[0.9, 0.1], [0.2, 0.8]]))


def test_the_classifiers_loss_by_hand(toy):
    learner = pet(toy, temperature=3.0).learner
    batch = learner.encode(toy.train.head(2).to_dict("records"))
    soft = torch.tensor([[0.7, 0.3], [0.2, 0.8]])
    found, scores = learner.loss(batch, soft)
    shares = (scores.detach() / 3).softmax(1)
    by_hand = sum(
        float(wanted * (np.log(wanted) - np.log(share)))
        for wanted, share in zip(soft.flatten().tolist(), shares.flatten().tolist(), strict=True)
    )
    assert float(found.detach()) == pytest.approx(9 * by_hand / 2, rel=1e-4)


def test_what_the_classifier_is_taught_is_what_the_templates_say_together(toy, monkeypatch):
    """Each template's training by itself, its scores weighed, averaged and softened by hand."""
    training = pet(toy)
    events = iter(training)
    while training.phase < 3:
        next(events)
    scores, weights = [], []
    for template in (toy.template, *map(Template, FURTHER.splitlines())):
        own = {name: value for name, value in SHORT.items() if name in PLAIN}
        alone = start(
            *("prompt-fine-tuning", toy.model, template, toy.verbalizer, toy.train, toy.dev),
            own | {"lm_loss_share": 1e-4},
            unlabelled=UNLABELLED,
        )
        walked(alone)
        prompt = alone.trained_prompt()
        reader = prompt.model.label_reader(template, toy.verbalizer)
        scores.append(reader.score_rows(UNLABELLED.to_dict("records")))
        plain = toy.model.label_reader(template, toy.verbalizer)
        before = plain.score_rows(toy.train.to_dict("records")).argmax(1)
        names = [toy.verbalizer.labels[at] for at in before]
        weights.append((toy.train["label"] == names).mean())
    mean = sum(s * w for s, w in zip(scores, weights, strict=True)) / sum(weights)
    order = {text: at for at, text in enumerate(UNLABELLED["text"])}
    found = training._training._targets
    rows = [order[text] for text in training._unlabelled["text"]]
    torch.testing.assert_close(found, (mean / 2).softmax(1)[rows], rtol=1e-4, atol=1e-5)


PLAIN = ("steps", "batch_size", "dev_every", "snapshot_every", "learning_rate")


def test_uniform_weights_are_all_one(toy):
    weights = [
        event["weight"] for event in of(walked(pet(toy, template_weights="uniform")), "ensemble")
    ]
    assert weights == [1.0, 1.0, 1.0]


# ---- the walk ----------------------------------------------------------------------------------


def test_the_events_are_those_of_one_run(whole, toy):
    training, events = whole
    assert (training.step, training.steps) == (17, 17)
    assert [event["step"] for event in of(events, "train")] == list(range(1, 18))
    told = [(event["step"], event["split"]) for event in events]
    assert len(set(told)) == len(told)
    assert [step for step, _ in told] == sorted(step for step, _ in told)
    [first] = of(events, "start")
    assert events[0] is first
    assert (first["method"], first["steps"]) == ("pet", 17)
    assert [event["step"] for event in of(events, "ensemble")] == [4, 8, 12]


def test_every_event_says_in_which_phase_it_is(whole):
    _, events = whole
    phases = {event["step"]: tuple(event["phase"].values()) for event in of(events, "train")}
    assert phases == (
        dict.fromkeys(range(1, 5), ("template", 1, 3))
        | dict.fromkeys(range(5, 9), ("template", 2, 3))
        | dict.fromkeys(range(9, 13), ("template", 3, 3))
        | dict.fromkeys(range(13, 18), ("classifier", 1, 1))
    )
    assert all(set(event["phase"]) == {"name", "number", "count"} for event in events)


def test_the_last_measure_is_that_of_the_prompt_that_is_left(whole, toy):
    training, events = whole
    prompt = training.trained_prompt()
    found = prompt.classify(toy.dev)
    assert of(events, "dev")[-1]["accuracy"] == pytest.approx(
        (found["prediction"] == toy.dev["label"]).mean()
    )
    assert prompt.head is not None
    assert prompt.tunes_model
    assert (prompt.method, prompt.step) == ("pet", 17)
    assert prompt.settings["further_templates"] == FURTHER.splitlines()


def test_the_ensembles_accuracy_is_that_on_the_dev_rows(whole, toy):
    training, events = whole
    together = ensemble(training._dev_scores, training._weights).argmax(1)
    names = [toy.verbalizer.labels[at] for at in together]
    assert of(events, "ensemble")[-1]["accuracy"] == pytest.approx(
        (toy.dev["label"] == names).mean()
    )


def test_it_learns_the_toy_task(toy):
    settings = {"steps": 60, "learning_rate": 0.02, "batch_size": 16, "dev_every": 999}
    training = pet(
        toy,
        further_templates="it was [MASK]. {text}",
        distillation_steps=120,
        distillation_learning_rate=0.01,
        **settings,
    )
    events = walked(training)
    found = training.trained_prompt().classify(toy.dev)
    assert (found["prediction"] == toy.dev["label"]).mean() > 0.85
    taught = [event["loss"] for event in of(events, "train") if event["step"] > 120]
    assert sum(taught[-8:]) < 0.5 * sum(taught[:8])


def test_the_model_given_is_left_as_it_is(toy, weights):
    before = weights()
    walked(pet(toy))
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name


def test_the_same_seed_gives_the_same_curve(toy, comparable):
    curves = [comparable(list(pet(toy, seed=seed))) for seed in (1, 1, 2)]
    assert curves[0] == curves[1] != curves[2]


def test_with_its_own_template_alone(toy):
    training = pet(toy, further_templates="")
    events = walked(training)
    assert training.steps == 9
    assert [event["step"] for event in of(events, "ensemble")] == [4]


def test_without_dev_rows(toy):
    training = start(
        *("pet", toy.model, toy.template, toy.verbalizer, toy.train, toy.dev.head(0)),
        SHORT,
        unlabelled=UNLABELLED,
    )
    events = walked(training)
    assert len(of(events, "train")) == 17
    assert all("accuracy" not in event for event in of(events, "ensemble"))


def test_a_phase_that_ends_early_does_not_hold_up_the_next(toy):
    training = pet(toy, steps=40, distillation_steps=40, patience=1)
    events = walked(training)
    steps = [event["step"] for event in of(events, "train")]
    assert len(steps) < 160
    assert {1, 41, 81, 121} <= set(steps)
    for end in of(events, "end"):
        assert end["step"] - 40 <= end["best"]["step"] <= end["step"]
    assert training.trained_prompt().step == of(events, "end")[-1]["best"]["step"]


# ---- resuming ----------------------------------------------------------------------------------


@pytest.mark.parametrize("patience", [0, 1])
def test_resumed_in_any_phase_it_ends_as_an_uninterrupted_run(toy, comparable, tmp_path, patience):
    training = pet(toy, patience=patience)
    events = list(training)
    expected = {(e["step"], e["split"]): e for e in comparable(events)}
    answers = training.trained_prompt().classify(toy.dev)
    training = pet(toy, patience=patience)
    phases = set()
    for place, _ in enumerate(iter(training)):
        if place % 9 and training.step % 4:  # not every place, but all around the borders
            continue
        folder = tmp_path / str(place)
        folder.mkdir()
        training.save_checkpoint(folder)
        resumed = pet(toy, patience=patience)
        resumed.load_checkpoint(folder)
        assert (resumed.step, resumed.phase) == (training.step, training.phase)
        phases.add(training.phase)
        if place % 4:
            continue
        again = comparable(list(resumed))
        for event in again:
            assert event == expected[event["step"], event["split"]]
        before = {(e["step"], e["split"]) for e in comparable(events[: place + 1])}
        assert before | {(e["step"], e["split"]) for e in again} == set(expected)
        assert resumed.trained_prompt().classify(toy.dev).equals(answers)
    assert phases == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", ["ensemble.safetensors", "ensemble.json", "0/checkpoint.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00" * 30])
def test_a_checkpoint_that_cannot_be_read_is_told(toy, tmp_path, kind, content):
    pet(toy).save_checkpoint(tmp_path)
    (tmp_path / kind).write_bytes(content)
    with pytest.raises(RunError) as caught:
        pet(toy).load_checkpoint(tmp_path)
    assert caught.value.code == "runs.bad_checkpoint"


@pytest.mark.parametrize(
    "other", [{"steps": 5}, {"further_templates": ""}, {"distillation_steps": 6}]
)
def test_the_checkpoint_of_another_run_is_refused(toy, tmp_path, other):
    pet(toy).save_checkpoint(tmp_path)
    with pytest.raises(RunError):
        pet(toy, **other).load_checkpoint(tmp_path)


# ---- what is left ------------------------------------------------------------------------------


def test_stopped_in_a_templates_training_it_leaves_that_templates_prompt(toy, tmp_path):
    training = pet(toy)
    events = iter(training)
    while training.step < 6:
        next(events)
    prompt = training.trained_prompt()
    assert (prompt.step, prompt.head, str(prompt.template)) == (6, None, "it was [MASK]. {text}")
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))


def test_saved_and_loaded_it_gives_the_same_answers(whole, toy, tmp_path):
    training, _ = whole
    prompt = training.results()["prompt"]
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))
    assert json.loads((tmp_path / "prompt.json").read_text())["settings"]["temperature"] == 2


def test_what_is_trained_and_what_is_kept_are_known_before(whole, toy, tmp_path):
    training, events = whole
    settings = PetSettings.checked(SHORT)
    learner = method("pet").learner(toy.model, toy.template, toy.verbalizer, settings)
    training.trained_prompt().save(tmp_path)
    tensors = load_file(tmp_path / "prompt.safetensors").values()
    assert sum(tensor.numel() for tensor in tensors) == learner.kept()
    classifier = [p for group in learner.parameter_groups() for p in group["params"]]
    counted = 3 * toy.model.parameters + sum(p.numel() for p in classifier)
    assert learner.trainable() == counted == of(events, "start")[0]["parameters"]


def test_soft_slots_of_a_template_are_counted_and_trained(toy):
    template = Template("{text} [SOFT*2] it was [MASK].")
    training = start(
        *("pet", toy.model, template, toy.verbalizer, toy.train, toy.dev),
        SHORT | {"further_templates": "[SOFT] {text} [MASK]"},
        unlabelled=UNLABELLED,
    )
    events = walked(training)
    own = pet(toy, further_templates="x {text} [MASK]").learner.trainable()
    assert of(events, "start")[0]["parameters"] == own + 3 * toy.model.embedding_weight.shape[1]
    assert str(training.trained_prompt().template) == "{text} it was [MASK]."


# ---- what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize("none", [None, UNLABELLED.head(0)])
def test_without_unlabelled_rows_it_is_refused(toy, none):
    with pytest.raises(DataError) as caught:
        pet(toy, none)
    assert caught.value.code == "data.no_unlabelled"


def test_labels_of_the_unlabelled_rows_are_not_looked_at(toy, comparable):
    plain = comparable(list(pet(toy)))
    assert comparable(list(pet(toy, UNLABELLED.assign(label="nonsense")))) == plain


def test_no_more_rows_are_used_than_asked_for(toy):
    assert len(pet(toy, unlabelled_rows=7)._unlabelled) == 7


def test_a_template_that_cannot_be_read_is_told_with_its_place():
    with pytest.raises(TemplateError) as caught:
        PetSettings.checked({"further_templates": "{text} [MASK]\n\nIt was [MASK]. {text"})
    assert caught.value.code == "template.unclosed_brace"
    assert caught.value.position == 15
    assert caught.value.details["template_line"] == 2
    assert "Line 2" in str(caught.value)


def test_templates_are_lines_or_a_list():
    lines = PetSettings.checked({"further_templates": " a [MASK] \n\n b [MASK]"})
    assert PetSettings.checked({"further_templates": list(lines.further_templates)}) == lines
    assert PetSettings.checked(lines.model_dump(mode="json")) == lines
    for wrong in (["[MASK]"] * 8, 3, [3]):
        with pytest.raises(SettingsError) as caught:
            PetSettings.checked({"further_templates": wrong})
        assert caught.value.field == "further_templates"


def test_what_does_not_suit_the_model_is_told_before_the_first_step(toy):
    with pytest.raises(TemplateError) as caught:
        pet(toy, further_templates="{note} [MASK]")
    assert caught.value.code == "template.unknown_field"
    with pytest.raises(TemplateError) as caught:
        pet(toy, further_templates="{text!} [MASK]", unlabelled=pd.DataFrame({"text": ["a " * 99]}))
    assert caught.value.code == "template.too_long"
    with pytest.raises(VerbalizerError):
        start(
            *(
                "pet",
                toy.model,
                toy.template,
                Verbalizer({"positive": ["\U00013000"], "b": ["bad"]}),
            ),
            *(toy.train, toy.dev, SHORT),
            unlabelled=UNLABELLED,
        )
