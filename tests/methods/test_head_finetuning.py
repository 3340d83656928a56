"""Head fine-tuning: what is read, what is trained, and what is left of it."""

import pytest
import torch

from playground.errors import TemplateError, VerbalizerError
from playground.methods import Calibration, TrainedPrompt, answer_distribution, start
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

METHOD = "head-fine-tuning"


def trained(toy, **settings) -> TrainedPrompt:
    training = toy.start(METHOD, **settings)
    list(training)
    return training.trained_prompt()


def test_alone_the_head_is_all_that_is_trained(toy):
    training = toy.start(METHOD, tune_model=False)
    hidden = toy.model.network.config.hidden_size
    assert training.learner.trainable() == training.learner.kept() == 2 * hidden + 2
    list(training)
    prompt = training.trained_prompt()
    assert prompt.model is toy.model
    assert not prompt.tunes_model
    assert prompt.vectors is None


def test_with_the_model_all_of_it_is_trained_but_the_head_that_predicts_words(toy, weights):
    training = toy.start(METHOD)
    own = sum(p.numel() for p in toy.model.network.base_model.parameters())
    assert training.learner.trainable() == own + 2 * toy.model.network.config.hidden_size + 2
    list(training)
    before = weights()
    tuned = dict(training.trained_prompt().model.network.named_parameters())
    unchanged = {name for name, value in tuned.items() if torch.equal(value, before[name])}
    assert unchanged
    assert all(name.startswith("cls.predictions.") for name in unchanged)
    assert not any(p.requires_grad for p in tuned.values())


def test_the_labels_are_those_of_a_linear_layer_over_the_text_at_the_start(toy):
    prompt = trained(toy, tune_model=False)
    text = "the cat sat"
    inputs = toy.model.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        state = toy.model.network.base_model(**inputs).last_hidden_state[0, 0]
        scores = prompt.head.linear.weight @ state + prompt.head.linear.bias
    found = prompt.classify([{"text": text}]).iloc[0]
    expected = dict(zip(toy.verbalizer.labels, scores.softmax(0).tolist(), strict=True))
    assert found["positive"] == pytest.approx(expected["positive"], abs=1e-6)
    assert found["prediction"] == max(expected, key=expected.__getitem__)


def test_what_it_answers_at_the_slot_is_what_its_model_answers(toy):
    row = toy.dev.iloc[0].to_dict()
    plain = answer_distribution(toy.model, toy.template, row)
    assert trained(toy, tune_model=False).answer_distribution(row).equals(plain)
    tuned = trained(toy, model_learning_rate=1e-2)
    assert not tuned.answer_distribution(row).equals(plain)
    assert tuned.answer_distribution(row).equals(
        answer_distribution(tuned.model, toy.template, row)
    )


@pytest.mark.parametrize("template", ["{text} It was [MASK]", "{text} It was [MASK]."])
def test_a_causal_model_is_read_at_its_last_token_whatever_the_template(template, toy, tmp_path):
    folder = tiny.save_model(tmp_path / "model", "llama")
    model = load_model(str(folder), precision="float32")
    words = Verbalizer({"positive": "great", "negative": "terrible"})
    settings = {"steps": 2, "learning_rate": 0.1}
    training = start(METHOD, model, Template(template), words, toy.train, toy.dev, settings)
    events = [event for event in training if event is not None]
    # the words cannot be asked for where the answer slot is not the end
    assert (events[0]["zero_shot_accuracy"] is None) == template.endswith(".")
    prompt = training.trained_prompt()
    inputs = model.tokenizer(toy.dev["text"][0], return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        state = prompt.model.network.base_model(**inputs).last_hidden_state[0, -1]
        shares = prompt.head.linear(state).softmax(0)
    found = prompt.classify(toy.dev)
    assert found["positive"][0] == pytest.approx(float(shares[0]), abs=1e-5)
    loaded = TrainedPrompt.load(prompt.save(tmp_path / "prompt"), model)
    assert loaded.classify(toy.dev).equals(found)


def test_labels_need_no_words_that_the_model_knows(toy):
    words = Verbalizer({"positive": "\U00013000", "negative": "bad"})
    training = start(METHOD, toy.model, toy.template, words, toy.train, toy.dev, {"steps": 1})
    events = [event for event in training if event is not None]
    assert events[0]["zero_shot_accuracy"] is None
    assert {"positive", "negative"} <= set(training.trained_prompt().classify(toy.dev))


def test_soft_slots_are_left_out_and_none_are_shown(toy, tmp_path):
    soft = Template("[SOFT*3] {text} It was [SOFT] [MASK].")
    training = start(METHOD, toy.model, soft, toy.verbalizer, toy.train, toy.dev, {"steps": 1})
    events = [event for event in training if event is not None]
    assert str(training.learner.template) == "{text} It was [MASK]."
    shown = [event["soft_tokens"] for event in events if event["split"] == "snapshot"]
    assert shown == [[], []]
    prompt = training.trained_prompt()
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))


def test_a_template_without_a_text_is_refused(toy):
    with pytest.raises(TemplateError) as caught:
        start(
            *(METHOD, toy.model, Template("It was [MASK]."), toy.verbalizer, toy.train, toy.dev),
            {"steps": 1},
        )
    assert caught.value.code == "template.no_field"


def test_there_is_no_taste_for_words_to_calibrate(toy):
    calibration = Calibration.contextual(toy.model, toy.template, toy.verbalizer)
    with pytest.raises(VerbalizerError) as caught:
        trained(toy).classify(toy.dev, calibration=calibration)
    assert caught.value.code == "calibration.no_words"
