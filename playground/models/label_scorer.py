"""How labels get their scores from a model: by a verbalizer's words or by a head, asked alike."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from playground.models.encoded import Encoded
from playground.models.language_model import LanguageModel


class LabelScorer(Protocol):
    """What `LabelReader` (by the words at the answer slots) and `LabelHead` have in common."""

    def encode(self, model: LanguageModel, rows: Sequence[Mapping[str, object]]) -> list[Encoded]:
        """The rows as this scorer has ``model`` read them. Raises TemplateError or DataError."""

    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """Scores of the labels: (batch, labels), with gradients.

        ``soft_vectors`` are those of `LanguageModel.answer_logits`.
        """


def score_labels(
    scorer: LabelScorer,
    model: LanguageModel,
    soft_vectors: Tensor | None,
    encoded: Sequence[Encoded],
) -> Iterator[tuple[list[int], Tensor]]:
    """Scores of many examples, without gradients: which ones, and (batch, labels) of those."""
    for chosen in model.batches(encoded):
        with torch.inference_mode():
            batch = [encoded[i] for i in chosen]
            scores = scorer.batch_scores(model, batch, soft_vectors=soft_vectors)
        yield chosen, scores
