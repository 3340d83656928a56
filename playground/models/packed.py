"""Prompts of unlike lengths in one pass, without padding: for networks built as BERT is.

All that a layer does token by token, which is most of its work, is done on the prompts' tokens end
to end; only between queries, keys and values does each prompt lie in a row of its own. And of the
last layer nothing is computed but what the answer slots ask for: keys and values of all tokens,
the rest at the slots alone. (Packing without padding: Zeng et al. 2022, "Boosting Distributed
Training Performance of the Unpadded BERT Model", https://arxiv.org/abs/2208.08124.)

The layers' own modules do the work, so that whatever stands in their place is heard. Attention is
written out, plainly, with its softmax in float32: in bfloat16 torch's takes five times as long
where the length is no multiple of 32.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from playground.models.encoded import Encoded


def joined(batch: Sequence[Encoded]) -> Encoded:
    """A batch end to end, as if it were one example with all the slots."""
    starts = [0]
    for example in batch[:-1]:
        starts.append(starts[-1] + len(example))
    own = list(zip(starts, batch, strict=True))
    typed = any(example.types for example in batch)
    types = [t for e in batch for t in e.types or [0] * len(e)] if typed else []
    return Encoded(
        ids=tuple(token for example in batch for token in example.ids),
        kinds=tuple(kind for example in batch for kind in example.kinds),
        answer=tuple(start + place for start, example in own for place in example.answer),
        soft=tuple((start + place, v) for start, example in own for place, v in example.soft),
        types=tuple(types),
    )


def states_at(
    network: Any, inputs: dict[str, Tensor], places: Tensor, lengths: Sequence[int]
) -> Tensor:
    """Last hidden states at ``places`` (batch, slots) of what lies end to end.

    ``inputs`` hold a batch of one, `joined`; ``lengths`` are its parts'. In the network's own
    precision: (batch, slots, hidden). Not for training: no gradient was thought of.
    """
    base = network.base_model
    rows = _Rows(lengths, places.device)
    positions = rows.positions + _first_position(base.embeddings)
    states = base.embeddings(**inputs, position_ids=positions[None])  # (1, tokens, embedding)
    if hasattr(base, "embeddings_project"):  # ELECTRA, where the embeddings are narrower
        states = base.embeddings_project(states)
    states = states[0]  # (tokens, hidden)
    *layers, last = base.encoder.layer
    for layer in layers:
        queries = rows.apart(_heads(layer, layer.attention.self.query(states)))
        states = _layer(layer, rows, states, states, queries)
    asked = states[places]  # (batch, slots, hidden)
    queries = _heads(last, last.attention.self.query(asked)).transpose(1, 2)
    return _layer(last, rows, states, asked, queries)


class _Rows:
    """Where each token of prompts that lie end to end stands when each has a row of its own.

    ``positions`` (tokens,) are the tokens' within their prompts; ``mask`` (batch, 1, 1, longest)
    is 0 at tokens and minus infinity behind a row's end.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        count = torch.tensor(lengths, device=device)[:, None]  # (B, 1)
        self.count, self.longest = len(lengths), max(lengths)
        columns = torch.arange(self.longest, device=device)  # (L,)
        there = columns < count  # (B, L)
        starts = count.cumsum(0) - count
        # behind its end, a row repeats its first token, which the mask then hides
        self._spread = torch.where(there, starts + columns, starts).flatten()  # (B·L,)
        self._kept = there.flatten().nonzero()[:, 0]  # (tokens,)
        self.positions = self._kept % self.longest
        self.mask = torch.zeros(there.shape, device=device).masked_fill(~there, -torch.inf)
        self.mask = self.mask[:, None, None]

    def apart(self, values: Tensor) -> Tensor:
        """(tokens, heads, width) to (batch, heads, longest, width)."""
        in_rows = values.flatten(1).index_select(0, self._spread)  # (B·L, heads · width)
        return in_rows.view(self.count, self.longest, *values.shape[1:]).transpose(1, 2)

    def together(self, values: Tensor) -> Tensor:
        """(batch, longest, hidden) to (tokens, hidden)."""
        return values.flatten(0, 1).index_select(0, self._kept)


def _layer(layer: Any, rows: _Rows, states: Tensor, asked: Tensor, queries: Tensor) -> Tensor:
    """One layer's answer where it is ``asked``, with the keys and values of all ``states``.

    ``queries`` are those of ``asked``: (batch, heads, asked in each row, width).
    """
    attention = layer.attention.self
    keys = rows.apart(_heads(layer, attention.key(states)))  # (B, heads, L, width)
    values = rows.apart(_heads(layer, attention.value(states)))
    scores = torch.matmul(queries, keys.transpose(2, 3))  # (B, heads, asked, L)
    shares = torch.add(rows.mask, scores, alpha=attention.scaling).softmax(-1)
    found = torch.matmul(shares.to(values.dtype), values).transpose(1, 2).flatten(2)
    if asked is states:
        found = rows.together(found)
    return layer.feed_forward_chunk(layer.attention.output(found, asked))


def _heads(layer: Any, values: Tensor) -> Tensor:
    """(…, hidden) to (…, heads, width)."""
    return values.unflatten(-1, (-1, layer.attention.self.attention_head_size))


def _first_position(embeddings: Any) -> int:
    """RoBERTa and kin number positions from the padding id on."""
    padding = embeddings.position_embeddings.padding_idx
    return 0 if padding is None else int(padding) + 1
