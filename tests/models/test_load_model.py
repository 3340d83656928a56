"""How a name becomes a model, and what is said where it does not."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel, T5Config, ViTConfig

from playground.errors import ModelError
from playground.models import built_in_models, load_model
from playground.prompts import Template
from tests import tiny


@pytest.fixture
def folder(saved, tmp_path):
    """A tiny BERT's folder of one's own, to be spoilt."""
    return shutil.copytree(saved("bert"), tmp_path / "bert")


def error_of(name, **how) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(str(name), **how)
    return caught.value


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class TestWhatLoads:
    @pytest.mark.parametrize("family", ["bert", "mpnet"])
    def test_masked_models(self, family, loaded):
        model = loaded(family)
        assert model.kind == "masked"
        assert model.precision == torch.float32
        assert not any(parameter.requires_grad for parameter in model.network.parameters())
        assert not model.network.training

    @pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neo"])
    def test_causal_models(self, family, loaded):
        assert loaded(family).kind == "causal"

    def test_the_checkpoint_decides_where_a_family_has_both_heads(self, tmp_path):
        tiny.save_model(tmp_path, "bert", is_decoder=True)
        change_config(tmp_path, architectures=["BertLMHeadModel"])
        model = load_model(str(tmp_path), precision="float32")
        assert model.kind == "causal"
        encoded = model.encode(Template("{text} it was [MASK]"), [{"text": "a film"}])
        assert model.answer_logits(encoded).isfinite().all()

    def test_the_name_is_kept_and_sizes_are_told(self, saved, loaded):
        model = loaded("bert")
        assert model.name == str(saved("bert"))
        assert model.max_length == tiny.POSITIONS
        assert model.parameters == sum(p.numel() for p in model.network.parameters())

    def test_the_tokenizer_may_set_a_lower_limit(self, folder):
        path = folder / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 16}))
        model = load_model(str(folder), precision="float32")
        assert model.max_length == 16
        encoded = model.encode(Template("{text} [MASK]"), [{"text": "good " * 99}])
        assert len(encoded[0]) == 16

    def test_loading_twice_gives_the_same_answers(self, folder):
        template, row = Template("{text} It was [MASK]."), {"text": "A good film"}
        first, second = (load_model(str(folder), precision="float32") for _ in range(2))
        torch.testing.assert_close(
            first.answer_logits(first.encode(template, [row])),
            second.answer_logits(second.encode(template, [row])),
            rtol=0,
            atol=0,
        )

    def test_the_built_in_models_are_listed(self):
        assert "pocket-bert" in built_in_models()


class TestNames:
    @pytest.mark.parametrize("name", ["", "  "])
    def test_no_name(self, name):
        assert error_of(name).code == "model.no_name"

    @pytest.mark.parametrize("name", ["./none", "/nowhere/at/all", "~/no-such-model", "a/b/c"])
    def test_a_folder_that_is_not_there(self, name):
        error = error_of(name)
        assert error.code == "model.no_folder"
        assert name in str(error)

    @pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model", "not a name!"])
    def test_an_id_that_cannot_be_fetched(self, name, monkeypatch):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        error = error_of(name)
        assert error.code == "model.not_found"
        assert name in str(error)
        assert "pocket-bert" in str(error)


class TestFolders:
    def test_without_a_config(self, tmp_path):
        error = error_of(tmp_path)
        assert error.code == "model.no_config"

    def test_a_config_that_is_no_json(self, folder):
        (folder / "config.json").write_text("{")
        assert error_of(folder).code == "model.unreadable"

    def test_weights_that_are_a_pickle_are_not_read(self, folder):
        weights = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "pytorch_model.bin")
        assert error_of(folder).code == "model.no_safetensors"

    def test_no_weights_at_all(self, folder):
        (folder / "model.safetensors").unlink()
        assert error_of(folder).code in ("model.no_safetensors", "model.unreadable")

    def test_weights_that_were_cut_short(self, folder):
        weights = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
        assert error_of(folder).code == "model.unreadable"

    def test_weights_of_another_shape(self, folder):
        change_config(folder, hidden_size=64)
        assert error_of(folder).code == "model.unreadable"

    def test_no_tokenizer(self, folder):
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).unlink()
        assert error_of(folder).code in ("model.unreadable", "model.no_tokenizer")

    @pytest.mark.parametrize("config", [T5Config(), ViTConfig()], ids=["t5", "vit"])
    def test_an_architecture_that_fills_in_no_blanks(self, config, tmp_path):
        config.save_pretrained(tmp_path)
        error = error_of(tmp_path)
        assert error.code == "model.wrong_kind"
        assert error.details["type"] in str(error)

    def test_a_checkpoint_whose_language_model_head_was_left_out(self, folder):
        BertModel.from_pretrained(folder).save_pretrained(folder)
        assert error_of(folder).code == "model.no_head"

    def test_a_checkpoint_with_a_tensor_missing(self, folder):
        weights = load_file(folder / "model.safetensors")
        weights.pop("bert.encoder.layer.1.output.dense.weight")
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        assert error_of(folder).code == "model.no_head"

    def test_code_that_comes_with_a_model_is_never_run(self, folder, capsys):
        (folder / "own.py").write_text("print('run!')\nraise SystemExit('run!')\n")
        own = {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"}
        change_config(folder, model_type="someones-own", architectures=["Own"], auto_map=own)
        assert error_of(folder).code == "model.remote_code"
        assert "run!" not in capsys.readouterr().out

    def test_an_architecture_that_nobody_knows(self, folder):
        change_config(folder, model_type="someones-own", architectures=["Own"])
        assert error_of(folder).code == "model.unreadable"


@pytest.mark.parametrize("wrong", [{"precision": "float8"}, {"device": "abacus"}])
def test_a_device_or_precision_that_there_is_not(wrong, saved):
    error = error_of(saved("bert"), **wrong)
    assert next(iter(wrong.values())) in str(error)
