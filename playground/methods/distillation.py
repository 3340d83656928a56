"""The classifier that PET ends with: it learns the labels that models of templates agree on.

Schick & Schütze 2021, "Exploiting Cloze Questions" (PET), https://arxiv.org/abs/2001.07676, section
3.3; Hinton et al. 2015, "Distilling the Knowledge in a Neural Network",
https://arxiv.org/abs/1503.02531.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from playground.methods.head_finetuning import HeadFineTuning
from playground.methods.learner import require_room, trainable_reader
from playground.methods.pet_settings import PetSettings
from playground.methods.settings import TrainingSettings
from playground.models import Encoded, LanguageModel
from playground.prompts import Template, Verbalizer


class Distillation(HeadFineTuning):
    """A linear head and the model, taught soft labels.

    The loss is Kullback and Leibler's divergence from the soft labels, with the scores softened by
    the same temperature, times its square (Hinton et al. 2015, section 2).

    ``templates`` are those whose models teach it. What these learn counts as trained, too, though
    nothing of it is kept.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        self.pet = cast(PetSettings, settings)
        super().__init__(model, template, verbalizer, self.pet.of_classifier())
        self.templates = [template, *self.pet.read_further(template.truncation)]
        for each in self.templates:
            trainable_reader(model, each, verbalizer)
            require_room(model, each)

    def loss(self, batch: Sequence[Encoded], targets: Tensor) -> tuple[Tensor, Tensor]:
        """As `Learner.loss`; ``targets`` (batch, labels) are probabilities, see `softened`."""
        scores = self.label_scores(batch)
        shares = (scores / self.pet.temperature).log_softmax(1)
        divergence = nn.functional.kl_div(shares, targets, reduction="batchmean")
        return self.pet.temperature**2 * divergence, scores

    def trainable(self) -> int:
        """How many numbers are learned, in all models together."""
        vectors = sum(self.base_model.soft_layout(each).vectors for each in self.templates)
        models = len(self.templates) * self.base_model.parameters
        return super().trainable() + models + vectors * self.base_model.embedding_weight.shape[1]


def ensemble(scores: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted mean of several models' scores, (rows, labels) each (PET, section 3.3).

    Where no weight is above zero, all count the same.
    """
    stacked = torch.stack(list(scores))  # (models, rows, labels)
    shares = stacked.new_tensor(weights if any(weights) else [1.0] * len(weights))
    return torch.einsum("m,mrl->rl", shares / shares.sum(), stacked)


def softened(scores: Tensor, temperature: float) -> Tensor:
    """Scores (rows, labels) as probabilities, the more alike the higher the temperature."""
    return (scores / temperature).softmax(1)
