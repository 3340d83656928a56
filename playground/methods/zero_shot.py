"""Asking a model as it is: the distribution at the answer slot, and labels by the verbalizer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer

Rows = pd.DataFrame | Sequence[Mapping[str, object]]


def answer_distribution(
    model: LanguageModel,
    template: Template,
    row: Mapping[str, object],
    *,
    top_k: int = 10,
    soft_vectors: Tensor | None = None,
) -> pd.DataFrame:
    """The ``top_k`` most probable tokens at each answer slot, over the whole vocabulary.

    Columns: slot (from 0), token, token_id, logit, probability, rank (from 1).
    Raises TemplateError or DataError where the template cannot be filled in with ``row``.
    """
    encoded = model.encode(template, [row])
    with torch.inference_mode():
        logits = model.answer_logits(encoded, soft_vectors=soft_vectors)[0]  # (slots, vocabulary)
        probabilities = logits.softmax(-1)
        best = probabilities.topk(min(top_k, logits.shape[-1]), dim=-1)  # (slots, k)
    found = [
        {
            "slot": slot,
            "token": model.token_text(token_id),
            "token_id": token_id,
            "logit": float(logits[slot, token_id]),
            "probability": probability,
            "rank": rank,
        }
        for slot in range(logits.shape[0])
        for rank, (token_id, probability) in enumerate(
            zip(best.indices[slot].tolist(), best.values[slot].tolist(), strict=True), start=1
        )
    ]
    return pd.DataFrame(found)


def classify(
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    rows: Rows,
    *,
    soft_vectors: Tensor | None = None,
) -> pd.DataFrame:
    """Label probabilities for each row, and the label of the highest.

    Columns: one a label (probabilities that sum to 1), then ``prediction``. Only the label words'
    rows of the vocabulary are computed, at the first answer slot.
    Raises TemplateError, VerbalizerError or DataError.
    """
    encoded = model.encode(template, list(iterate(rows)))
    word_ids = model.label_word_ids(template, verbalizer)
    probabilities = np.zeros((len(encoded), len(verbalizer.labels)))
    for chosen, logits in model.score(encoded, word_ids, soft_vectors=soft_vectors):
        scores = verbalizer.scores(logits[:, 0])  # (batch, labels)
        probabilities[chosen] = scores.softmax(-1).double().cpu().numpy()
    table = pd.DataFrame(probabilities, columns=list(verbalizer.labels))
    best = probabilities.argmax(1) if len(encoded) else []
    table["prediction"] = [verbalizer.labels[i] for i in best]
    return table


def iterate(rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of a DataFrame, or of any sequence of mappings, as dictionaries."""
    records = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows
    for record in records:
        yield {str(name): value for name, value in record.items()}
