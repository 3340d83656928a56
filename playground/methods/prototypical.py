"""Prototypes for labels: Cui et al. 2022, "Prototypical Verbalizer for Prompt-based Few-shot
Tuning" (ProtoVerb), https://arxiv.org/abs/2203.09770.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from playground.methods.learner import Learner, require_one_slot
from playground.methods.prompt_encoder import PromptEncoder
from playground.methods.settings import PrototypicalSettings, TrainingSettings
from playground.models import Encoded, LanguageModel, Prototypes
from playground.prompts import Template, Verbalizer


class Prototypical(Learner):
    """Trains a projection of the state at the answer slot, and a prototype a label in its space.

    ProtoVerb, section 4. Of the verbalizer only the labels are used. The authors have experiments
    with a fixed model and with a tuned one, which their code trains through words before it trains
    the prototypes; here the setting ``tune_model`` trains it through the prototypes. Soft slots
    that the template has are trained along, each from the start that its word gives it.
    """

    head: Prototypes

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(PrototypicalSettings, settings)
        require_one_slot(verbalizer)
        torch.manual_seed(own.seed)
        super().__init__(
            model,
            template,
            verbalizer,
            own,
            model_learning_rate=own.model_learning_rate if own.tune_model else None,
            head=Prototypes(model, template, len(verbalizer.labels), width=own.width),
        )
        layout = model.soft_layout(template)
        if layout.vectors:
            vectors = PromptEncoder("none", model.embedding_weight, layout.initial_ids)
            self.prompt_encoder = vectors.to(model.device)

    def loss(self, batch: Sequence[Encoded], targets: Tensor) -> tuple[Tensor, Tensor]:
        """As `Learner.loss`: texts near their label's prototype, and near each other."""
        model, vectors = self.answering()
        represented = self.head.represent(model, batch, soft_vectors=vectors)  # (batch, width)
        scores = self.head.similarities(represented)
        to_prototypes = nn.functional.cross_entropy(scores, targets)
        return to_prototypes + instance_loss(represented, targets), scores


def instance_loss(represented: Tensor, targets: Tensor) -> Tensor:
    """How far texts of one label are from each other, among all texts of the batch.

    Cui et al. 2022, section 4.2: over all pairs of one label, the mean of minus the logarithm of
    the second's share among all texts, as seen from the first; a share goes by the exponential of
    the cosine. ``represented`` (batch, width) are of unit length, ``targets`` (batch,) the labels.
    """
    shares = (represented @ represented.T).log_softmax(1)  # (batch, batch)
    alike = targets[:, None] == targets[None]
    return -shares[alike].mean()
