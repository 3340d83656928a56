"""Calibration: what a model thinks of each label before it has read the text, taken out again.

Raw label words carry the model's taste ("great" beats "terrible" on nearly everything). Each way
here measures that taste as a log-prior (labels,), which `classify` subtracts from the scores:

* `Calibration.contextual`: on content-free inputs (Zhao et al. 2021, "Calibrate Before Use",
  https://arxiv.org/abs/2102.09690, section 5).
* `Calibration.over_texts`: on average over texts of the task, whose labels are not looked at.
* `Calibration.domain_conditional`: after a template that names the domain and holds no text, which
  makes the score a pointwise mutual information (Holtzman et al. 2021, "Surface Form Competition",
  https://arxiv.org/abs/2104.08315, section 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from playground.errors import DataError, VerbalizerError
from playground.methods.zero_shot import Rows, label_scores
from playground.models import LanguageModel
from playground.prompts import Field, Template, Verbalizer
from playground.prompts.syntax import write

# The authors' third one, "[MASK]", would be a second answer slot to a masked model.
CONTENT_FREE = ("N/A", "")


@dataclass(frozen=True)
class Calibration:
    """The log-probability of each label that owes nothing to the text; give it to `classify`.

    It holds for the model, the template and the words it was measured with, in the order of
    ``labels``.
    """

    labels: tuple[str, ...]
    log_prior: tuple[float, ...]

    @classmethod
    def contextual(
        cls,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        *,
        content_free: Sequence[str] = CONTENT_FREE,
        soft_vectors: Tensor | None = None,
    ) -> Self:
        """From inputs without content, each standing in all of the template's fields.

        Zhao et al. 2021, section 5: the prior is the mean of the label probabilities. Dividing by
        it, as they do with W = diag(p)^-1, is to subtract its logarithm.
        Raises TemplateError or VerbalizerError where the model cannot use the prompt, DataError
        without any input.
        """
        rows = [dict.fromkeys(template.fields, text) for text in content_free]
        scores = _scores(model, template, verbalizer, rows, soft_vectors)
        return cls._of(verbalizer, content_free_prior(scores))

    @classmethod
    def over_texts(
        cls,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        rows: Rows,
        *,
        soft_vectors: Tensor | None = None,
    ) -> Self:
        """From texts of the task: the prior is the mean log-probability of each label.

        It makes no label the favourite on average, so the rows should hold about as many examples
        of each. Raises as `classify` does, and DataError without rows.
        """
        scores = _scores(model, template, verbalizer, rows, soft_vectors)
        return cls._of(verbalizer, texts_prior(scores))

    @classmethod
    def domain_conditional(
        cls, model: LanguageModel, domain: Template, verbalizer: Verbalizer
    ) -> Self:
        """From a template without fields that ends as the prompt does, such as ``It was [MASK].``

        Holtzman et al. 2021, section 3: PMI = log P(label | text) - log P(label | domain).
        Raises TemplateError where the template has a field.
        """
        return cls._of(verbalizer, label_scores(model, domain, verbalizer, [{}])[0].log_softmax(0))

    @classmethod
    def _of(cls, verbalizer: Verbalizer, log_prior: Tensor) -> Self:
        return cls(verbalizer.labels, tuple(log_prior.tolist()))

    def apply(self, scores: Tensor, labels: Sequence[str]) -> Tensor:
        """The scores (..., labels) without the prior.

        Raises VerbalizerError where ``labels`` are not those that it was measured for.
        """
        if tuple(labels) != self.labels:
            raise VerbalizerError(
                f"The calibration was measured for the labels {', '.join(self.labels)}, and these "
                f"are {', '.join(labels)}. Measure it anew.",
                code="calibration.other_labels",
                calibrated=", ".join(self.labels),
                labels=", ".join(labels),
            )
        return scores - scores.new_tensor(self.log_prior)


def domain_of(template: Template) -> Template:
    """The template without its fields: what is left says which domain it is about."""
    return Template(write(part for part in template.parts if not isinstance(part, Field)))


def content_free_prior(scores: Tensor) -> Tensor:
    """The log-prior (labels,) by the scores of inputs without content: (inputs, labels)."""
    return scores.softmax(1).mean(0).log()


def texts_prior(scores: Tensor) -> Tensor:
    """The log-prior (labels,) by the scores of texts of the task: (texts, labels)."""
    return scores.log_softmax(1).mean(0)


def _scores(
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    rows: Rows,
    soft_vectors: Tensor | None,
) -> Tensor:
    if not len(rows):
        raise DataError("There are no texts to calibrate on.", code="calibration.no_rows")
    return label_scores(model, template, verbalizer, rows, soft_vectors=soft_vectors)
