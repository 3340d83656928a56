"""One look at a prompt says the same of the labels as `classify` does."""

import pytest
import torch

from playground.inference.look import look
from playground.inference.service import Service
from playground.methods import TrainedPrompt, classify
from playground.methods.calibration import Calibration, domain_of
from playground.models import LabelVectors, LanguageModel, LinearHead, load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

ROW = {"text": "the cat sat"}
WORDS = {"positive": ["great", "goodly"], "negative": ["bad"]}


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def model(request, tmp_path_factory) -> LanguageModel:
    folder = tiny.save_model(tmp_path_factory.mktemp("look"), request.param)
    return load_model(str(folder), precision="float32")


@pytest.mark.parametrize("policy", ["first", "mean", "exact"])
def test_labels_are_those_of_classify(policy, model):
    template, verbalizer = Template("{text} It was [MASK]"), Verbalizer(WORDS, multi_token=policy)
    seen = look(model, template, ROW, verbalizer, top_k=3)
    assert seen["errors"] == {}
    expected = classify(model, template, verbalizer, [ROW]).iloc[0]
    for label, chance in seen["labels"].items():
        assert chance == pytest.approx(expected[label], rel=1e-4)


def test_label_words_are_shown_as_the_model_reads_them(model):
    seen = look(model, Template("{text} It was [MASK]"), ROW, Verbalizer(WORDS), top_k=3)
    assert set(seen["spellings"]) == {"great", "goodly", "bad"}
    space = "␣" if model.tokenizer.bos_token else ""
    assert seen["spellings"]["great"] == [f"{space}great"]
    assert len(seen["spellings"]["goodly"]) > 1


def test_several_slots(tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, "bert")), precision="float32")
    template = Template("[MASK] {text} It was [MASK].")
    verbalizer = Verbalizer({"a": "so | great", "b": "so | bad", "c": "all | bad"})
    seen = look(model, template, ROW, verbalizer, top_k=10**6)
    expected = classify(model, template, verbalizer, [ROW]).iloc[0]
    for label, chance in seen["labels"].items():
        assert chance == pytest.approx(expected[label], rel=1e-4)
    # the bars are those of the first slot, where "so" is nobody's alone
    owners = {row["token"]: row["label"] for row in seen["answers"] if row["label"]}
    assert owners == {"all": "c"}


def test_a_head_decides_its_own_labels_and_is_not_calibrated(model):
    template, verbalizer = Template("{text} It was [MASK]"), Verbalizer(WORDS)
    head = LinearHead(model, template, 2)
    prompt = TrainedPrompt("head-fine-tuning", model, template, verbalizer, None, head=head)

    def calibrate() -> Calibration:
        raise AssertionError("there is nothing to calibrate")

    seen = look(model, template, ROW, verbalizer, top_k=3, prompt=prompt, calibrate=calibrate)
    expected = prompt.classify([ROW]).iloc[0]
    for label, chance in seen["labels"].items():
        assert chance == pytest.approx(expected[label], rel=1e-4)
    assert "raw" not in seen
    others = Verbalizer({"good": "great", "poor": "bad"})
    seen = look(model, template, ROW, others, top_k=3, prompt=prompt)
    by_words = classify(model, template, others, [ROW]).iloc[0]
    assert seen["labels"]["good"] == pytest.approx(by_words["good"], rel=1e-4)


def test_label_vectors_read_the_slot_of_the_template_that_is_asked(model):
    verbalizer = Verbalizer(WORDS)
    trained, edited = Template("{text} It was [MASK]"), Template("All in all, {text} is [MASK]")
    head = LabelVectors.of_words(model, trained, verbalizer)
    prompt = TrainedPrompt("soft-verbalizer", model, trained, verbalizer, None, head=head)
    for template in (trained, edited):
        seen = look(model, template, ROW, verbalizer, top_k=3, prompt=prompt)
        expected = classify(model, template, verbalizer, [ROW]).iloc[0]
        for label, chance in seen["labels"].items():
            assert chance == pytest.approx(expected[label], rel=1e-4)


def test_a_verbalizer_that_does_not_fit_leaves_the_rest(model):
    verbalizer = Verbalizer({"a": "so | great", "b": "so | bad"})
    seen = look(model, Template("{text} It was [MASK]"), ROW, verbalizer, top_k=3)
    assert seen["errors"]["verbalizer"]["code"] == "verbalizer.slot_count"
    assert "labels" not in seen
    assert len(seen["answers"]) == 3


@pytest.mark.parametrize("calibration", ["contextual", "domain"])
def test_a_trained_prompt_is_calibrated_with_its_vectors(calibration, tmp_path):
    folder = tiny.save_model(tmp_path / "model", "bert")
    model = load_model(str(folder))  # in the precision that the service takes
    template, verbalizer = Template("{text} [SOFT*2] [MASK]"), Verbalizer(WORDS)
    vectors = torch.randn(2, model.embedding_weight.shape[1])
    prompt = TrainedPrompt("p-tuning", model, template, verbalizer, vectors)
    prompt.save(tmp_path / "prompt")

    def seen(source: str, prompt: str | None) -> dict[str, float]:
        words = verbalizer.to_json()
        found = Service().look(str(folder), source, ROW, words, 3, prompt, calibration)
        assert found["errors"] == {}
        return found["labels"]

    if calibration == "contextual":
        prior = Calibration.contextual(model, template, verbalizer, soft_vectors=vectors)
    else:
        prior = Calibration.domain_conditional(model, domain_of(template), verbalizer)
    expected = prompt.classify([ROW], calibration=prior).iloc[0]
    for label, chance in seen(str(template), str(tmp_path / "prompt")).items():
        assert chance == pytest.approx(expected[label], rel=1e-3)
    # a template without their slots leaves the vectors out
    plain = "{text} It was [MASK]"
    assert seen(plain, str(tmp_path / "prompt")) == pytest.approx(seen(plain, None))
