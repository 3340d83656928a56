"""Prompt-based fine-tuning: the whole language model learns through template and verbalizer.

Schick & Schütze 2021, "Exploiting Cloze Questions" (PET), https://arxiv.org/abs/2001.07676;
Gao et al. 2021, "Making Pre-trained Language Models Better Few-shot Learners" (LM-BFF),
https://arxiv.org/abs/2012.15723.
"""

from collections.abc import Sequence
from typing import cast

import pandas as pd
import torch
from torch import Tensor

from playground.methods.demonstrated import (
    DemonstratedReader,
    Demonstrator,
    with_demonstrations,
)
from playground.methods.language_modelling import language_model_loss
from playground.methods.learner import Learner, require_room
from playground.methods.prompt_encoder import PromptEncoder
from playground.methods.settings import PromptFineTuningSettings, TrainingSettings
from playground.models import Encoded, LanguageModel
from playground.models.label_scorer import LabelScorer
from playground.prompts import Template, Verbalizer
from playground.tasks.table import LABEL, records


class PromptFineTuning(Learner):
    """Trains a copy of the language model; the head is its own, asked for the label words only.

    PET, section 3.1, and LM-BFF, section 4: the loss is the cross-entropy over the labels, their
    scores the logits of their words at the answer slot. Nothing new has to be learned from scratch,
    which is why it needs so few examples.

    With ``demonstrations`` labelled examples stand beside the text, others at every step (LM-BFF,
    section 6). With a ``lm_loss_share`` of α the loss is (1 - α) of that plus α of the language
    model's own on the unlabelled texts, or else on those to learn from, in the template and as many
    as a step has rows (PET, section 3.2).

    Soft slots that the template has are trained along, each a vector of its own from the start
    that its word gives it.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        super().__init__(
            model, template, verbalizer, settings, model_learning_rate=settings.learning_rate
        )
        self._own = cast(PromptFineTuningSettings, settings)
        if self._own.demonstrations:
            require_room(model, with_demonstrations(template, verbalizer))
        self._demonstrated: DemonstratedReader | None = None
        self._texts: list[Encoded] = []  # for the language model's loss
        layout = model.soft_layout(template)
        if layout.vectors:
            torch.manual_seed(settings.seed)
            vectors = PromptEncoder("none", model.embedding_weight, layout.initial_ids)
            self.prompt_encoder = vectors.to(model.device)

    @property
    def scorer(self) -> LabelScorer:
        """As `Learner.scorer`: by the words, with demonstrations once there are some."""
        return super().scorer if self._demonstrated is None else self._demonstrated

    def prepare(self, train: pd.DataFrame, unlabelled: pd.DataFrame | None) -> None:
        """As `Learner.prepare`: the rows to show, and the texts of the language model's loss."""
        own = self._own
        self.template.check_fields(map(str, train.columns))
        if own.lm_loss_share:
            texts = train if unlabelled is None or unlabelled.empty else unlabelled
            self._texts = super().scorer.encode(self.language_model, records(texts))
        if own.demonstrations:
            self.demonstrator = Demonstrator(
                self.base_model,
                [
                    {name: str(row[name]) for name in (*self.template.fields, LABEL)}
                    for row in records(train)
                ],
                sets=own.demonstration_sets,
                similar=own.similar_demonstrations,
                seed=own.seed,
            )
            self._demonstrated = DemonstratedReader(
                self.template, self.verbalizer, self.demonstrator
            )

    def loss(self, batch: Sequence[Encoded], targets: Tensor) -> tuple[Tensor, Tensor]:
        """As `Learner.loss`. Draws from torch's generator what is shown and what is masked."""
        if self._demonstrated is not None:
            batch = self._demonstrated.drawn(self.language_model, batch)
        loss, scores = super().loss(batch, targets)
        if share := self._own.lm_loss_share:
            drawn = torch.randint(len(self._texts), (len(batch),)).tolist()
            model, vectors = self.answering()
            own = language_model_loss(model, [self._texts[at] for at in drawn], vectors)
            loss = (1 - share) * loss + share * own
        return loss, scores
