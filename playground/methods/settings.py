"""The settings that every training method shares.

One description of a setting (type, range, default, one line of help) draws its form on the page,
its command-line option, its validation and its documentation.
"""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.errors import DataError, SettingsError
from playground.prompts import Template


class MethodSettings(BaseModel):
    """A method's settings: validated when made, unknown names refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def checked(cls, values: dict[str, Any]) -> Self:
        """Makes the settings, or raises SettingsError naming the first field that is wrong."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else ""
            if first["type"] == "extra_forbidden":
                raise SettingsError(
                    f"There is no setting “{field}”. There are: {', '.join(cls.model_fields)}.",
                    field=field,
                    code="settings.unknown",
                    names=", ".join(cls.model_fields),
                ) from error
            raise SettingsError(
                f"The setting “{field}” cannot be {first['input']!r}: {_because(first)}.",
                field=field,
                code="settings.invalid",
                given=repr(first["input"]),
                reason=_because(first),
            ) from error


def _because(error: Any) -> str:
    message = str(error["msg"])
    return message[0].lower() + message[1:]


class TrainingSettings(MethodSettings):
    """What the shared training loop needs to know."""

    steps: int = Field(100, ge=1, le=100_000, description="How many batches to learn from.")
    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Step size of what is trained; falls linearly to zero."
    )
    batch_size: int = Field(16, ge=1, le=1024, description="Examples in a step.")
    seed: int = Field(13, ge=0, le=2**31 - 1, description="Same seed, same curve.")
    dev_every: int = Field(10, ge=1, le=100_000, description="Steps between looks at the dev set.")
    snapshot_every: int = Field(
        5, ge=1, le=100_000, description="Steps between looks at pinned examples and soft tokens."
    )
    warmup: float = Field(
        0.06, ge=0, le=0.9, description="Share of the steps in which the step size rises."
    )
    keep_best: bool = Field(
        False, description="Keep what was best on the dev set, not what was there at the end."
    )
    patience: int = Field(
        0,
        ge=0,
        le=100_000,
        description="End after so many looks at the dev set without a better one, and keep the "
        "best; 0: make all steps.",
    )

    def check_fields(self, template: Template, columns: Sequence[str]) -> None:
        """Raises TemplateError where a template that is trained names another column."""
        template.check_fields(columns)

    @property
    def unlabelled_used(self) -> int:
        """How many further rows of the task, without labels, are learned from at most."""
        return 0

    def check_unlabelled(self, rows: int) -> None:
        """Raises DataError where the method cannot do without such ``rows`` and there are none."""

    @property
    def keeps_best(self) -> bool:
        """Whether the best on dev is kept. Who ends for want of a better one wants the best."""
        return self.keep_best or self.patience > 0

    @property
    def rates(self) -> dict[str, float]:
        """The learning rates of what is trained, by their settings."""
        tuned = {"model_learning_rate"} if getattr(self, "tune_model", False) else set()
        return self.model_dump(include={"learning_rate"} | tuned)

    @property
    def highest_rate(self) -> float:
        """How far ``learning_rate`` may rise, if all rates rise alike, for each to be allowed."""
        return min(
            bound.le * self.learning_rate / rate
            for name, rate in self.rates.items()
            for bound in type(self).model_fields[name].metadata
            if hasattr(bound, "le")
        )

    def check_dev(self, rows: int) -> None:
        """Raises DataError where the best on dev is asked for and there are no dev ``rows``."""
        if self.keeps_best and not rows:
            raise DataError(
                "There are no dev rows by which the best could be told. Give some, or set the "
                "patience to 0 and keep what is there at the end.",
                code="data.no_dev_rows",
            )


EncoderKind = Literal["lstm", "mlp", "none"]


class PTuningSettings(TrainingSettings):
    """Of P-Tuning, beside those of training.

    The step size is the published one for few examples (Liu et al. 2021, on SuperGLUE); ten times
    as much learns sixteen examples a label by heart.
    """

    learning_rate: float = Field(
        1e-4,
        gt=0,
        le=10,
        description="Step size for the prompt; without an encoder about 3e-3 suits.",
    )
    encoder: EncoderKind = Field(
        "lstm", description="What makes the soft vectors: LSTM as published, MLP, or none."
    )
    soft_tokens: int = Field(
        6, ge=1, le=128, description="Soft tokens put around the text where the template has none."
    )
    tune_model: bool = Field(
        False, description="Also train the language model (else it stays frozen)."
    )
    model_learning_rate: float = Field(
        2e-5, gt=0, le=1, description="Step size for the language model, if it is trained too."
    )


