"""Trainable keys and values in front of every layer's own, for every family in `FAMILIES`.

Li & Liang 2021, "Prefix-Tuning", https://arxiv.org/abs/2101.00190, section 4.2; Liu et al. 2022,
"P-Tuning v2", https://arxiv.org/abs/2110.07602, section 3.2.

A library that hands the prefix over as a cache of past keys and values reaches only the families
whose encoders look into a cache; others leave it out without a word. Here the attention itself is
ours, registered with transformers, so that no layer can miss it.
"""

import copy
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from playground.errors import ModelError
from playground.models.families import FAMILIES, first_position
from playground.models.language_model import LanguageModel
from playground.models.network_view import view_of

LEAST_TEXT = 8  # tokens that must be left beside a prefix: two specials, a slot, and a few words
_ATTENTION = "playground_deep_prefix"
# What is still to be attended to in the forward pass under way, layer by layer. Of the pass, not of
# the network: passes with different prefixes may go on at once, and ALBERT's layers are one module.
_LAYERS: ContextVar[Iterator[Tensor]] = ContextVar("layers")


class PrefixShape(NamedTuple):
    """What a prefix, however long, has to fit: a model's layers, heads in each, and their width."""

    layers: int
    heads: int
    width: int

    @classmethod
    def of(cls, model: LanguageModel) -> Self:
        """Of keys and values: where several queries share a key, there are fewer heads.

        Raises ModelError for a model of a family whose layers are not known.
        """
        config = model.network.config
        if config.model_type not in FAMILIES:
            raise ModelError(
                f"{model.name} is a {config.model_type} model, and how its layers attend is not "
                f"known here, so they cannot be given a prefix. These can: {', '.join(FAMILIES)}.",
                code="model.no_deep_prefix",
                model=model.name,
                type=config.model_type,
                families=", ".join(FAMILIES),
            )
        heads = config.num_attention_heads
        return cls(
            config.num_hidden_layers,
            getattr(config, "num_key_value_heads", None) or heads,
            getattr(config, "head_dim", None) or config.hidden_size // heads,
        )


class PrefixedModel(LanguageModel):
    """A language model whose every layer also attends to a prefix; the weights are shared.

    ``prefix`` holds keys and values (layers, 2, heads, positions, width). It lies before the text:
    the text's own positions begin after it, and so much less of a text fits. Every token sees all
    of it, however far away (also where a layer otherwise looks only at what is near).

    Raises ModelError where the family is unknown, where the prefix does not fit its layers, and
    where there is no room for a text beside it.
    """

    prefix: Tensor
    attention = _ATTENTION

    def __init__(self, model: LanguageModel, prefix: Tensor) -> None:
        shape, length = PrefixShape.of(model), prefix.shape[-2]
        if prefix.shape != (shape.layers, 2, shape.heads, length, shape.width):
            raise ModelError(
                f"A prefix of the form {tuple(prefix.shape)} does not fit the layers of "
                f"{model.name}.",
                code="model.other_prefix",
                model=model.name,
                form=str(tuple(prefix.shape)),
            )
        room = model.max_length - length
        if room < LEAST_TEXT:
            raise ModelError(
                f"{model.name} reads at most {model.max_length} tokens. With a prefix of {length} "
                f"there is no room for a text, which needs {LEAST_TEXT} at the least. Make the "
                "prefix shorter.",
                code="model.no_room_for_prefix",
                model=model.name,
                longest=model.max_length,
                prefix=length,
                least=LEAST_TEXT,
            )
        network = _view(model.network)
        super().__init__(model.name, network, model.tokenizer, causal=model.kind == "causal")
        self.max_length = self.encoder.max_length = room
        self.prefix = prefix
        self._start = first_position(network) + length

    def with_prefix(self, prefix: Tensor) -> Self:
        """The same with other keys and values, of the same shape. Costs next to nothing."""
        other = copy.copy(self)
        other.prefix = prefix
        return other

    def run(self, inputs: Mapping[str, Any]) -> Any:
        """As `LanguageModel.run`, with the prefix. Gradients flow to it."""
        given = inputs.get("input_ids")
        length = (inputs["inputs_embeds"] if given is None else given).shape[1]
        past = inputs.get("past_key_values")
        start = self._start + (0 if past is None else past.get_seq_length())
        positions = torch.arange(start, start + length, device=self.device)[None]  # (1, L)
        layers = iter(self.prefix)
        token = _LAYERS.set(layers)
        try:
            output = super().run({**inputs, "position_ids": positions})
        finally:
            _LAYERS.reset(token)
        assert next(layers, None) is None, "a layer has not looked at its prefix"
        return output


def _view(network: Any) -> Any:
    """The network's modules once more, over the same weights, with attention that sees prefixes."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(_ATTENTION, _attention)
    AttentionMaskInterface.register(_ATTENTION, eager_mask)
    view = view_of(network)
    if view.config.model_type == "deberta-v2":  # which never asks the interface
        from playground.models.deep_prefix_deberta import see_prefixes

        see_prefixes(view)
    else:
        view.set_attn_implementation(_ATTENTION)
    return view


def before(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, int]:
    """Keys and values (batch, heads, tokens, width) of a layer with its prefix in front.

    The third is the number of positions added. To be called once for each layer, in their order.
    """
    prefix = next(_LAYERS.get()).to(keys.dtype)  # (2, heads, P, width)
    prefix_keys, prefix_values = prefix[:, None].expand(-1, len(keys), -1, -1, -1)
    return (
        torch.cat([prefix_keys, keys], dim=2),
        torch.cat([prefix_values, values], dim=2),
        prefix.shape[2],
    )


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """As transformers asks for it: (batch, heads, tokens, width) to (batch, tokens, heads, width).

    ``attention_mask`` is added to the scores (batch, 1, queries, tokens) of the tokens.
    """
    key, value, added = before(key, value)
    shared_by = query.shape[1] // key.shape[1]
    if shared_by > 1:
        key = key.repeat_interleave(shared_by, dim=1)
        value = value.repeat_interleave(shared_by, dim=1)
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query, key.transpose(2, 3)) * scaling  # (B, heads, Q, P + L)
    if attention_mask is not None:
        scores = scores + torch.nn.functional.pad(attention_mask, (added, 0))
    precise = torch.promote_types(scores.dtype, torch.float32)
    shares = scores.softmax(-1, dtype=precise).to(value.dtype)
    shares = torch.nn.functional.dropout(shares, p=dropout, training=module.training)
    return torch.matmul(shares, value).transpose(1, 2).contiguous(), None
