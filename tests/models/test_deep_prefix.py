"""Deep prefixes: no layer of any family misses its own, and nothing else is different."""

import copy
import math
from threading import Thread

import pytest
import torch
from transformers import DynamicCache
from transformers.models.modernbert.modeling_modernbert import apply_rotary_pos_emb

from playground.errors import ModelError
from playground.models import PrefixedModel, PrefixShape, load_model
from playground.models.families import FAMILIES
from playground.prompts import Template, Verbalizer
from tests import tiny

CLOZE = Template("{text} It was [MASK]")
ROWS = [{"text": "the cat"}, {"text": "a great film all in all"}, {"text": "so bad"}]
LENGTH = 5
CAUSAL = [family for family in tiny.CAUSAL_TOKENIZERS if family in FAMILIES]
# Families whose layers look into a cache: what transformers makes of one is another opinion.
WITH_CACHE = ["bert", "roberta", "xlm-roberta", "camembert", "electra", *CAUSAL]


def prefix_for(model, *, seed: int = 0, length: int = LENGTH) -> torch.Tensor:
    shape = PrefixShape.of(model)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape.layers, 2, shape.heads, length, shape.width, generator=generator)


def logits(model, rows=ROWS, template=CLOZE) -> torch.Tensor:
    return model.answer_logits(model.encode(template, rows))


@pytest.fixture(params=[family for family in tiny.FAMILIES if family in FAMILIES])
def family(request) -> str:
    return request.param


@pytest.fixture
def model(family, loaded):
    return loaded(family)


class TestEveryFamily:
    def test_every_key_and_value_of_every_layer_has_its_say(self, model):
        prefix = prefix_for(model).requires_grad_()
        (gradient,) = torch.autograd.grad(
            logits(PrefixedModel(model, prefix)).square().sum(), prefix
        )
        assert gradient.abs().sum(-1).min() > 0  # (layers, 2, heads, positions)

    def test_padding_changes_nothing(self, model):
        prefixed = PrefixedModel(model, prefix_for(model))
        together = logits(prefixed)
        for row, alone in zip(ROWS, together, strict=True):
            torch.testing.assert_close(logits(prefixed, [row])[0], alone, atol=1e-5, rtol=1e-4)

    def test_the_model_itself_is_as_before(self, model):
        before, weights = logits(model), copy.deepcopy(model.network.state_dict())
        prefixed = PrefixedModel(model, prefix_for(model))
        assert not torch.allclose(logits(prefixed), before, atol=1e-2)
        assert torch.equal(logits(model), before)
        for name, value in model.network.state_dict().items():
            assert torch.equal(value, weights[name]), name

    def test_the_weights_are_shared(self, model):
        prefixed = PrefixedModel(model, prefix_for(model))
        own = dict(model.network.named_parameters())
        for name, parameter in prefixed.network.named_parameters():
            assert parameter is own[name], name
        assert prefixed.embedding_weight is model.embedding_weight

    def test_a_prefix_of_another_model_is_refused(self, model):
        prefix = prefix_for(model)
        for other in (prefix[:1], prefix[:, :1], prefix[:, :, :1], prefix[..., :3]):
            with pytest.raises(ModelError) as caught:
                PrefixedModel(model, other)
            assert caught.value.code == "model.other_prefix"


def cache_of(prefix: torch.Tensor, rows: int) -> DynamicCache:
    cache = DynamicCache()
    for layer, (key, value) in enumerate(prefix):
        cache.update(
            key.expand(rows, -1, -1, -1).clone(), value.expand(rows, -1, -1, -1).clone(), layer
        )
    return cache


@pytest.mark.parametrize("family", WITH_CACHE, indirect=True)
def test_it_is_what_a_cache_of_past_keys_and_values_gives(model):
    prefix = prefix_for(model)
    prefixed = PrefixedModel(model, prefix)
    batch = prefixed.encode(CLOZE, ROWS)
    inputs, places = model.network_inputs(batch)
    length = inputs["input_ids"].shape[1]
    seen = torch.ones(len(batch), LENGTH, dtype=torch.long)
    inputs["attention_mask"] = torch.cat([seen, inputs["attention_mask"]], dim=1)
    if model.kind == "causal":  # the others count on from the cache themselves
        inputs["position_ids"] = torch.arange(LENGTH, LENGTH + length)[None]
    output = model.network(**inputs, past_key_values=cache_of(prefix, len(batch)))
    expected = output.logits[torch.arange(len(batch))[:, None], places]
    torch.testing.assert_close(prefixed.answer_logits(batch), expected, atol=2e-5, rtol=1e-4)


