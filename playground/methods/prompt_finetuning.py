"""Prompt-based fine-tuning: the whole language model learns through template and verbalizer.

Schick & Schütze 2021, "Exploiting Cloze Questions" (PET), https://arxiv.org/abs/2001.07676;
Gao et al. 2021, "Making Pre-trained Language Models Better Few-shot Learners" (LM-BFF),
https://arxiv.org/abs/2012.15723.
"""

import torch

from playground.methods.learner import Learner
from playground.methods.prompt_encoder import PromptEncoder
from playground.methods.settings import TrainingSettings
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer


class PromptFineTuning(Learner):
    """Trains a copy of the language model; the head is its own, asked for the label words only.

    PET, section 3.1, and LM-BFF, section 4, without demonstrations: the loss is the cross-entropy
    over the labels, their scores the logits of their words at the answer slot. Nothing new has to
    be learned from scratch, which is why it needs so few examples.

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
        layout = model.soft_layout(template)
        if layout.vectors:
            torch.manual_seed(settings.seed)
            vectors = PromptEncoder("none", model.embedding_weight, layout.initial_ids)
            self.prompt_encoder = vectors.to(model.device)
