"""The loss that a language model was pretrained with, on texts of the task.

Mixed into a training by labels, it keeps the model from forgetting what it knew: Schick & Schütze
2021, "Exploiting Cloze Questions" (PET), https://arxiv.org/abs/2001.07676, section 3.2.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from playground.models import Encoded, LanguageModel
from playground.models.encoded import FIELD, TEXT

# Devlin et al. 2019, "BERT", https://arxiv.org/abs/1810.04805, section 3.1: of the tokens so many
# are to be predicted; of these most are masked, and of the others every second one is another.
PREDICTED, MASKED, CHANGED = 0.15, 0.8, 0.9


def language_model_loss(
    model: LanguageModel, batch: Sequence[Encoded], soft_vectors: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of the tokens to be predicted, with gradients; a number, in nats.

    A masked model predicts 15 % of them, a causal one each from those before it. Only the texts and
    the template's own words are predicted, never a slot (PET, section 3.2). Draws from torch's
    generator which tokens are masked. Zero where there is nothing to predict.
    """
    causal = model.kind == "causal"
    places = [place for row, example in enumerate(batch) for place in _places(row, example, causal)]
    if not places:
        return torch.zeros((), device=model.device)
    if not causal:
        places, batch = _masked(model, batch, places)
    rows, columns, targets = torch.tensor(places, device=model.device).T  # (tokens,) each
    inputs, _ = model.network_inputs(batch, soft_vectors)
    seen = columns - 1 if causal else columns  # where the logits of each are
    logits, _ = model.network_logits(inputs, rows, seen, None)  # (tokens, vocabulary)
    return nn.functional.cross_entropy(logits, targets)


def _places(row: int, example: Encoded, causal: bool) -> list[tuple[int, int, int]]:
    """What may be predicted of an example: (row, position, token id) each."""
    return [
        (row, position, token_id)
        for position, (token_id, kind) in enumerate(zip(example.ids, example.kinds, strict=True))
        if kind in (FIELD, TEXT) and not (causal and position == 0)
    ]


def _masked(
    model: LanguageModel, batch: Sequence[Encoded], places: list[tuple[int, int, int]]
) -> tuple[list[tuple[int, int, int]], list[Encoded]]:
    """The places drawn to be predicted, at least one, and the batch with these tokens hidden."""
    draws = torch.rand(len(places))
    draws[draws.argmin()] = 0.0
    drawn = [place for place, draw in zip(places, draws.tolist(), strict=True) if draw < PREDICTED]
    fates = torch.rand(len(drawn)).tolist()
    others = torch.randint(len(model.embedding_weight), (len(drawn),)).tolist()
    hidden = [list(example.ids) for example in batch]
    for (row, position, _), fate, other in zip(drawn, fates, others, strict=True):
        if fate < MASKED:
            hidden[row][position] = model.encoder.placeholder_id
        elif fate < CHANGED:
            hidden[row][position] = other
    return drawn, [replace(e, ids=tuple(ids)) for e, ids in zip(batch, hidden, strict=True)]