class TestByHand:
    """The attention written out, module by module, for families that no cache reaches."""

    def attention(self, query, key, value, prefix, bias):
        """(B, heads, L, width) each; ``bias`` (B, 1, L, L) is added to the scores of tokens."""
        rows, width = len(query), query.shape[-1]
        found = torch.zeros_like(query)
        for row in range(rows):
            for head in range(query.shape[1]):
                keys = torch.cat([prefix[0, head], key[row, head]])
                values = torch.cat([prefix[1, head], value[row, head]])
                scores = query[row, head] @ keys.T / math.sqrt(width)
                scores[:, LENGTH:] += bias[row, min(head, bias.shape[1] - 1)]
                found[row, head] = scores.softmax(-1) @ values
        return found

    def heads(self, values, count=4):
        return values.unflatten(-1, (count, -1)).transpose(1, 2)

    def bias_of(self, batch, length):
        bias = torch.zeros(len(batch), 1, length, length)
        for row, example in enumerate(batch):
            bias[row, :, :, len(example) :] = -1e9
        return bias

    def compare(self, model, prefixed, batch, states):
        places = model.network_inputs(batch)[1]
        found = prefixed.answer_states(batch)
        expected = states[torch.arange(len(batch))[:, None], places]
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)

    def start(self, loaded, family):
        model = loaded(family)
        prefix = prefix_for(model)
        prefixed = PrefixedModel(model, prefix)
        batch = prefixed.encode(CLOZE, ROWS)
        inputs, _ = model.network_inputs(batch)
        length = inputs["input_ids"].shape[1]
        positions = torch.arange(LENGTH, LENGTH + length)[None]
        return model, prefix, prefixed, batch, inputs, positions

    @torch.no_grad()
    def test_distilbert(self, loaded):
        model, prefix, prefixed, batch, inputs, positions = self.start(loaded, "distilbert")
        base = model.network.base_model
        states = base.embeddings(inputs["input_ids"], None, positions)
        bias = self.bias_of(batch, positions.shape[1])
        for layer, pair in zip(base.transformer.layer, prefix, strict=True):
            own = layer.attention
            parts = (self.heads(part(states)) for part in (own.q_lin, own.k_lin, own.v_lin))
            seen = self.attention(*parts, pair, bias).transpose(1, 2).flatten(2)
            states = layer.sa_layer_norm(own.out_lin(seen) + states)
            states = layer.output_layer_norm(layer.ffn(states) + states)
        self.compare(model, prefixed, batch, states)

    @torch.no_grad()
    def test_albert(self, loaded):
        model, prefix, prefixed, batch, inputs, positions = self.start(loaded, "albert")
        base = model.network.base_model
        states = base.embeddings(inputs["input_ids"], position_ids=positions)
        states = base.encoder.embedding_hidden_mapping_in(states)
        bias = self.bias_of(batch, positions.shape[1])
        layer = base.encoder.albert_layer_groups[0].albert_layers[0]  # one for all
        own = layer.attention
        for pair in prefix:
            parts = (self.heads(part(states)) for part in (own.query, own.key, own.value))
            seen = self.attention(*parts, pair, bias).transpose(1, 2).flatten(2)
            states = own.LayerNorm(states + own.dense(seen))
            raised = layer.ffn_output(layer.activation(layer.ffn(states)))
            states = layer.full_layer_layer_norm(raised + states)
        self.compare(model, prefixed, batch, states)

    @torch.no_grad()
    def test_modernbert(self, loaded):
        model, prefix, prefixed, batch, inputs, positions = self.start(loaded, "modernbert")
        base = model.network.base_model
        states = base.embeddings(input_ids=inputs["input_ids"])
        everything = self.bias_of(batch, positions.shape[1])
        distance = (positions[0][:, None] - positions[0]).abs()
        near = everything.masked_fill(distance > base.config.sliding_window, -1e9)
        for layer, pair in zip(base.layers, prefix, strict=True):
            kind = layer.attention_type
            normed = layer.attn_norm(states)
            query, key, value = layer.attn.Wqkv(normed).unflatten(-1, (3, 4, -1)).unbind(2)
            cos, sin = base.rotary_emb(states, positions, kind)
            query, key = apply_rotary_pos_emb(query.transpose(1, 2), key.transpose(1, 2), cos, sin)
            bias = near if kind == "sliding_attention" else everything
            seen = self.attention(query, key, value.transpose(1, 2), pair, bias)
            states = states + layer.attn.Wo(seen.transpose(1, 2).flatten(2))
            states = states + layer.mlp(layer.mlp_norm(states))
        assert {layer.attention_type for layer in base.layers} == {
            "sliding_attention",
            "full_attention",
        }
        self.compare(model, prefixed, batch, base.final_norm(states))

    @torch.no_grad()
    def test_deberta(self, loaded):
        model, prefix, prefixed, batch, inputs, positions = self.start(loaded, "deberta-v2")
        base = model.network.base_model
        states = base.embeddings(
            input_ids=inputs["input_ids"], position_ids=positions, mask=inputs["attention_mask"]
        )
        bias = self.bias_of(batch, positions.shape[1])
        relative = base.encoder.get_rel_embedding()
        distance = positions[0][:, None] - positions[0]
        for layer, pair in zip(base.encoder.layer, prefix, strict=True):
            own = layer.attention.self
            query, key, value = (
                self.heads(part(states)) for part in (own.query_proj, own.key_proj, own.value_proj)
            )
            width = query.shape[-1]
            at = (distance + own.pos_ebd_size).clamp(0, 2 * own.pos_ebd_size - 1)
            pos_key = self.heads(own.pos_key_proj(relative)[None])[0]  # (heads, 2 · span, width)
            pos_query = self.heads(own.pos_query_proj(relative)[None])[0]
            c2p = torch.einsum("bhiw,hijw->bhij", query, pos_key[:, at])
            p2c = torch.einsum("bhjw,hijw->bhij", key, pos_query[:, at])
            # three parts share one scale, as in He et al. 2021, equation 4
            told = bias + (c2p + p2c) / math.sqrt(3 * width)
            seen = self.attention(query / math.sqrt(3), key, value, pair, told)
            states = layer.attention.output(seen.transpose(1, 2).flatten(2), states)
            states = layer.output(layer.intermediate(states), states)
        self.compare(model, prefixed, batch, states)


