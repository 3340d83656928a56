"""Heads: what is trained to score labels by a hidden state, where a verbalizer goes by words."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from playground.models.encoded import Encoded
from playground.models.label_scorer import score_labels
from playground.models.language_model import LanguageModel
from playground.prompts import Template


class LabelHead(nn.Module, ABC):
    """A trained `LabelScorer`. It reads at the first answer slot of ``template``, or as it says.

    ``kind`` is its name in a file, where its weights stand as they are: made anew, with its
    `sizes`, it takes them.
    """

    kind: ClassVar[str]

    def __init__(self, template: Template, labels: int) -> None:
        super().__init__()
        self.template = template
        self.labels = labels

    @property
    def sizes(self) -> dict[str, int]:
        """What making it takes beside a model, a template and the number of labels."""
        return {}

    def described(self) -> dict[str, str | int]:
        """What a file says of it beside its weights."""
        return {"kind": self.kind, **self.sizes}

    def encode(self, model: LanguageModel, rows: Sequence[Mapping[str, object]]) -> list[Encoded]:
        """As `LabelScorer.encode`."""
        return model.encode(self.template, rows)

    @abstractmethod
    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelScorer.batch_scores`: (batch, labels)."""

    def score_rows(
        self,
        model: LanguageModel,
        rows: Sequence[Mapping[str, object]],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """Scores of the labels for rows of a table: (rows, labels), without gradients."""
        scores = torch.zeros(len(rows), self.labels, device=model.device)
        encoded = self.encode(model, rows)
        for chosen, found in score_labels(self, model, soft_vectors, encoded):
            scores[chosen] = found
        return scores

    def reading(self, template: Template) -> Self:
        """The same weights, for the answers to another template."""
        other = copy.copy(self)
        other.template = template
        return other

    def frozen_copy(self) -> Self:
        """The head as it is now; training goes on without it."""
        return copy.deepcopy(self).requires_grad_(False)
