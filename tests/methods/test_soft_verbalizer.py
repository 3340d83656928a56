"""WARP: where labels and prompt start, what is trained, and what of it answers."""

import numpy as np
import pytest
import torch

from playground.errors import VerbalizerError
from playground.methods import Calibration, answer_distribution, classify, start
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

METHOD = "soft-verbalizer"


def shares(table) -> np.ndarray:
    return table.drop(columns="prediction").to_numpy()


def test_alone_the_labels_start_as_the_words_do(toy):
    prompt = toy.start(METHOD, soft_tokens=0).trained_prompt()
    assert prompt.template == toy.template
    assert prompt.vectors is None
    plain = classify(toy.model, toy.template, toy.verbalizer, toy.dev)
    np.testing.assert_allclose(shares(prompt.classify(toy.dev)), shares(plain), atol=1e-5)


def test_the_prompt_s_vectors_start_at_the_mask_token(toy):
    learner = toy.start(METHOD, soft_tokens=3).learner
    assert str(learner.template) == "[SOFT*2] {text} It was [SOFT] [MASK]."
    mask = toy.model.embedding_weight[toy.model.tokenizer.mask_token_id]
    assert torch.equal(learner.prompt_encoder(), mask.expand(3, -1))


def test_slots_of_the_template_start_at_their_words(toy):
    training = start(
        METHOD,
        toy.model,
        Template("[SOFT:so] {text} It was [SOFT] [MASK]."),
        toy.verbalizer,
        toy.train,
        toy.dev,
        {"soft_tokens": 0},
    )
    so, other = training.learner.prompt_encoder()
    words = toy.model.embedding_weight
    assert torch.equal(so, words[toy.model.tokenizer.convert_tokens_to_ids("so")])
    assert torch.equal(other, words[toy.model.tokenizer.mask_token_id])


def test_labels_and_prompt_are_all_that_is_trained(toy):
    learner = toy.start(METHOD, soft_tokens=3).learner
    width = toy.model.embedding_weight.shape[1]
    assert learner.trainable() == learner.kept() == 2 * width + 2 + 3 * width


def test_the_answer_distribution_stays_that_of_the_words(toy):
    training = toy.start(METHOD)
    list(training)
    prompt = training.trained_prompt()
    row = toy.dev.iloc[0].to_dict()
    expected = answer_distribution(
        toy.model, prompt.template, row, top_k=5, soft_vectors=prompt.vectors
    )
    assert prompt.answer_distribution(row, top_k=5).equals(expected)


def test_its_labels_leave_nothing_to_calibrate(toy):
    prompt = toy.start(METHOD).trained_prompt()
    prior = Calibration.contextual(toy.model, toy.template, toy.verbalizer)
    with pytest.raises(VerbalizerError) as caught:
        prompt.classify(toy.dev, calibration=prior)
    assert caught.value.code == "calibration.no_words"


@pytest.mark.parametrize("method", [METHOD, "prototypical"])
def test_words_at_several_slots_are_refused(method, toy):
    words = Verbalizer({"positive": "so | great", "negative": "so | bad"})
    template = Template("[MASK] {text} [MASK]")
    with pytest.raises(VerbalizerError) as caught:
        start(method, toy.model, template, words, toy.train, toy.dev, {})
    assert caught.value.code == "verbalizer.one_slot"


@pytest.mark.parametrize("method", [METHOD, "prototypical", "lora"])
def test_a_causal_model_learns_too(method, tmp_path):
    model = load_model(
        str(tiny.save_model(tmp_path, "gpt2", initializer_range=0.5)), precision="float32"
    )
    rows = tiny.toy_rows(24)
    training = start(
        method,
        model,
        Template("{text} It was [MASK]"),
        Verbalizer({"positive": "great", "negative": "bad"}),
        rows,
        rows,
        {"steps": 60, "learning_rate": 0.03, "dev_every": 60},
    )
    measured = [event for event in training if event is not None and event["split"] == "dev"]
    assert measured[-1]["accuracy"] > 0.85 > measured[0]["accuracy"]