def test_passes_with_different_prefixes_may_go_on_at_once(loaded):
    model = loaded("albert")
    models = [PrefixedModel(model, prefix_for(model, seed=seed)) for seed in range(4)]
    expected = [logits(one) for one in models]
    wrong = []

    def ask(index: int) -> None:
        with torch.inference_mode():
            for _ in range(20):
                if not torch.equal(logits(models[index]), expected[index]):
                    wrong.append(index)

    threads = [Thread(target=ask, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("family", CAUSAL, indirect=True)
def test_words_of_several_tokens_are_scored_after_the_prefix(model):
    """With the text's own cache: as if each word's tokens were read anew."""
    prefixed = PrefixedModel(model, prefix_for(model))
    verbalizer = Verbalizer({"a": "goodly", "b": "terrible"}, multi_token="exact")
    reader = prefixed.label_reader(CLOZE, verbalizer)
    scores = reader.score_rows(ROWS)
    for column, pieces in enumerate(reader.pieces):
        for row, example in enumerate(prefixed.encode(CLOZE, ROWS)):
            ids = torch.tensor([[*example.ids, *pieces]])
            at = torch.arange(len(example) - 1, ids.shape[1] - 1)
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            found, _ = prefixed.network_logits(inputs, torch.zeros_like(at), at, None)
            shares = found.log_softmax(-1)[torch.arange(len(pieces)), list(pieces)]
            assert float(scores[row, column]) == pytest.approx(float(shares.sum()), abs=1e-4)


@pytest.mark.parametrize("unknown", ["mpnet", "gpt_neo"])
def test_a_family_whose_layers_are_not_known_is_refused(unknown, loaded):
    with pytest.raises(ModelError) as caught:
        PrefixShape.of(loaded(unknown))
    assert caught.value.code == "model.no_deep_prefix"
    assert "modernbert" in str(caught.value)


def test_a_prefix_that_leaves_no_room_for_a_text_is_refused(loaded):
    model = loaded("roberta")
    assert PrefixedModel(model, prefix_for(model, length=40)).max_length == 8
    with pytest.raises(ModelError) as caught:
        PrefixedModel(model, prefix_for(model, length=41))
    assert caught.value.code == "model.no_room_for_prefix"


def test_the_longest_text_fits_beside_the_prefix(model):
    prefixed = PrefixedModel(model, prefix_for(model))
    [encoded] = prefixed.encode(CLOZE, [{"text": "good film " * 100}])
    assert len(encoded) + LENGTH == model.max_length
    assert torch.isfinite(prefixed.answer_logits([encoded])).all()


def test_another_prefix_needs_no_other_network(loaded):
    model = loaded("bert")
    one, two = prefix_for(model, seed=1), prefix_for(model, seed=2)
    first = PrefixedModel(model, one)
    second = first.with_prefix(two)
    assert second.network is first.network
    assert torch.equal(logits(second), logits(PrefixedModel(model, two)))
    assert torch.equal(logits(first), logits(PrefixedModel(model, one)))


def test_dropout_of_the_attention_is_as_in_the_network(tmp_path):
    """A network that is trained drops as many shares with a prefix as without."""
    folder = tiny.save_model(tmp_path, "bert", attention_probs_dropout_prob=0.5)
    model = load_model(str(folder), precision="float32")
    prefixed = PrefixedModel(model, prefix_for(model))
    assert torch.equal(logits(prefixed), logits(prefixed))
    prefixed.network.train()
    torch.manual_seed(0)
    one = logits(prefixed)
    assert not torch.allclose(one, logits(prefixed))
