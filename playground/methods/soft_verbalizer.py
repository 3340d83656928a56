"""A soft verbalizer: Hambardzumyan et al. 2021, "WARP", https://arxiv.org/abs/2101.00121."""

from typing import cast

from playground.methods.learner import Learner, require_one_slot
from playground.methods.p_tuning import with_soft_slots
from playground.methods.prompt_tuning import SoftPrompt
from playground.methods.settings import SoftVerbalizerSettings, TrainingSettings
from playground.models import LabelVectors, LanguageModel
from playground.prompts import Template, Verbalizer


class SoftVerbalizer(Learner):
    """Trains a vector for each label, and those in the soft slots; the model stays frozen.

    WARP, section 3: the labels' vectors stand in the place of the words' output embeddings, the
    prompt's among the words of the input. With few examples the authors start the labels at words
    (section 5), as it is here; the prompt's vectors start at the mask token, as in their code, or
    at the words of their slots. Without soft tokens the labels' vectors are trained alone, and the
    verbalizer is still what stands for the labels.

    Raises VerbalizerError for words at several answer slots, ModelError where the model's head is
    of an unknown kind.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(SoftVerbalizerSettings, settings)
        require_one_slot(verbalizer)
        if own.soft_tokens:
            template = with_soft_slots(template, own.soft_tokens)
        head = LabelVectors.of_words(model, template, verbalizer)
        super().__init__(model, template, verbalizer, own, head=head)
        starts = model.soft_layout(template).initial_ids
        if starts:
            mask = model.encoder.placeholder_id
            ids = [mask if token_id is None else token_id for token_id in starts]
            words = model.embedding_weight.detach().float()  # (vocabulary, embedding)
            self.prompt_encoder = SoftPrompt(words[ids])
