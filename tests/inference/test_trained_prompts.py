"""A saved prompt of any method is asked as any other: its labels, its answers, what it costs."""

import pytest

from playground.inference.service import Service
from playground.methods import TrainedPrompt, start
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

TEMPLATE = "{text} It was [MASK]"
WORDS = Verbalizer({"positive": "great", "negative": "bad"})
ROW = {"text": "the cat sat"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(tiny.save_model(tmp_path_factory.mktemp("service"), "bert"))


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("prompt-tuning", {}),
        ("p-tuning-v2", {"prefix_length": 4}),
        ("p-tuning-v2", {"prefix_length": 4, "scored_by": "head"}),
        ("head-fine-tuning", {"tune_model": False}),
        ("head-fine-tuning", {}),
        ("prompt-fine-tuning", {}),
        ("prompt-fine-tuning", {"demonstrations": True}),
        ("pet", {"distillation_steps": 2}),
        ("lora", {}),
        ("lora", {"scored_by": "head"}),
        ("soft-verbalizer", {"soft_tokens": 2}),
        ("soft-verbalizer", {"soft_tokens": 0}),
        ("prototypical", {"width": 8}),
        ("prototypical", {"width": 8, "tune_model": True}),
    ],
)
def test_it_answers_as_it_did_after_training(method, settings, model, tmp_path):
    rows = tiny.toy_rows(8)
    settings = {"steps": 2, "learning_rate": 0.1, **settings}
    loaded = load_model(model, precision="float32")
    template = Template(TEMPLATE)
    training = start(
        *(method, loaded, template, WORDS, rows, rows.head(0), settings), unlabelled=rows
    )
    list(training)
    folder = str(training.trained_prompt().save(tmp_path))

    service = Service()
    words = WORDS.to_json()
    expected = TrainedPrompt.load(folder, load_model(model)).classify([ROW]).iloc[0]
    carried = service.carried_by(folder)
    seen = service.look(model, carried["template"], ROW, words, 3, folder, "contextual")
    assert seen["errors"] == {}
    by_labels = seen.get("raw", seen["labels"])
    assert by_labels["positive"] == pytest.approx(expected["positive"], rel=1e-3)
    assert ("raw" in seen) == (
        training.learner.head is None and training.learner.demonstrator is None
    )
    [classified] = service.classify(model, TEMPLATE, None, [ROW], folder)
    assert classified["positive"] == pytest.approx(expected["positive"], rel=1e-3)
    first = service.answer_distribution(model, carried["template"], ROW, 1, folder)[0]
    assert first["token"] == seen["answers"][0]["token"]
    cost = service.cost(method, model, TEMPLATE, words, settings)
    assert cost["trainable"] == training.learner.trainable()
    assert cost["bytes"] == 4 * training.learner.kept()
    assert cost["template"] == carried["template"]
