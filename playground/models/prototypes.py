"""Prototypes: for each label a point in a small space, to which its texts' hidden states lie near.

Cui et al. 2022, "Prototypical Verbalizer for Prompt-based Few-shot Tuning" (ProtoVerb), section 4,
https://arxiv.org/abs/2203.09770.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from playground.models.encoded import Encoded
from playground.models.label_head import LabelHead
from playground.models.language_model import LanguageModel
from playground.prompts import Template


class Prototypes(LabelHead):
    """A label's score is the cosine of its prototype with the projected state at the answer slot.

    ``projection`` goes from hidden to ``width`` numbers; ``prototypes`` are (labels, width). Both
    start at random, drawn from torch's generator (Glorot & Bengio 2010, for the prototypes, and
    torch's own start for the projection, as in the authors' code).
    """

    kind = "prototypes"

    def __init__(
        self, model: LanguageModel, template: Template, labels: int, *, width: int
    ) -> None:
        super().__init__(template, labels)
        self.projection = nn.Linear(model.network.config.hidden_size, width, bias=False)
        self.prototypes = nn.Parameter(nn.init.xavier_uniform_(torch.empty(labels, width)))
        self.to(model.device)

    @property
    def sizes(self) -> dict[str, int]:
        """As `LabelHead.sizes`."""
        return {"width": self.projection.out_features}

    def represent(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """The texts in the prototypes' space, of unit length: (batch, width). Keeps gradients."""
        states = model.answer_states(batch, soft_vectors=soft_vectors)[:, 0]  # (batch, hidden)
        return nn.functional.normalize(self.projection(states), dim=1)

    def similarities(self, represented: Tensor) -> Tensor:
        """Of what `represent` gives (batch, width) to each prototype: (batch, labels)."""
        return represented @ nn.functional.normalize(self.prototypes, dim=1).T

    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelHead.batch_scores`, with gradients; each score from -1 to 1."""
        return self.similarities(self.represent(model, batch, soft_vectors=soft_vectors))
