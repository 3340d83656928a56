"""The settings of PET."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator

from playground.errors import DataError, TemplateError
from playground.methods.settings import (
    HeadFineTuningSettings,
    PromptFineTuningSettings,
    TrainingSettings,
)
from playground.prompts import Template, Truncation

MAX_FURTHER = 7  # templates
_HEAD_RATE = HeadFineTuningSettings.model_fields["learning_rate"].default

TemplateWeights = Literal["uniform", "accuracy"]


class PetSettings(TrainingSettings):
    """Of PET: ``steps``, ``learning_rate`` and the like are those of each template's training."""

    further_templates: tuple[str, ...] = Field(
        (),
        max_length=MAX_FURTHER,
        description="Templates to train beside the prompt's own, one a line.",
    )
    learning_rate: float = Field(
        2e-5, gt=0, le=1, description="Step size for each template's model; 1e-5 as published."
    )
    lm_loss_share: float = Field(
        1e-4,
        ge=0,
        lt=1,
        description="Share of the language model's own loss in the training; 1e-4 as published.",
    )
    unlabelled_rows: int = Field(
        1000, ge=1, le=100_000, description="At most so many further texts to label and learn from."
    )
    template_weights: TemplateWeights = Field(
        "accuracy",
        description="How much each template counts: the same, or its accuracy on the train rows "
        "before training.",
    )
    temperature: float = Field(
        2.0, gt=0, le=100, description="Softens the labels that the classifier learns from."
    )
    distillation_steps: int = Field(
        200, ge=1, le=100_000, description="How many batches the classifier learns from."
    )
    distillation_learning_rate: float = Field(
        5e-5, gt=0, le=1, description="Step size for the classifier's model."
    )

    @field_validator("further_templates", mode="before")
    @classmethod
    def _lines(cls, given: object) -> object:
        """One text with a template on each line is what a form has."""
        lines = given.splitlines() if isinstance(given, str) else given
        if isinstance(lines, Sequence) and all(isinstance(line, str) for line in lines):
            return tuple(line for line in lines if line.strip())
        return lines

    @classmethod
    def checked(cls, values: dict[str, Any]) -> Self:
        """As `MethodSettings.checked`. Raises TemplateError for a template that cannot be read."""
        settings = super().checked(values)
        settings.read_further()
        return settings

    def read_further(self, truncation: Truncation = "balanced") -> list[Template]:
        """The further templates. Raises TemplateError, a ``template_line`` among its details."""
        read = []
        for line, source in enumerate(self.further_templates, start=1):
            with _concerning(line):
                read.append(Template(source, truncation=truncation))
        return read

    def check_fields(self, template: Template, columns: Sequence[str]) -> None:
        """As `TrainingSettings.check_fields`, for the further templates, too."""
        super().check_fields(template, columns)
        for line, further in enumerate(self.read_further(), start=1):
            with _concerning(line):
                further.check_fields(columns)

    @property
    def unlabelled_used(self) -> int:
        return self.unlabelled_rows

    def check_unlabelled(self, rows: int) -> None:
        """As `TrainingSettings.check_unlabelled`."""
        if not rows:
            raise DataError(
                "The classifier of PET learns from texts without labels, and there are none. Bring "
                "more rows than are drawn to learn from and to measure on.",
                code="data.no_unlabelled",
            )

    def of_template(self) -> PromptFineTuningSettings:
        """Those of the training with one template."""
        shared = {name: getattr(self, name) for name in TrainingSettings.model_fields}
        return PromptFineTuningSettings(
            **shared, lm_loss_share=self.lm_loss_share, unlabelled_rows=self.unlabelled_rows
        )

    def of_classifier(self) -> HeadFineTuningSettings:
        """Those of the training of the classifier, whose head has a rate of its own."""
        shared = {name: getattr(self, name) for name in TrainingSettings.model_fields}
        return HeadFineTuningSettings(
            **shared
            | {"steps": self.distillation_steps, "learning_rate": _HEAD_RATE}
            | {"model_learning_rate": self.distillation_learning_rate}
        )


@contextlib.contextmanager
def _concerning(line: int) -> Iterator[None]:
    """Adds to a TemplateError which of the further templates it is about."""
    try:
        yield
    except TemplateError as error:
        details = {name: value for name, value in error.details.items() if name != "position"}
        raise TemplateError(
            f"{error.message} (Line {line} of the further templates.)",
            position=error.position,
            code=error.code,
            **details,
            template_line=line,
        ) from error
