"""P-Tuning v2: Liu et al. 2022, "P-Tuning v2", https://arxiv.org/abs/2110.07602."""

from typing import cast

import torch
from torch import Tensor, nn

from playground.methods.learner import Learner, without_soft_slots
from playground.methods.settings import PTuningV2Settings, TrainingSettings
from playground.models import LanguageModel, LinearHead, PrefixedModel, PrefixShape
from playground.prompts import Template, Verbalizer

# Both as in the authors' code, https://github.com/THUDM/P-tuning-v2.
_DROPOUT = 0.1
_PROJECTION_WIDTH = 512


class PTuningV2(Learner):
    """Trains keys and values that stand before every layer's own; the model stays frozen.

    Liu et al. 2022, section 3.2. They put a linear head on [CLS] in the place of the verbalizer
    (section 3.3); the setting ``scored_by`` offers both. Soft slots of the template are left
    out: what is trained stands in the layers.
    """

    language_model: PrefixedModel
    prompt_encoder: nn.Module

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(PTuningV2Settings, settings)
        torch.manual_seed(own.seed)
        by_head = own.scored_by == "head"
        super().__init__(
            model,
            without_soft_slots(template),
            verbalizer,
            own,
            head=LinearHead(model, template, len(verbalizer.labels)) if by_head else None,
        )
        encoder = PrefixEncoder(
            PrefixShape.of(model),
            own.prefix_length,
            projected_from=model.network.config.hidden_size if own.projection else None,
        ).to(model.device)
        self.prompt_encoder = encoder
        self.language_model = PrefixedModel(model, encoder().detach())

    def answering(self) -> tuple[PrefixedModel, None]:
        """As `Learner.answering`: the prefix is in the model, nothing in its soft slots."""
        return self.language_model.with_prefix(self.prompt_encoder()), None

    def trained(self) -> tuple[PrefixedModel, None]:
        """As `Learner.trained`: the encoder's output is kept, not the encoder."""
        return self.language_model.with_prefix(self.prompt_encoder().detach().clone()), None

    def kept(self) -> int:
        """As `Learner.kept`."""
        return super().kept() + self.language_model.prefix.numel()


class PrefixEncoder(nn.Module):
    """Gives the prefix (layers, 2, heads, positions, width): keys, then values, of each layer.

    A table with a row a position, or, ``projected_from`` a narrower table, through Linear → Tanh →
    Linear. Dropout as published, in training only.
    """

    def __init__(self, shape: PrefixShape, length: int, *, projected_from: int | None) -> None:
        super().__init__()
        self.shape = shape
        row = shape.layers * 2 * shape.heads * shape.width
        self.table = nn.Embedding(length, projected_from or row)
        self.projection: nn.Module = nn.Identity()
        if projected_from is not None:
            self.projection = nn.Sequential(
                nn.Linear(projected_from, _PROJECTION_WIDTH),
                nn.Tanh(),
                nn.Linear(_PROJECTION_WIDTH, row),
            )
        self.dropout = nn.Dropout(_DROPOUT)

    def forward(self) -> Tensor:
        layers, heads, width = self.shape
        rows = self.projection(self.table.weight)  # (positions, layers · 2 · heads · width)
        pairs = self.dropout(rows).unflatten(1, (layers, 2, heads, width))
        return pairs.permute(1, 2, 3, 0, 4)  # (layers, 2, heads, positions, width)
