"""Calibration against the papers' formulas, written out from the model's own probabilities."""

import numpy as np
import pandas as pd
import pytest
import torch

from playground.errors import DataError, TemplateError, VerbalizerError
from playground.methods import Calibration, TrainedPrompt, classify
from playground.prompts import Template, Verbalizer

LABELS = ["positive", "negative"]


def probabilities(toy, rows, template=None) -> np.ndarray:
    """Uncalibrated: (rows, labels)."""
    return classify(toy.model, template or toy.template, toy.verbalizer, rows)[LABELS].to_numpy()


def calibrated(toy, calibration) -> pd.DataFrame:
    return classify(toy.model, toy.template, toy.verbalizer, toy.dev, calibration=calibration)


def test_contextual_divides_by_the_mean_probabilities_of_content_free_inputs(toy):
    free = ["N/A", "", "so so"]
    calibration = Calibration.contextual(toy.model, toy.template, toy.verbalizer, content_free=free)
    prior = probabilities(toy, [{"text": text} for text in free]).mean(0)
    expected = probabilities(toy, toy.dev) / prior  # diag(p_cf)^-1 p
    expected /= expected.sum(1, keepdims=True)
    found = calibrated(toy, calibration)
    np.testing.assert_allclose(found[LABELS], expected, rtol=1e-5)
    assert (found["prediction"] == found[LABELS].idxmax(axis=1)).all()


def test_contextual_asks_with_nothing_and_not_available(toy):
    calibration = Calibration.contextual(toy.model, toy.template, toy.verbalizer)
    prior = probabilities(toy, [{"text": "N/A"}, {"text": ""}]).mean(0)
    np.testing.assert_allclose(np.exp(calibration.log_prior), prior, rtol=1e-5)


def test_contextual_fills_every_field(toy):
    template = Template("{a} {b} It was [MASK].")
    calibration = Calibration.contextual(toy.model, template, toy.verbalizer, content_free=["so"])
    prior = probabilities(toy, [{"a": "so", "b": "so"}], template)[0]
    np.testing.assert_allclose(np.exp(calibration.log_prior), prior, rtol=1e-5)


def test_over_texts_subtracts_the_mean_log_probability_over_the_vocabulary(toy):
    """By the definition with whole-vocabulary probabilities; what is common to all labels goes."""
    calibration = Calibration.over_texts(toy.model, toy.template, toy.verbalizer, toy.train)
    ids = toy.model.label_word_ids(toy.template, toy.verbalizer)

    def log_probabilities(rows: pd.DataFrame) -> torch.Tensor:
        encoded = toy.model.encode(toy.template, rows.to_dict("records"))
        words = toy.model.answer_logits(encoded)[:, 0].log_softmax(-1)[:, ids]
        return toy.verbalizer.scores(words)  # (rows, labels)

    prior = log_probabilities(toy.train).mean(0)
    expected = (log_probabilities(toy.dev) - prior).softmax(1)
    np.testing.assert_allclose(calibrated(toy, calibration)[LABELS], expected, rtol=1e-4)


def test_over_texts_leaves_no_favourite(toy):
    calibration = Calibration.over_texts(toy.model, toy.template, toy.verbalizer, toy.dev)
    after = np.log(calibrated(toy, calibration)[LABELS].to_numpy())
    scores = after - after.mean(1, keepdims=True)
    np.testing.assert_allclose(scores.mean(0), 0, atol=1e-5)


def test_over_texts_looks_at_no_label(toy):
    with_labels = Calibration.over_texts(toy.model, toy.template, toy.verbalizer, toy.train)
    without = Calibration.over_texts(
        toy.model, toy.template, toy.verbalizer, toy.train.drop(columns="label")
    )
    assert with_labels == without


def test_domain_conditional_is_the_pointwise_mutual_information(toy):
    domain = Template("It was [MASK].")
    calibration = Calibration.domain_conditional(toy.model, domain, toy.verbalizer)
    expected = probabilities(toy, toy.dev) / probabilities(toy, [{}], domain)
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(calibrated(toy, calibration)[LABELS], expected, rtol=1e-5)


def test_a_trained_prompt_is_calibrated_with_its_own_vectors(toy):
    training = toy.start()
    list(training)
    prompt: TrainedPrompt = training.trained_prompt()
    calibration = Calibration.over_texts(
        prompt.model, prompt.template, prompt.verbalizer, toy.train, soft_vectors=prompt.vectors
    )
    log = np.log(prompt.classify(toy.train)[LABELS].to_numpy())
    np.testing.assert_allclose(calibration.log_prior, log.mean(0), rtol=1e-4)
    expected = prompt.classify(toy.dev)[LABELS].to_numpy() / np.exp(calibration.log_prior)
    expected /= expected.sum(1, keepdims=True)
    found = prompt.classify(toy.dev, calibration=calibration)
    np.testing.assert_allclose(found[LABELS], expected, rtol=1e-4)


class TestMistakes:
    def test_other_labels(self, toy):
        calibration = Calibration.contextual(toy.model, toy.template, toy.verbalizer)
        other = Verbalizer({"negative": ["terrible"], "positive": ["great", "good"]})
        with pytest.raises(VerbalizerError) as caught:
            classify(toy.model, toy.template, other, toy.dev, calibration=calibration)
        assert caught.value.code == "calibration.other_labels"

    def test_nothing_to_measure_it_on(self, toy):
        for measure in (
            lambda: Calibration.over_texts(
                toy.model, toy.template, toy.verbalizer, toy.train.head(0)
            ),
            lambda: Calibration.contextual(
                toy.model, toy.template, toy.verbalizer, content_free=()
            ),
        ):
            with pytest.raises(DataError) as caught:
                measure()
            assert caught.value.code == "calibration.no_rows"

    def test_a_domain_with_a_field(self, toy):
        with pytest.raises(TemplateError):
            Calibration.domain_conditional(toy.model, toy.template, toy.verbalizer)
