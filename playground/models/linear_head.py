"""A linear head: labels from one hidden state, as classifiers had them before there were prompts.

Devlin et al. 2019, "BERT", https://arxiv.org/abs/1810.04805, section 4.1, at [CLS];
Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 3.2, at
the last token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

from torch import Tensor, nn

from playground.errors import TemplateError
from playground.models.encoded import Encoded
from playground.models.label_head import LabelHead
from playground.models.language_model import LanguageModel
from playground.prompts import AnswerSlot, Field, Part, Separator, Template, Text
from playground.prompts.syntax import write

# The standard deviation that BERT's authors start new layers with.
_SPREAD = 0.02


class LinearHead(LabelHead):
    """A linear layer (labels, hidden) over [CLS], or over a causal model's last token.

    Of a template only the fields are read, in their order: the texts themselves, with a separator
    between them where ``model`` knows one. Draws its start from torch's generator.
    Raises TemplateError where the template has no field.
    """

    kind = "linear"

    def __init__(self, model: LanguageModel, template: Template, labels: int) -> None:
        super().__init__(_texts_alone(model, template), labels)
        self.linear = nn.Linear(model.network.config.hidden_size, labels)
        nn.init.normal_(self.linear.weight, std=_SPREAD)
        nn.init.zeros_(self.linear.bias)
        self.linear.to(model.device)

    def encode(self, model: LanguageModel, rows: Sequence[Mapping[str, object]]) -> list[Encoded]:
        """The texts as ``model`` reads them; ``answer`` is where the head looks.

        Raises TemplateError or DataError as `LanguageModel.encode` does.
        """
        encoded = super().encode(model, rows)
        # a causal model never sees the slot, and its place is the last token already
        return encoded if model.kind == "causal" else list(map(_read_at_start, encoded))

    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelHead.batch_scores`, with gradients."""
        states = model.answer_states(batch, soft_vectors=soft_vectors)[:, 0]  # (batch, hidden)
        scores: Tensor = self.linear(states)
        return scores

    def reading(self, template: Template) -> Self:
        """Itself: it reads the texts alone."""
        return self


def _texts_alone(model: LanguageModel, template: Template) -> Template:
    """The template's fields in order, each once, and a slot that says where the text ends."""
    fields: dict[str, Field] = {}
    for part in template.parts:
        if isinstance(part, Field):
            fields.setdefault(part.name, part)
    if not fields:
        raise TemplateError(
            "The template has no field, so there is no text to read. Write a column in braces, "
            "such as {text}.",
            code="template.no_field",
        )
    between: Part = Separator() if model.encoder.knows_separator else Text(" ")
    parts: list[Part] = []
    for field in fields.values():
        parts += [between, field] if parts else [field]
    return template.with_source(write([*parts, AnswerSlot()]))


def _read_at_start(example: Encoded) -> Encoded:
    """Without its answer slot, which is no part of the text, and read at [CLS]."""
    [slot] = example.answer
    return replace(
        example,
        ids=example.ids[:slot] + example.ids[slot + 1 :],
        kinds=example.kinds[:slot] + example.kinds[slot + 1 :],
        types=example.types[:slot] + example.types[slot + 1 :],
        answer=(0,),
    )