Initialisation = Literal["label-words", "vocabulary", "random"]


class PromptTuningSettings(TrainingSettings):
    """Of prompt tuning.

    The authors take 100 tokens and a step size of 0.3 for models of up to eleven billion
    parameters; small models, and sixteen examples a label, need less of both.
    """

    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Step size for the vectors; large models bear far more."
    )
    soft_tokens: int = Field(
        8, ge=1, le=128, description="Soft tokens put in front where the template has none."
    )
    initialisation: Initialisation = Field(
        "label-words", description="Where the vectors start: label words, vocabulary, or random."
    )


ScoredBy = Literal["verbalizer", "head"]


class PTuningV2Settings(TrainingSettings):
    """Of P-Tuning v2."""

    learning_rate: float = Field(
        1e-2, gt=0, le=10, description="Step size for the prefix; 5e-3 to 3e-2 are usual."
    )
    prefix_length: int = Field(
        16, ge=1, le=128, description="Positions in front of every layer's keys and values."
    )
    projection: bool = Field(
        False, description="Make the prefix through a small network (else train it directly)."
    )
    scored_by: ScoredBy = Field(
        "verbalizer",
        description="Where labels come from: the words at the answer slot, or a linear head, as "
        "published.",
    )


class HeadFineTuningSettings(TrainingSettings):
    """Of head fine-tuning."""

    learning_rate: float = Field(1e-3, gt=0, le=10, description="Step size for the linear head.")
    tune_model: bool = Field(
        True, description="Also train the language model (else it stays frozen)."
    )
    model_learning_rate: float = Field(
        2e-5, gt=0, le=1, description="Step size for the language model, if it is trained too."
    )


class PromptFineTuningSettings(TrainingSettings):
    """Of prompt-based fine-tuning."""

    learning_rate: float = Field(
        2e-5, gt=0, le=1, description="Step size for the language model; 1e-5 to 5e-5 are usual."
    )
    demonstrations: bool = Field(
        False, description="Show a labelled example of each label beside the text, drawn anew."
    )
    demonstration_sets: int = Field(
        4,
        ge=1,
        le=64,
        description="Sets of examples over which an answer is averaged; 16 as published.",
    )
    similar_demonstrations: bool = Field(
        True, description="Show only examples of the half that is more like the text."
    )
    lm_loss_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the language model's own loss in the training; 1e-4 as published.",
    )
    unlabelled_rows: int = Field(
        1000,
        ge=0,
        le=100_000,
        description="At most so many further texts for that loss; without any, those to learn "
        "from.",
    )

    @property
    def unlabelled_used(self) -> int:
        return self.unlabelled_rows if self.lm_loss_share else 0


class LoraSettings(TrainingSettings):
    """Of LoRA. The rank is the one that the authors take for RoBERTa (section D.1)."""

    learning_rate: float = Field(
        3e-4, gt=0, le=10, description="Step size for the matrices; 2e-4 to 5e-4 are usual."
    )
    rank: int = Field(8, ge=1, le=256, description="Rows of the thin matrices.")
    alpha: int = Field(
        16, ge=1, le=1024, description="What is added to a weight is times alpha over the rank."
    )
    dropout: float = Field(
        0.0, ge=0, le=0.9, description="Share of the numbers into the matrices that a step drops."
    )
    scored_by: ScoredBy = Field(
        "verbalizer",
        description="Where labels come from: the words at the answer slot, or a linear head, as "
        "published.",
    )


class SoftVerbalizerSettings(TrainingSettings):
    """Of the soft verbalizer."""

    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Step size for the labels' vectors and the prompt's."
    )
    soft_tokens: int = Field(
        6,
        ge=0,
        le=128,
        description="Soft tokens put around the text where the template has none; 0: none.",
    )


class PrototypicalSettings(TrainingSettings):
    """Of prototypes."""

    learning_rate: float = Field(
        1e-3, gt=0, le=10, description="Step size for the projection and the prototypes."
    )
    width: int = Field(
        64, ge=2, le=4096, description="Numbers that a text and a prototype consist of."
    )
    tune_model: bool = Field(
        False, description="Also train the language model (else it stays frozen)."
    )
    model_learning_rate: float = Field(
        2e-5, gt=0, le=1, description="Step size for the language model, if it is trained too."
    )
