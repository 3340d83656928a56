"""Prompts read end to end answer as each does alone, for every network built as BERT is."""

import copy

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

from playground.models import LanguageModel, load_model, packed
from playground.models.deep_prefix import PrefixedModel, PrefixShape
from playground.prompts import Template
from tests import tiny

LIKE_BERT = ["bert", "roberta", "xlm-roberta", "camembert", "electra"]
ROWS = [
    {"a": "A good film", "b": "so"},
    {"a": "the cat sat on the mat and it was so wonderful in summary", "b": "it was bad"},
    {"a": "", "b": ""},
    {"a": "A good film", "b": "so"},
    {"a": "good " * 99, "b": "bad " * 99},  # as much as the network reads
]
TEMPLATES = [
    "{a} It was [MASK].",
    "[MASK] {a} [MASK], so [MASK].",
    "[MASK]",
    "{a} [SEP] {b} [MASK]",
]
CLOSE = {"rtol": 1e-4, "atol": 2e-5}

every_family = pytest.mark.parametrize("family", LIKE_BERT)


@pytest.fixture
def calls(monkeypatch):
    """The lengths of the prompts in each pass that was packed."""
    seen = []
    inner = packed.states_at

    def noted(network, inputs, places, lengths, prefix):
        seen.append(list(lengths))
        return inner(network, inputs, places, lengths, prefix)

    monkeypatch.setattr(packed, "states_at", noted)
    return seen


def answers(model: LanguageModel, encoded, **options) -> torch.Tensor:
    with torch.inference_mode():
        return model.answer_logits(encoded, **options)


def padded(model: LanguageModel, encoded, **options) -> torch.Tensor:
    """The same by transformers' own forward pass over a padded batch. Keeps gradients."""
    plain = copy.copy(model)
    plain._packs = lambda: False
    return plain.answer_logits(encoded, **options)


@every_family
@pytest.mark.parametrize("source", TEMPLATES)
def test_each_prompt_is_answered_as_the_plain_network_does(family, source, saved, loaded, calls):
    model = loaded(family)
    encoded = model.encode(Template(source), ROWS)
    ours = answers(model, encoded)
    network = AutoModelForMaskedLM.from_pretrained(saved(family), dtype=torch.float32).eval()
    for example, logits in zip(encoded, ours, strict=True):
        types = torch.tensor([example.types or (0,) * len(example)])
        with torch.no_grad():
            plain = network(input_ids=torch.tensor([example.ids]), token_type_ids=types).logits
        torch.testing.assert_close(logits, plain[0, list(example.answer)], **CLOSE)
    assert calls == [list(map(len, encoded))]


@pytest.mark.parametrize("most", [1, 60, 1000])
def test_a_batch_is_read_in_passes_of_so_many_tokens(most, loaded, calls, monkeypatch):
    monkeypatch.setattr(packed, "MOST", most)
    model = loaded("bert")
    encoded = model.encode(Template(TEMPLATES[1]), ROWS * 2)
    torch.testing.assert_close(answers(model, encoded), padded(model, encoded), **CLOSE)
    assert [n for lengths in calls for n in lengths] == list(map(len, encoded))
    assert all(len(lengths) == 1 or sum(lengths) <= most for lengths in calls)
    assert len(calls) == {1: 10, 60: 4, 1000: 1}[most]


@every_family
def test_soft_vectors_stand_in_their_own_prompt(family, loaded, calls):
    model = loaded(family)
    encoded = model.encode(Template("[SOFT*2] {a} [SOFT] [MASK]."), ROWS)
    vectors = torch.randn(3, model.embedding_weight.shape[1])
    expected = padded(model, encoded, soft_vectors=vectors)
    assert not calls
    torch.testing.assert_close(answers(model, encoded, soft_vectors=vectors), expected, **CLOSE)
    assert len(calls) == 1


