"""What a comparison is asked to do, checked without a model."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import Field, field_validator

from playground.errors import DataError, PlaygroundError, SettingsError, VerbalizerError
from playground.methods.demonstrations import Demonstrations
from playground.methods.settings import MethodSettings
from playground.prompts import Template, Verbalizer
from playground.tasks.table import require_labels, require_values

if TYPE_CHECKING:
    import pandas as pd

MAX_TEMPLATES = 8
MAX_VERBALIZERS = 4
MAX_DEMONSTRATIONS = 8

CalibrationKind = Literal["none", "contextual", "texts"]
Items = TypeVar("Items", bound=Sequence[Any])


class ComparisonSettings(MethodSettings):
    """Templates in their own syntax and verbalizers as `Verbalizer.to_json` writes them.

    ``checked`` raises SettingsError; what the templates and verbalizers say is not read here.
    """

    templates: list[str] = Field(description="What the model reads, each against all verbalizers.")
    verbalizers: list[dict[str, Any]] = Field(description="Labels with their words and colours.")
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
        for number, source in enumerate(self.templates):
            with concerning(template=number):
                read.append(Template(source))
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


def check_comparison(
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    rows: "pd.DataFrame",
    train: "pd.DataFrame",
    *,
    demonstrations: int,
    calibration: str,
    seed: int,
) -> ComparisonSettings:
    """The settings of a comparison, once everything is checked that needs no model.

    Raises SettingsError, VerbalizerError where the verbalizers are for different labels,
    TemplateError for a field that is no column, and DataError for rows without a label or a
    value, or too few to show. What concerns one template or verbalizer has its number, from 0,
    among the error's details.
    """
    settings = ComparisonSettings.checked(
        {
            "templates": list(map(str, templates)),
            "verbalizers": [json.loads(verbalizer.to_json()) for verbalizer in verbalizers],
            "demonstrations": demonstrations,
            "calibration": calibration,
        }
    )
    labels = verbalizers[0].labels
    for number, verbalizer in enumerate(verbalizers):
        if set(verbalizer.labels) != set(labels):
            raise VerbalizerError(
                "Verbalizers can be compared where they have the same labels, and these have "
                f"{', '.join(labels)} and {', '.join(verbalizer.labels)}.",
                code="comparison.other_labels",
                labels=", ".join(labels),
                other_labels=", ".join(verbalizer.labels),
                verbalizer=number,
            )
    if rows.empty:
        raise DataError("There are no rows to compare on.", code="data.no_rows")
    fields = list(dict.fromkeys(field for template in templates for field in template.fields))
    for table in (rows, train) if len(train) else (rows,):
        for number, template in enumerate(templates):
            with concerning(template=number):
                template.check_fields(list(map(str, table.columns)))
        require_values(table, fields)
    require_labels(rows, labels)
    if demonstrations:
        require_labels(train, labels)
        Demonstrations(train, labels, demonstrations, seed)
    return settings


@contextlib.contextmanager
def concerning(**place: int) -> Iterator[None]:
    """Adds to the details of an error which template or verbalizer it is about."""
    try:
        yield
    except PlaygroundError as error:
        error.details.update(place)
        raise
