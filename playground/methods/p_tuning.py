"""P-Tuning: Liu et al. 2021, "GPT Understands, Too", https://arxiv.org/abs/2103.10385."""

from typing import cast

import torch

from playground.methods.learner import Learner
from playground.methods.prompt_encoder import PromptEncoder
from playground.methods.settings import PTuningSettings, TrainingSettings
from playground.models import LanguageModel
from playground.prompts import AnswerSlot, Part, SoftSlot, Template, Text, Verbalizer
from playground.prompts.syntax import write


class PTuning(Learner):
    """Trains vectors in the soft slots through a small prompt encoder; the model may stay frozen.

    Liu et al. 2021, section 3; the encoder is rerun in training only, its output is kept
    (baked) once trained. On LAMA the authors freeze the model, on few-shot SuperGLUE they train it
    too: that is the setting ``tune_model``.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(PTuningSettings, settings)
        super().__init__(
            model,
            with_soft_slots(template, own.soft_tokens),
            verbalizer,
            own,
            model_learning_rate=own.model_learning_rate if own.tune_model else None,
        )
        layout = model.soft_layout(self.template)
        torch.manual_seed(own.seed)
        encoder = PromptEncoder(own.encoder, model.embedding_weight, layout.initial_ids)
        self.prompt_encoder = encoder.to(model.device)


def with_soft_slots(template: Template, count: int) -> Template:
    """The template itself where it has soft slots, else with ``count`` of them around its text.

    Half open the template and half stand right before the answer slot, so that they enclose the
    input as in the authors' templates; a template that opens with its answer slot gets all in
    front.
    """
    if any(isinstance(part, SoftSlot) for part in template.parts):
        return template
    at = next(i for i, part in enumerate(template.parts) if isinstance(part, AnswerSlot))
    back = count // 2 if at else 0
    space = Text(" ")
    front: tuple[Part, ...] = (SoftSlot(count - back), space)
    middle: tuple[Part, ...] = (SoftSlot(back), space) if back else ()
    return template.with_source(write(front + template.parts[:at] + middle + template.parts[at:]))
