"""What a method trains, and what of it answers: the base of every training method."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from playground.errors import TemplateError, VerbalizerError
from playground.methods.demonstrated import Demonstrator
from playground.methods.settings import TrainingSettings
from playground.methods.trained_prompt import with_weights
from playground.models import Encoded, LabelHead, LabelReader, LanguageModel
from playground.models.label_scorer import LabelScorer
from playground.prompts import SoftSlot, Template, Verbalizer
from playground.prompts.syntax import write

if TYPE_CHECKING:
    from pandas import DataFrame

LEAST_WORDS = 4  # of each field; with less of a text there is nothing to learn from


class Learner(nn.Module):
    """What a method trains. A method derives from it and makes its ``prompt_encoder``, if any.

    ``model_learning_rate`` None leaves the language model frozen and shared; a number trains a
    copy of it in float32. The labels' scores come from the verbalizer's words, or from ``head``,
    which is then trained too.
    """

    prompt_encoder: nn.Module | None

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
        *,
        model_learning_rate: float | None = None,
        head: LabelHead | None = None,
    ) -> None:
        super().__init__()
        self.template = template
        self.verbalizer = verbalizer
        self.settings = settings
        self.model_learning_rate = model_learning_rate
        self.prompt_encoder = None
        self.base_model = model
        self.language_model = model if model_learning_rate is None else model.trainable_copy()
        self.head = head
        self.demonstrator: Demonstrator | None = None
        self._reader = trainable_reader(model, template, verbalizer) if head is None else None
        require_room(model, template if head is None else head.template)
        self.network = None if model_learning_rate is None else self.language_model.network

    @property
    def scorer(self) -> LabelScorer:
        """Where the labels' scores come from: the head, or else the words."""
        scorer = self.head or self._reader
        assert scorer is not None
        return scorer

    def prepare(self, train: "DataFrame", unlabelled: "DataFrame | None") -> None:
        """Told once, before anything is read, what is learned from; most methods need not know.

        ``unlabelled``: further rows of the task, without labels. Raises TemplateError or DataError
        where it cannot be used.
        """

    def encode(self, rows: Sequence[Mapping[str, object]]) -> list[Encoded]:
        """The rows as they are read in training. Raises as `LanguageModel.encode` does."""
        return self.scorer.encode(self.language_model, rows)

    def answering(self) -> tuple[LanguageModel, Tensor | None]:
        """The model with what is trained in it as it is now, and its vectors for the soft slots.

        The vectors are (vectors, embedding). Keeps gradients.
        """
        return self.language_model, None if self.prompt_encoder is None else self.prompt_encoder()

    def label_scores(self, batch: Sequence[Encoded]) -> Tensor:
        """Scores of the labels: (batch, labels). Keeps gradients."""
        model, vectors = self.answering()
        return self.scorer.batch_scores(model, batch, soft_vectors=vectors)

    def loss(self, batch: Sequence[Encoded], targets: Tensor) -> tuple[Tensor, Tensor]:
        """What a step makes smaller, and the scores (batch, labels) beside it.

        ``targets`` (batch,) are the labels' indices. Here the cross-entropy of the scores.
        """
        scores = self.label_scores(batch)
        return nn.functional.cross_entropy(scores, targets), scores

    def trained(self) -> tuple[LanguageModel, Tensor | None]:
        """As `answering`, in a copy that does not change when training goes on."""
        model, vectors = self.answering()
        if self.network is not None:
            model = with_weights(self.base_model, dict(self.network.named_parameters()))
        return model, None if vectors is None else vectors.detach().clone()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters with their peak learning rates, for the optimizer."""
        groups = []
        if self.prompt_encoder is not None:
            parameters = list(self.prompt_encoder.parameters())
            groups.append({"params": parameters, "peak": self.settings.learning_rate})
        if self.head is not None:
            parameters = list(self.head.parameters())
            groups.append({"params": parameters, "peak": self.settings.learning_rate})
        if self.network is not None:
            # a head stands in the place of the model's own, which then learns nothing
            tuned = self.network if self.head is None else self.network.base_model
            parameters = list(tuned.parameters())
            groups.append({"params": parameters, "peak": self.model_learning_rate})
        return groups

    def trainable(self) -> int:
        """How many numbers are learned."""
        return sum(p.numel() for group in self.parameter_groups() for p in group["params"])

    def kept(self) -> int:
        """How many numbers a saved prompt holds: an encoder's output, not the encoder."""
        with torch.no_grad():
            _, vectors = self.answering()
        own = [part for part in (self.head, self.network) if part is not None]
        kept = sum(p.numel() for part in own for p in part.parameters())
        return kept if vectors is None else kept + vectors.numel()


def trainable_reader(
    model: LanguageModel, template: Template, verbalizer: Verbalizer
) -> LabelReader:
    """The labels' scores by the words; raises VerbalizerError where they take several passes."""
    reader = model.label_reader(template, verbalizer)
    if reader.several_passes:
        raise VerbalizerError(
            "Words of several tokens that are scored exactly take several looks at each "
            "example, which a training cannot make. Score them by their first token or by "
            "their mean.",
            code="verbalizer.not_trainable",
        )
    return reader


def require_one_slot(verbalizer: Verbalizer) -> None:
    """Raises VerbalizerError for words at several answer slots: a head reads the first alone."""
    if verbalizer.slots > 1:
        raise VerbalizerError(
            "This method learns what stands for a label at one answer slot, and the verbalizer has "
            f"words for {verbalizer.slots}. Give it words for one.",
            code="verbalizer.one_slot",
            slots=verbalizer.slots,
        )


def require_room(model: LanguageModel, template: Template) -> None:
    """Raises TemplateError where a few words for each field are too many beside the template."""
    few = dict.fromkeys(template.fields, "a " * LEAST_WORDS)
    [example] = model.encode(template, [few])
    if example.cut:
        prompt = len(example) - example.kinds.count("field")
        raise TemplateError(
            f"{model.name} reads at most {model.max_length} tokens, and the prompt alone takes "
            f"{prompt} of them, which leaves no room for a text. Put fewer soft tokens or words "
            "into it.",
            code="template.no_room",
            model=model.name,
            longest=model.max_length,
            prompt=prompt,
        )


def without_soft_slots(template: Template) -> Template:
    """The template as it was written, without the spaces that stood around its soft slots."""
    plain = write([part for part in template.parts if not isinstance(part, SoftSlot)])
    return template.with_source(re.sub(" +", " ", plain).strip())
