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

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from playground.models.encoded import Encoded
from playground.models.families import first_position

# Tokens read in one pass. With fewer, calling the layers takes its share of the time; with more,
# what they hand on no longer stays near the processor (measured: 30 prompts of 30 tokens).
MOST = 1024


def passes(batch: Sequence[Encoded]) -> Iterator[Sequence[Encoded]]:
    """A batch in stretches of `MOST` tokens, or of one prompt that is longer."""
    begin = tokens = 0
    for at, example in enumerate(batch):
        if tokens and tokens + len(example) > MOST:
            yield batch[begin:at]
            begin, tokens = at, 0
        tokens += len(example)
    yield batch[begin:]


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
    network: Any,
    inputs: dict[str, Tensor],
    places: Tensor,
    lengths: Sequence[int],
    prefix: Tensor | None = None,
) -> Tensor:
    """Last hidden states at ``places`` (batch, slots) of what lies end to end.

    ``inputs`` hold a batch of one, `joined`; ``lengths`` are its parts'. A ``prefix`` (layers, 2,
    heads, positions, width) has keys and values that lie before each. In the network's own
    precision: (batch, slots, hidden). Keeps gradients.
    """
    base = network.base_model
    ahead = 0 if prefix is None else prefix.shape[-2]
    rows = _Rows(lengths, ahead, places.device)
    positions = rows.positions + first_position(network) + ahead
    states = base.embeddings(**inputs, position_ids=positions[None])  # (1, tokens, embedding)
    if hasattr(base, "embeddings_project"):  # ELECTRA, where the embeddings are narrower
        states = base.embeddings_project(states)
    states = states[0]  # (tokens, hidden)
    layers = base.encoder.layer
    for number, layer in enumerate(layers, start=1):
        before = None if prefix is None else prefix[number - 1].to(states.dtype)
        states = _layer(layer, rows, states, before, places if number == len(layers) else None)
    return states


class _Rows:
    """Where each token of prompts that lie end to end stands when each has a row of its own.

    ``positions`` (tokens,) are the tokens' within their prompts; ``mask`` (1, batch, 1, ahead +
    longest) is 0 at tokens and at the positions ``ahead``, minus infinity behind a row's end.
    """

    def __init__(self, lengths: Sequence[int], ahead: int, device: torch.device) -> None:
        count = torch.tensor(lengths, device=device)[:, None]  # (B, 1)
        self.count, self.longest = len(lengths), max(lengths)
        columns = torch.arange(self.longest, device=device)  # (L,)
        there = columns < count  # (B, L)
        starts = count.cumsum(0) - count
        # behind its end, a row repeats its first token, which the mask then hides
        self._spread = torch.where(there, starts + columns, starts).flatten()  # (B·L,)
        self._empty = ~there.flatten()[:, None]  # (B·L, 1)
        self._kept = there.flatten().nonzero()[:, 0]  # (tokens,)
        self.positions = self._kept % self.longest
        mask = torch.zeros(there.shape, device=device).masked_fill(~there, -torch.inf)
        self.mask = torch.nn.functional.pad(mask, (ahead, 0))[None, :, None]

    def apart(self, values: Tensor) -> Tensor:
        """(heads, tokens, width) to (heads, batch, longest, width)."""
        in_rows: Tensor = _Apart.apply(values, self._spread, self._kept)  # (heads, B·L, width)
        return in_rows.unflatten(1, (self.count, self.longest))

    def together(self, values: Tensor) -> Tensor:
        """(heads, batch, longest, width) to (heads, tokens, width)."""
        found: Tensor = _Together.apply(values.flatten(1, 2), self._spread, self._kept, self._empty)
        return found


class _Apart(Function):
    """Chooses by ``spread``. What is hidden has no gradient, so that the tokens' own is all of it,
    which saves adding up.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, spread: Tensor, kept: Tensor) -> Tensor:
        ctx.save_for_backward(kept)
        return values.index_select(1, spread)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        [kept] = ctx.saved_tensors
        return gradient.index_select(1, kept), None, None


class _Together(Function):
    """Chooses the tokens; what is behind a row's end has no gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, spread: Tensor, kept: Tensor, empty: Tensor) -> Tensor:
        ctx.save_for_backward(spread, empty)
        return values.index_select(1, kept)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        spread, empty = ctx.saved_tensors
        return gradient.index_select(1, spread).masked_fill_(empty, 0), None, None, None


def _layer(
    layer: Any, rows: _Rows, states: Tensor, before: Tensor | None, places: Tensor | None
) -> Tensor:
    """What a layer makes of ``states`` (tokens, hidden), of them all or only at ``places``.

    The keys and values are of all tokens, and those ``before`` them (2, heads, ahead, width);
    queries, output and feed-forward only of those asked for: (tokens, hidden), or (*places,
    hidden) for ``places`` (batch, slots).
    """
    attention = layer.attention.self
    asked = states if places is None else states[places]
    queries = _heads(layer, attention.query(asked))  # (heads, …, width)
    if places is None:
        queries = rows.apart(queries)  # (heads, B, L, width)
    keys = rows.apart(_heads(layer, attention.key(states)))
    values = rows.apart(_heads(layer, attention.value(states)))
    if before is not None:
        keys, values = (
            torch.cat([ahead[:, None].expand(-1, rows.count, -1, -1), own], dim=2)
            for ahead, own in zip(before, (keys, values), strict=True)
        )  # (heads, B, P + L, width)
    scores = torch.matmul(queries, keys.transpose(2, 3))  # (heads, B, L or slots, P + L)
    shares = torch.add(rows.mask, scores, alpha=attention.scaling).softmax(-1)
    shares = attention.dropout(shares)
    found = torch.matmul(shares.to(values.dtype), values)  # (heads, B, L or slots, width)
    if places is None:
        found = rows.together(found)  # (heads, tokens, width)
    context = found.movedim(0, -2).flatten(-2)  # (…, hidden)
    return layer.feed_forward_chunk(layer.attention.output(context, asked))


def _heads(layer: Any, values: Tensor) -> Tensor:
    """(…, hidden) to (heads, …, width)."""
    width = layer.attention.self.attention_head_size
    return values.unflatten(-1, (-1, width)).movedim(-2, 0)
