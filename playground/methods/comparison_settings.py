"""What a comparison is asked to do."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

from pydantic import Field, field_validator

from playground.errors import PlaygroundError, SettingsError
from playground.methods.settings import MethodSettings
from playground.prompts import Template, Truncation, Verbalizer

MAX_TEMPLATES = 8
MAX_VERBALIZERS = 4
MAX_DEMONSTRATIONS = 8

CalibrationKind = Literal["none", "contextual", "texts"]
Items = TypeVar("Items", bound=Sequence[Any])


class ComparisonSettings(MethodSettings):
    """Templates in their own syntax and verbalizers as `Verbalizer.to_json` writes them.

    ``truncations`` says how each template is cut, in their order; without it all are "balanced".

    ``checked`` raises SettingsError; what the templates and verbalizers say is not read here.
    """

    templates: list[str] = Field(description="What the model reads, each against all verbalizers.")
    verbalizers: list[dict[str, Any]] = Field(description="Labels with their words and colours.")
    truncations: list[Truncation] = Field(default_factory=list)
    demonstrations: int = Field(
        0,
        ge=0,
        le=MAX_DEMONSTRATIONS,
        description="Labelled examples in front of each prompt, as many of each label.",
    )
    calibration: CalibrationKind = Field(
        "none",
        description="Measure also without the model's taste for the words: taken from inputs "
        "without content, or on average over texts.",
    )

    seed: int = Field(
        13, ge=0, le=2**31 - 1, description="Draws rows and demonstrations; same seed, same rows."
    )

    @field_validator("templates")
    @classmethod
    def _check_templates(cls, templates: list[str]) -> list[str]:
        return _check_count("templates", templates, MAX_TEMPLATES)

    @field_validator("verbalizers")
    @classmethod
    def _check_verbalizers(cls, verbalizers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return _check_count("verbalizers", verbalizers, MAX_VERBALIZERS)

    def read_templates(self) -> list[Template]:
        """Raises TemplateError."""
        read = []
        cut = self.truncations or ["balanced"] * len(self.templates)
        for number, (source, truncation) in enumerate(zip(self.templates, cut, strict=True)):
            with concerning(template=number):
                read.append(Template(source, truncation=truncation))
        return read

    def read_verbalizers(self) -> list[Verbalizer]:
        """Raises VerbalizerError."""
        read = []
        for number, given in enumerate(self.verbalizers):
            with concerning(verbalizer=number):
                read.append(Verbalizer.from_json(json.dumps(given)))
        return read


def _check_count(field: str, given: Items, most: int) -> Items:
    if not 1 <= len(given) <= most:
        raise SettingsError(
            f"A comparison takes from 1 to {most} {field}, and there are {len(given)}.",
            field=field,
            code="settings.comparison_size",
            count=len(given),
            most=most,
        )
    return given


@contextlib.contextmanager
def concerning(**place: int) -> Iterator[None]:
    """Adds to the details of an error which template or verbalizer it is about."""
    try:
        yield
    except PlaygroundError as error:
        error.details.update(place)
        raise