@every_family
@pytest.mark.parametrize("positions", [0, 3])
def test_all_gradients_are_those_of_a_padded_batch(family, positions, saved, calls):
    model = load_model(str(saved(family)), precision="float32").trainable_copy()
    vectors = torch.randn(3, model.embedding_weight.shape[1], requires_grad=True)
    learned = {"vectors": vectors, **dict(model.network.named_parameters())}
    if positions:
        shape = PrefixShape.of(model)
        form = (shape.layers, 2, shape.heads, positions, shape.width)
        learned["prefix"] = torch.randn(form, requires_grad=True)
        model = PrefixedModel(model, learned["prefix"])
    encoded = model.encode(Template("[SOFT*2] {a} [SOFT] [MASK], [MASK]."), ROWS)

    def gradients(read) -> tuple[torch.Tensor | None, ...]:
        scores = read(encoded, soft_vectors=vectors).log_softmax(-1)
        return torch.autograd.grad(
            scores[..., :5].square().sum(), list(learned.values()), allow_unused=True
        )

    expected = gradients(lambda *args, **named: padded(model, *args, **named))
    assert not calls
    found = gradients(model.answer_logits)
    assert calls
    for name, own, plain in zip(learned, found, expected, strict=True):
        assert (own is None) == (plain is None), name
        if own is not None:
            torch.testing.assert_close(own, plain, rtol=1e-3, atol=1e-4, msg=name)
    assert found[0].abs().sum() > 0


def test_dropout_is_for_training_alone(saved, calls):
    model = load_model(str(saved("bert")), precision="float32").trainable_copy()
    encoded = model.encode(Template(TEMPLATES[0]), ROWS)
    model.network.eval()
    assert torch.equal(model.answer_logits(encoded), model.answer_logits(encoded))
    model.network.train()
    for module in model.network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    calm = model.answer_logits(encoded)
    model.network.base_model.encoder.layer[0].attention.self.dropout.p = 0.5
    assert not torch.allclose(model.answer_logits(encoded), calm, rtol=1e-3)
    assert len(calls) == 4


def test_embeddings_may_be_narrower_than_the_layers(tmp_path, calls):
    folder = tiny.save_model(tmp_path, "electra", embedding_size=16)
    model = load_model(str(folder), precision="float32")
    encoded = model.encode(Template(TEMPLATES[0]), ROWS)
    torch.testing.assert_close(answers(model, encoded), padded(model, encoded), **CLOSE)
    assert calls


def test_bfloat16_stays_near_float32(saved, loaded, calls):
    coarse = load_model(str(saved("bert")), precision="bfloat16")
    encoded = coarse.encode(Template(TEMPLATES[0]), ROWS)
    exact = answers(loaded("bert"), encoded).softmax(-1)
    torch.testing.assert_close(answers(coarse, encoded).softmax(-1), exact, rtol=0.05, atol=1e-3)
    assert len(calls) == 2


@pytest.mark.parametrize("family", ["albert", "distilbert", "deberta-v2", "modernbert", "mpnet"])
def test_networks_that_are_built_otherwise_are_read_padded(family, loaded, calls):
    model = loaded(family)
    encoded = model.encode(Template(TEMPLATES[0]), ROWS)
    torch.testing.assert_close(answers(model, encoded), padded(model, encoded), **CLOSE)
    assert not calls


def test_attention_in_the_place_of_the_plain_one_is_left_to_work(saved, calls):
    model = load_model(str(saved("bert")), precision="float32")
    encoded = model.encode(Template(TEMPLATES[0]), ROWS)
    before = answers(model, encoded)
    model.network.set_attn_implementation("sdpa")
    torch.testing.assert_close(answers(model, encoded), before, **CLOSE)
    assert len(calls) == 1


def test_a_bert_that_reads_from_left_to_right_is_read_padded(tmp_path, calls):
    config = AutoConfig.from_pretrained(tiny.save_model(tmp_path, "bert"))
    config.is_decoder = True
    config.architectures = ["BertLMHeadModel"]
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    model = load_model(str(tmp_path), precision="float32")
    assert model.kind == "causal"
    encoded = model.encode(Template("{a} It was [MASK]"), ROWS)
    torch.testing.assert_close(answers(model, encoded), padded(model, encoded), **CLOSE)
    assert not calls
