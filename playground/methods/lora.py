"""LoRA: Hu et al. 2021, "LoRA: Low-Rank Adaptation", https://arxiv.org/abs/2106.09685."""

from typing import Any, cast

import torch

from playground.methods.learner import Learner, without_soft_slots
from playground.methods.settings import LoraSettings, TrainingSettings
from playground.models import LanguageModel, LinearHead, LoraModel
from playground.prompts import Template, Verbalizer


class Lora(Learner):
    """Trains thin matrices beside the weights of queries and values; the model stays frozen.

    Hu et al. 2021, section 4, through the library PEFT. They put a linear head on [CLS] for
    understanding (section 5.2) and read words for generation (section 5.4); the setting
    ``scored_by`` offers both. Soft slots of the template are left out: what is trained stands in
    the layers.

    Raises ModelError where it is not known which weights make queries and values.
    """

    language_model: LoraModel

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(LoraSettings, settings)
        torch.manual_seed(own.seed)
        by_head = own.scored_by == "head"
        super().__init__(
            model,
            without_soft_slots(template),
            verbalizer,
            own,
            head=LinearHead(model, template, len(verbalizer.labels)) if by_head else None,
        )
        self.language_model = LoraModel(model, rank=own.rank, alpha=own.alpha, dropout=own.dropout)
        self.adapter = self.language_model.adapter

    def trained(self) -> tuple[LoraModel, None]:
        """As `Learner.trained`."""
        return self.language_model.frozen_copy(), None

    def parameter_groups(self) -> list[dict[str, Any]]:
        """As `Learner.parameter_groups`."""
        matrices = list(self.adapter.parameters())
        own = {"params": matrices, "peak": self.settings.learning_rate}
        return [own, *super().parameter_groups()]

    def kept(self) -> int:
        """As `Learner.kept`."""
        return super().kept() + sum(matrix.numel() for matrix in self.adapter.parameters())
