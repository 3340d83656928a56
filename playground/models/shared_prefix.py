"""What all prompts begin with, read once: a causal model's keys and values of it are kept.

Demonstrations, or a long instruction, stand in front of every row. A causal network's view of them
does not depend on what follows, so that one pass over them serves all rows, exactly (Pope et al.
2022, "Efficiently Scaling Transformer Inference", https://arxiv.org/abs/2211.05102, section 2.1).
A masked network reads to both sides: what it makes of the beginning changes with the end, and
nothing of it can be kept.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from playground.models.encoded import Encoded

if TYPE_CHECKING:
    from playground.models.language_model import LanguageModel

# Fewer tokens are read anew sooner than their keys and values are copied for every row.
LEAST = 16

# Attention of transformers' own, which knows what to do with kept keys and values.
_PLAIN = ("eager", "sdpa")


class SharedPrefix:
    """The longest beginning that prompts of ``model`` were found to share, as the network saw it.

    One serves one sequence of batches, and for any model: where nothing can be kept, prompts are
    read whole. Use it without gradients.
    """

    def __init__(self, model: "LanguageModel") -> None:
        self._model = model
        attention = model.network.config._attn_implementation
        self._keeps = model.kind == "causal" and attention in _PLAIN
        self._ids: tuple[int, ...] = ()
        self._cache: Any = None

    def network_inputs(
        self, batch: Sequence[Encoded], soft_vectors: Tensor | None = None
    ) -> tuple[dict[str, Any], Tensor]:
        """As `LanguageModel.network_inputs`, for what comes behind the shared beginning.

        The beginning stands in ``past_key_values``; places (batch, slots) count behind it.
        """
        length = self._read(batch)
        if not length:
            return self._model.network_inputs(batch, soft_vectors)
        inputs, places = self._model.network_inputs(
            [_behind(example, length) for example in batch], soft_vectors
        )
        mask = inputs["attention_mask"]  # (B, L)
        cache = copy.deepcopy(self._cache)  # the network writes into it
        cache.batch_repeat_interleave(len(batch))
        kept = {
            "attention_mask": torch.cat([mask.new_ones(len(batch), length), mask], 1),
            "past_key_values": cache,
            "use_cache": True,
        }
        return {**inputs, **kept}, places

    def _read(self, batch: Sequence[Encoded]) -> int:
        """How many tokens at the beginning of the whole batch are kept: none, or at least LEAST."""
        shared = _shared(batch) if self._keeps else 0
        known = len(self._ids)
        if known and known <= shared < known + LEAST and batch[0].ids[:known] == self._ids:
            return known
        if shared < LEAST or len(batch) == 1:
            return 0
        beginning = Encoded(batch[0].ids[:shared], batch[0].kinds[:shared], (shared - 1,))
        inputs, places = self._model.network_inputs([beginning])
        one = torch.zeros(1, 1, dtype=torch.long, device=places.device)
        _, cache = self._model.network_logits({**inputs, "use_cache": True}, one, places, one[0])
        if cache is None:
            self._keeps = False
            return 0
        self._ids, self._cache = beginning.ids, cache
        return shared


def _shared(batch: Sequence[Encoded]) -> int:
    """How many tokens all begin with, short of the last and of any soft slot."""
    first, last = min(e.ids for e in batch), max(e.ids for e in batch)  # by their tokens
    most = min(len(example) for example in batch) - 1
    most = min([most, *(place for example in batch for place, _ in example.soft)])
    pairs = zip(first[:most], last[:most], strict=True)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), most)


def _behind(example: Encoded, length: int) -> Encoded:
    """The example without its first tokens, none of which is a slot."""
    return replace(
        example,
        ids=example.ids[length:],
        kinds=example.kinds[length:],
        answer=tuple(place - length for place in example.answer),
        soft=tuple((place - length, vector) for place, vector in example.soft),
        types=example.types[length:],
    )
