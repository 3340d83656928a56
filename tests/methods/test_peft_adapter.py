"""PEFT both ways: the same logits there, the same answers back, a sentence where it cannot be."""

import json
import warnings

import pytest
import torch
from peft import (
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from playground.errors import ModelError
from playground.methods import TrainedPrompt, start
from playground.methods.peft_adapter import PREFIX_FAMILIES
from playground.models import load_model
from playground.models.families import FAMILIES
from playground.prompts import Template, Verbalizer
from tests import tiny

WORDS = Verbalizer({"positive": "great", "negative": "bad"})
PLAIN = Template("{text} It was [MASK]")
ROWS = [{"text": "the cat"}, {"text": "a great film all in all"}]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def folder(family):
        if family not in made:
            made[family] = tiny.save_model(tmp_path_factory.mktemp(family), family)
        return made[family]

    return folder


def trained(folder, method, template=PLAIN, **settings) -> TrainedPrompt:
    model = load_model(str(folder), precision="float32")
    rows = tiny.toy_rows(8)
    settings = {"steps": 2, "learning_rate": 0.1, **settings}
    training = start(method, model, template, WORDS, rows, rows.head(0), settings)
    list(training)
    return training.trained_prompt()


def peft_logits(prompt, folder, adapter) -> torch.Tensor:
    """What PEFT answers at the slots, with the texts tokenized as the adapter's card says."""
    causal = prompt.model.kind == "causal"
    auto = AutoModelForCausalLM if causal else AutoModelForMaskedLM
    base = auto.from_pretrained(folder, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, adapter).eval()
    config = json.loads((adapter / "adapter_config.json").read_text())
    soft = config["peft_type"] in ("P_TUNING", "PROMPT_TUNING")
    count = config["num_virtual_tokens"] if soft else 0
    batch = prompt.model.encode(prompt.template, ROWS)
    skipped = batch[0].soft[-1][0] + 1 if soft else 0
    answers = []
    for example in batch:
        ids = torch.tensor([example.ids[skipped:]])
        with torch.inference_mode():
            found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        answers.append(found[example.answer[0] - skipped + count])
    return torch.stack(answers)


def own_logits(prompt) -> torch.Tensor:
    batch = prompt.model.encode(prompt.template, ROWS)
    with torch.inference_mode():
        return prompt.model.answer_logits(batch, soft_vectors=prompt.vectors)[:, 0]


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize("family", PREFIX_FAMILIES)
def test_a_prefix_gives_the_same_logits_there(family, projection, folders, tmp_path):
    folder = folders(family)
    prompt = trained(folder, "p-tuning-v2", prefix_length=5, projection=projection)
    prompt.export_peft(tmp_path)
    found = peft_logits(prompt, folder, tmp_path)
    torch.testing.assert_close(found, own_logits(prompt), atol=2e-5, rtol=1e-4)
    plain = load_model(str(folder), precision="float32")
    bare = plain.answer_logits(plain.encode(PLAIN, ROWS))[:, 0]
    assert not torch.allclose(found, bare, atol=1e-2)


@pytest.mark.parametrize("method", ["p-tuning", "prompt-tuning"])
@pytest.mark.parametrize(
    "family",
    [
        "bert",
        "roberta",
        "gpt2",
        "electra",
        "albert",
        "distilbert",
        "modernbert",
        "deberta-v2",
        "llama",
    ],
)
def test_vectors_in_front_give_the_same_logits_there(family, method, folders, tmp_path):
    folder = folders(family)
    prompt = trained(folder, method, Template("[SOFT*3] {text} It was [MASK]"))
    prompt.export_peft(tmp_path)
    found = peft_logits(prompt, folder, tmp_path)
    torch.testing.assert_close(found, own_logits(prompt), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("family", [*FAMILIES, "gpt_neo"])
def test_a_lora_gives_the_same_logits_there(family, folders, tmp_path):
    folder = folders(family)
    prompt = trained(folder, "lora", rank=4, dropout=0.1)
    prompt.export_peft(tmp_path)
    with warnings.catch_warnings():  # such as of a config that does not fit the layers
        warnings.filterwarnings("error", message=".*fan_in_fan_out")
        found = peft_logits(prompt, folder, tmp_path)
    torch.testing.assert_close(found, own_logits(prompt), atol=2e-5, rtol=1e-4)
    plain = load_model(str(folder), precision="float32")
    bare = plain.answer_logits(plain.encode(PLAIN, ROWS))[:, 0]
    assert not torch.allclose(found, bare, atol=1e-2)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("method", ["p-tuning", "prompt-tuning", "p-tuning-v2", "lora"])
def test_what_was_exported_comes_back(method, family, folders, tmp_path):
    prompt = trained(folders(family), method, Template("[SOFT*3] {text} It was [MASK]"))
    prompt.export_peft(tmp_path)
    model = load_model(str(folders(family)), precision="float32")
    back = TrainedPrompt.from_peft(tmp_path, model, PLAIN, WORDS)
    assert back.method == method
    assert back.template == prompt.template
    assert back.classify(ROWS).equals(prompt.classify(ROWS))
    loaded = TrainedPrompt.load(back.save(tmp_path / "own"), model)
    assert loaded.classify(ROWS).equals(prompt.classify(ROWS))


class TestMadeByPeft:
    def made(self, folder, family, config, target):
        auto = AutoModelForCausalLM if family == "gpt2" else AutoModelForMaskedLM
        torch.manual_seed(0)
        model = get_peft_model(auto.from_pretrained(folder), config)
        model.save_pretrained(target)
        return target

    @pytest.mark.parametrize("projected", [False, True])
    @pytest.mark.parametrize("family", ["bert", "roberta", "gpt2"])
    def test_a_prefix_answers_alike_here(self, family, projected, folders, tmp_path):
        config = PrefixTuningConfig(
            task_type="CAUSAL_LM" if family == "gpt2" else "FEATURE_EXTRACTION",
            num_virtual_tokens=4,
            prefix_projection=projected,
            encoder_hidden_size=32,
        )
        adapter = self.made(folders(family), family, config, tmp_path)
        model = load_model(str(folders(family)), precision="float32")
        prompt = TrainedPrompt.from_peft(adapter, model, PLAIN, WORDS)
        found = peft_logits(prompt, folders(family), adapter)
        torch.testing.assert_close(own_logits(prompt), found, atol=2e-5, rtol=1e-4)

    def test_vectors_answer_alike_here_where_nothing_stands_before_them(self, folders, tmp_path):
        config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
        adapter = self.made(folders("gpt2"), "gpt2", config, tmp_path)
        model = load_model(str(folders("gpt2")), precision="float32")
        prompt = TrainedPrompt.from_peft(adapter, model, PLAIN, WORDS)
        assert str(prompt.template) == "[SOFT*4] {text} It was [MASK]"
        found = peft_logits(prompt, folders("gpt2"), adapter)
        torch.testing.assert_close(own_logits(prompt), found, atol=2e-5, rtol=1e-4)

    def test_vectors_before_the_first_token_are_refused(self, folders, tmp_path):
        config = PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=4)
        adapter = self.made(folders("bert"), "bert", config, tmp_path)
        self.refused(folders("bert"), adapter, "peft.before_start")

    def lora(self, folder, family, target, **config):
        """An adapter with matrices that make a difference."""
        auto = AutoModelForCausalLM if family in tiny.CAUSAL_TOKENIZERS else AutoModelForMaskedLM
        model = get_peft_model(
            auto.from_pretrained(folder),
            LoraConfig(r=3, lora_alpha=5, init_lora_weights=False, **config),
        )
        model.save_pretrained(target)
        return target

    @pytest.mark.parametrize(
        ("family", "targets"),
        [
            ("bert", ["query", "value"]),
            ("bert", ["query", "key", "value", "dense"]),  # in the head's transform too
            ("modernbert", ["Wqkv", "Wo", "Wi"]),
            ("gpt2", ["c_attn", "c_fc", "c_proj"]),
            ("llama", "all-linear"),
        ],
    )
    def test_a_lora_answers_alike_here(self, family, targets, folders, tmp_path):
        chosen = {"target_modules": targets, "fan_in_fan_out": family == "gpt2"}
        adapter = self.lora(folders(family), family, tmp_path, **chosen)
        model = load_model(str(folders(family)), precision="float32")
        prompt = TrainedPrompt.from_peft(adapter, model, PLAIN, WORDS)
        assert prompt.method == "lora"
        found = peft_logits(prompt, folders(family), adapter)
        torch.testing.assert_close(own_logits(prompt), found, atol=2e-5, rtol=1e-4)
        loaded = TrainedPrompt.load(prompt.save(tmp_path / "own"), model)
        assert loaded.classify(ROWS).equals(prompt.classify(ROWS))

    @pytest.mark.parametrize(
        "more",
        [
            {"use_dora": True},
            {"use_rslora": True},
            {"bias": "lora_only"},
            {"rank_pattern": {"query": 2}},
            {"modules_to_save": ["decoder"]},
            {"target_modules": ["query", "word_embeddings"]},
        ],
        ids=lambda more: next(iter(more)),
    )
    def test_a_lora_that_is_more_than_its_matrices_is_refused(self, more, folders, tmp_path):
        adapter = self.lora(folders("bert"), "bert", tmp_path, **more)
        self.refused(folders("bert"), adapter, "peft.lora_parts")

    def test_a_lora_of_another_family(self, folders, tmp_path):
        adapter = self.lora(folders("bert"), "bert", tmp_path)
        self.refused(folders("roberta"), adapter, "peft.other_model")

    def refused(self, folder, adapter, code):
        model = load_model(str(folder), precision="float32")
        with pytest.raises(ModelError) as caught:
            TrainedPrompt.from_peft(adapter, model, PLAIN, WORDS)
        assert caught.value.code == code

    def test_an_adapter_of_another_kind(self, folders, tmp_path):
        (tmp_path / "adapter_config.json").write_text('{"peft_type": "LOHA"}')
        self.refused(folders("bert"), tmp_path, "peft.kind")

    def test_a_folder_without_one(self, folders, tmp_path):
        self.refused(folders("bert"), tmp_path, "peft.unreadable")

    @pytest.mark.parametrize("method", ["prompt-tuning", "p-tuning-v2", "lora"])
    def test_one_of_a_model_of_another_size(self, method, folders, tmp_path):
        front = Template("[SOFT*3] {text} It was [MASK]")
        trained(folders("bert"), method, front).export_peft(tmp_path)
        other = tiny.save_model(tmp_path / "other", "bert", hidden_size=16)
        self.refused(other, tmp_path, "peft.other_model")

    def test_one_with_more_than_a_prompt(self, folders, tmp_path):
        trained(folders("gpt2"), "prompt-tuning").export_peft(tmp_path)
        path = tmp_path / "adapter_model.safetensors"
        save_file(load_file(path) | {"base_model.classifier.weight": torch.ones(2, 32)}, path)
        self.refused(folders("gpt2"), tmp_path, "peft.unreadable")


@pytest.mark.parametrize(
    ("code", "family", "method", "template", "settings"),
    [
        ("peft.head", "bert", "head-fine-tuning", "{text} [MASK]", {"tune_model": False}),
        ("peft.head", "bert", "p-tuning-v2", "{text} [MASK]", {"scored_by": "head"}),
        ("peft.head", "bert", "lora", "{text} [MASK]", {"scored_by": "head"}),
        ("peft.head", "bert", "soft-verbalizer", "{text} [MASK]", {}),
        ("peft.tuned_model", "bert", "prompt-fine-tuning", "{text} [MASK]", {}),
        ("peft.tuned_model", "bert", "p-tuning", "[SOFT] {text} [MASK]", {"tune_model": True}),
        ("peft.interleaved", "bert", "p-tuning", "{text} [MASK]", {}),
        ("peft.interleaved", "bert", "prompt-tuning", "[SOFT#1] [SOFT#1] {text} [MASK]", {}),
        ("peft.interleaved", "gpt2", "prompt-tuning", "so [SOFT] {text} [MASK]", {}),
        ("peft.token_types", "bert", "p-tuning-v2", "{text}[SEP]It was [MASK]", {}),
        *(
            ("peft.family", family, "p-tuning-v2", "{text} [MASK]", {})
            for family in ("albert", "distilbert", "modernbert", "deberta-v2")
        ),
    ],
)
def test_what_peft_cannot_say_is_refused(
    code, family, method, template, settings, folders, tmp_path
):
    prompt = trained(folders(family), method, Template(template), **settings)
    with pytest.raises(ModelError) as caught:
        prompt.export_peft(tmp_path / "adapter")
    assert caught.value.code == code
    assert not (tmp_path / "adapter").exists()
    # it is said in the saved prompt, too, for those who have not loaded the model
    assert TrainedPrompt.describe(prompt.save(tmp_path))["peft_refusal"]["code"] == code


def test_what_peft_can_say_is_not_refused(folders, tmp_path):
    prompt = trained(folders("bert"), "prompt-tuning")
    assert TrainedPrompt.describe(prompt.save(tmp_path))["peft_refusal"] is None


def test_a_prompt_without_anything_trained_is_refused(folders, tmp_path):
    model = load_model(str(folders("bert")), precision="float32")
    prompt = TrainedPrompt("zero-shot", model, PLAIN, WORDS, vectors=None)
    with pytest.raises(ModelError) as caught:
        prompt.export_peft(tmp_path)
    assert caught.value.code == "peft.nothing_trained"


def test_the_card_of_a_lora_leaves_nothing_out(folders, tmp_path):
    trained(folders("bert"), "lora").export_peft(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "AutoModelForMaskedLM" in card
    assert "places further on" not in card
    assert "leave it out" not in card


def test_the_card_says_what_to_leave_out(folders, tmp_path):
    trained(folders("bert"), "prompt-tuning", soft_tokens=3).export_peft(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "stand 4 places further on" in card
    assert "those of `[CLS]`" in card
    trained(folders("gpt2"), "prompt-tuning", soft_tokens=3).export_peft(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "stand 3 places further on" in card
    assert "leave it out" not in card
