"""Asking a model as it is: the distribution at the answer slot, and labels by the verbalizer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from playground.models import Encoded, LanguageModel
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    from pandas import DataFrame

    from playground.methods.calibration import Calibration

Rows: TypeAlias = "DataFrame | Sequence[Mapping[str, object]]"


def answer_distribution(
    model: LanguageModel,
    template: Template,
    row: Mapping[str, object],
    *,
    top_k: int = 10,
    soft_vectors: Tensor | None = None,
) -> "DataFrame":
    """The ``top_k`` most probable tokens at each answer slot, over the whole vocabulary.

    Columns: slot (from 0), token, token_id, logit, probability, rank (from 1).
    Raises TemplateError or DataError where the template cannot be filled in with ``row``.
    """
    return distribution(model, model.encode(template, [row]), top_k, soft_vectors)


def distribution(
    model: LanguageModel, asked: Sequence[Encoded], top_k: int, soft_vectors: Tensor | None
) -> "DataFrame":
    """As `answer_distribution`, of the mean logits where ``asked`` are several ways to ask."""
    import pandas as pd  # here, as few questions end in a table

    with torch.inference_mode():
        logits = model.answer_logits(asked, soft_vectors=soft_vectors)  # (ways, slots, vocabulary)
        logits = logits.mean(0)  # (slots, vocabulary)
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
    calibration: "Calibration | None" = None,
) -> "DataFrame":
    """Label probabilities for each row, and the label of the highest.

    Columns: one a label (probabilities that sum to 1), then ``prediction``. With ``calibration``
    the model's taste for the label words is taken out.
    Raises TemplateError, VerbalizerError or DataError.
    """
    scores = label_scores(model, template, verbalizer, rows, soft_vectors=soft_vectors)
    if calibration is not None:
        scores = calibration.apply(scores, verbalizer.labels)
    return label_table(scores, verbalizer.labels)


def label_table(scores: Tensor, labels: Sequence[str]) -> "DataFrame":
    """What `classify` returns, by the labels' scores: (rows, labels)."""
    import pandas as pd

    probabilities = scores.softmax(1).double().cpu().numpy()
    table = pd.DataFrame(probabilities, columns=list(labels))
    table["prediction"] = [labels[i] for i in probabilities.argmax(1)]
    return table


def label_scores(
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    rows: Rows,
    *,
    soft_vectors: Tensor | None = None,
) -> Tensor:
    """The verbalizer's scores of each row: (rows, labels), in float32.

    Only the label words' rows of the vocabulary are computed, unless words of several tokens are
    to be scored exactly. A softmax over the scores gives the label probabilities.
    Raises TemplateError, VerbalizerError or DataError.
    """
    reader = model.label_reader(template, verbalizer)
    return reader.score_rows(list(iterate(rows)), soft_vectors=soft_vectors)


def iterate(rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of a DataFrame, or of any sequence of mappings, as dictionaries."""
    records = rows if isinstance(rows, Sequence) else rows.to_dict("records")
    for record in records:
        yield {str(name): value for name, value in record.items()}
