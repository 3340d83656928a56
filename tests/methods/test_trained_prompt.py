"""What a training leaves behind can be kept, taken elsewhere and used like a written prompt."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from playground.errors import ModelError
from playground.methods import TrainedPrompt
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny


def trained(toy, **settings) -> TrainedPrompt:
    training = toy.start(**settings)
    list(training)
    return training.trained_prompt()


@pytest.fixture(scope="module")
def prompt(toy):
    return trained(toy)


@pytest.fixture
def folder(prompt, tmp_path):
    return prompt.save(tmp_path / "prompt")


@pytest.mark.parametrize(
    "settings",
    [{}, {"encoder": "none"}, {"tune_model": True, "model_learning_rate": 1e-2}],
    ids=["frozen", "no encoder", "tuned"],
)
def test_saved_and_loaded_it_classifies_the_same(settings, toy, tmp_path, weights):
    prompt = trained(toy, **settings)
    before = weights()
    loaded = TrainedPrompt.load(prompt.save(tmp_path / "new" / "prompt"), toy.model)
    np.testing.assert_array_equal(
        loaded.classify(toy.dev).drop(columns="prediction").to_numpy(),
        prompt.classify(toy.dev).drop(columns="prediction").to_numpy(),
    )
    row = toy.dev.iloc[0].to_dict()
    assert loaded.answer_distribution(row, top_k=5).equals(prompt.answer_distribution(row, top_k=5))
    for name in ("method", "template", "verbalizer", "step", "settings", "tunes_model"):
        assert getattr(loaded, name) == getattr(prompt, name)
    assert loaded.settings["seed"] == 13
    assert loaded.step == 6
    for name, value in weights().items():
        assert torch.equal(value, before[name]), name


def test_how_texts_are_cut_and_words_are_scored_is_kept(toy, tmp_path):
    prompt = TrainedPrompt(
        "p-tuning",
        toy.model,
        Template("{text} It was [MASK].", truncation="head"),
        Verbalizer({"a": "great", "b": "goodly"}, aggregation="max", multi_token="mean"),
        vectors=None,
    )
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    assert loaded.template == prompt.template
    assert loaded.verbalizer == prompt.verbalizer
    description = json.loads((tmp_path / "prompt.json").read_text())
    del description["truncation"]  # as it was written before there was a choice
    (tmp_path / "prompt.json").write_text(json.dumps(description))
    assert TrainedPrompt.load(tmp_path, toy.model).template.truncation == "balanced"


@pytest.mark.parametrize("method", ["p-tuning", "head-fine-tuning"])
def test_a_prompt_saved_before_there_were_more_kinds_of_head_is_read(method, toy, tmp_path):
    prompt = trained(toy, method=method)
    prompt.save(tmp_path)
    description = json.loads((tmp_path / "prompt.json").read_text())
    for entry in ("head", "lora"):
        del description[entry]
    (tmp_path / "prompt.json").write_text(json.dumps(description))
    loaded = TrainedPrompt.load(tmp_path, toy.model)
    assert loaded.classify(toy.dev).equals(prompt.classify(toy.dev))


def test_it_says_something_else_than_the_untrained_prompt(toy, prompt):
    untrained = toy.start().trained_prompt()
    assert not prompt.classify(toy.dev).equals(untrained.classify(toy.dev))


def test_rows_may_be_dictionaries(toy, prompt):
    rows = toy.dev.to_dict("records")
    assert prompt.classify(rows).equals(prompt.classify(toy.dev))


def test_what_is_kept_is_safetensors_and_json(folder):
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".safetensors"]
    description = TrainedPrompt.describe(folder)
    assert description["template"].startswith("[SOFT")
    assert description["method"] == "p-tuning"


def test_saving_again_replaces_what_was_there(toy, prompt, folder):
    other = trained(toy, seed=2)
    other.save(folder)
    loaded = TrainedPrompt.load(folder, toy.model)
    assert torch.equal(loaded.vectors, other.vectors)
    assert not torch.equal(loaded.vectors, prompt.vectors)


@pytest.mark.parametrize(
    ("family", "changes"), [("roberta", {}), ("bert", {"hidden_size": 16}), ("bert", {"seed": 9})]
)
def test_another_model_is_refused(family, changes, folder, tmp_path):
    other = load_model(str(tiny.save_model(tmp_path / "other", family, **changes)))
    with pytest.raises(ModelError) as caught:
        TrainedPrompt.load(folder, other)
    assert caught.value.code == "prompt.other_model"


def test_the_same_model_elsewhere_and_in_another_precision_is_not(toy, prompt, folder, tmp_path):
    copy = tiny.save_model(tmp_path / "copy", "bert", initializer_range=0.5)
    model = load_model(str(copy), precision="bfloat16")
    loaded = TrainedPrompt.load(folder, model).classify(toy.dev)
    expected = prompt.classify(toy.dev)
    # random weights this large leave bfloat16 little: 0.004 apart on average, the worst row 0.05
    np.testing.assert_allclose(loaded["positive"], expected["positive"], atol=0.08)


class TestSpoiltFiles:
    def error_of(self, toy, folder) -> ModelError:
        with pytest.raises(ModelError) as caught:
            TrainedPrompt.load(folder, toy.model)
        assert caught.value.code == "prompt.unreadable"
        assert str(folder) in str(caught.value)
        return caught.value

    def test_there_is_none(self, toy, tmp_path):
        self.error_of(toy, tmp_path)

    @pytest.mark.parametrize("kind", ["*.safetensors", "*.json"])
    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\x00" * 30])
    def test_a_file_that_is_something_else(self, kind, content, toy, folder):
        [path] = folder.glob(kind)
        path.write_bytes(content)
        self.error_of(toy, folder)

    def test_tensors_that_were_cut_short(self, toy, folder):
        [path] = folder.glob("*.safetensors")
        path.write_bytes(path.read_bytes()[:-10])
        self.error_of(toy, folder)

    @pytest.mark.parametrize("missing", ["format", "method", "template", "verbalizer", "model"])
    def test_a_description_that_lacks_something(self, missing, toy, folder):
        [path] = folder.glob("*.json")
        description = json.loads(path.read_text())
        del description[missing]
        path.write_text(json.dumps(description))
        self.error_of(toy, folder)

    def test_a_format_of_the_future(self, toy, folder):
        [path] = folder.glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
        self.error_of(toy, folder)

    @pytest.mark.parametrize("template", ["{text", "no slot", 7])
    def test_a_template_that_cannot_be_read(self, template, toy, folder):
        [path] = folder.glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"template": template}))
        self.error_of(toy, folder)

    def test_fewer_vectors_than_slots(self, toy, folder):
        [path] = folder.glob("*.safetensors")
        tensors = load_file(path)
        save_file({name: value[:1].clone() for name, value in tensors.items()}, path)
        self.error_of(toy, folder)

    def test_weights_that_are_missing(self, toy, tmp_path):
        folder = trained(toy, tune_model=True).save(tmp_path / "tuned")
        [path] = folder.glob("*.safetensors")
        tensors = load_file(path)
        tensors.pop(next(name for name in tensors if "query.weight" in name))
        save_file(tensors, path)
        self.error_of(toy, folder)

    @pytest.mark.parametrize(
        ("method", "entry", "wrong"),
        [
            ("prototypical", "head", {"kind": "magic"}),
            ("prototypical", "head", {"kind": "prototypes"}),
            ("prototypical", "head", {"kind": "prototypes", "width": 3}),
            ("prototypical", "head", {"kind": "linear"}),
            ("soft-verbalizer", "head", {"kind": "vectors", "width": 3}),
            ("lora", "lora", {"rank": 2, "alpha": 4, "targets": ["query", "value"]}),
            ("lora", "lora", {"rank": 3, "alpha": 4, "targets": ["nothing"]}),
            ("lora", "lora", {"rank": 3}),
            ("lora", "lora", None),
        ],
    )
    def test_what_is_said_of_the_weights_is_not_so(self, method, entry, wrong, toy, tmp_path):
        trained(toy, method=method).save(tmp_path)
        path = tmp_path / "prompt.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {entry: wrong}))
        self.error_of(toy, tmp_path)

    @pytest.mark.parametrize("method", ["prototypical", "soft-verbalizer", "lora"])
    def test_a_tensor_is_missing(self, method, toy, tmp_path):
        trained(toy, method=method).save(tmp_path)
        path = tmp_path / "prompt.safetensors"
        tensors = load_file(path)
        tensors.pop(next(name for name in tensors if name.startswith(("head.", "lora."))))
        save_file(tensors, path)
        self.error_of(toy, tmp_path)
