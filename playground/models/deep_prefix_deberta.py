"""Deep prefixes for DeBERTa-v2 and v3, whose disentangled attention is written into its modules.

He et al. 2021, "DeBERTa", https://arxiv.org/abs/2006.03654, section 3.1.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.deberta_v2.modeling_deberta_v2 import (
    DisentangledSelfAttention,
    scaled_size_sqrt,
)

from playground.models.deep_prefix import before


def see_prefixes(network: Any) -> None:
    """Turns a network's own attention modules into ones that see prefixes, in place."""
    for module in network.modules():
        if type(module) is DisentangledSelfAttention:
            module.__class__ = _PrefixedSelfAttention


class _PrefixedSelfAttention(DisentangledSelfAttention):
    """Scores of prefix keys are by content alone, for they stand at no distance from a token."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor,
        output_attentions: bool = False,
        query_states: Tensor | None = None,
        relative_pos: Tensor | None = None,
        rel_embeddings: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """(batch, tokens, hidden) to the same; ``attention_mask`` is 1 where a token may look."""
        asked = hidden_states if query_states is None else query_states
        heads = self.num_attention_heads
        query = self.transpose_for_scores(self.query_proj(asked), heads)  # (B · heads, L, width)
        key = self.transpose_for_scores(self.key_proj(hidden_states), heads)
        value = self.transpose_for_scores(self.value_proj(hidden_states), heads)
        keys, values, added = before(key.unflatten(0, (-1, heads)), value.unflatten(0, (-1, heads)))
        parts = 1 + ("c2p" in self.pos_att_type) + ("p2c" in self.pos_att_type)
        scale = scaled_size_sqrt(query, parts).to(query.dtype)
        scores = torch.bmm(
            query, keys.flatten(0, 1).transpose(1, 2) / scale
        )  # (B · heads, L, P + L)
        if self.relative_attention:
            bias = self.disentangled_attention_bias(
                query, key, relative_pos, self.pos_dropout(rel_embeddings), parts
            )  # (B · heads, L, L)
            scores = scores + nn.functional.pad(bias, (added, 0))
        scores = scores.unflatten(0, (-1, heads))  # (B, heads, L, P + L)
        seen = nn.functional.pad(attention_mask.bool(), (added, 0), value=True)
        scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        shares = self.dropout(scores.softmax(-1))
        return torch.matmul(shares, values).transpose(1, 2).flatten(2), None
