"""Head fine-tuning: a linear head over the text, as classifiers are made without prompts.

Devlin et al. 2019, "BERT", https://arxiv.org/abs/1810.04805, section 4.1.
"""

from typing import cast

import torch

from playground.methods.learner import Learner, without_soft_slots
from playground.methods.settings import HeadFineTuningSettings, TrainingSettings
from playground.models import LanguageModel, LinearHead
from playground.prompts import Template, Verbalizer


class HeadFineTuning(Learner):
    """Trains a linear head at [CLS], or at a causal model's last token, with the model or alone.

    Of the template only the fields are used, of the verbalizer only the labels. The authors train
    head and model at one rate; with a rate of its own the head, which starts from nothing, need
    not wait for the model. The setting ``tune_model`` off leaves the model frozen: a linear probe.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(HeadFineTuningSettings, settings)
        torch.manual_seed(own.seed)
        super().__init__(
            model,
            without_soft_slots(template),
            verbalizer,
            own,
            model_learning_rate=own.model_learning_rate if own.tune_model else None,
            head=LinearHead(model, template, len(verbalizer.labels)),
        )
