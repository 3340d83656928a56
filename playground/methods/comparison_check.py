"""All about a comparison that can be checked without a model."""

import json
from collections.abc import Sequence

import pandas as pd

from playground.errors import DataError, VerbalizerError
from playground.methods.comparison_settings import ComparisonSettings, concerning
from playground.methods.demonstrations import Demonstrations
from playground.prompts import Template, Verbalizer
from playground.tasks.table import require_labels, require_values


def check_comparison(
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    rows: pd.DataFrame,
    train: pd.DataFrame,
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
            "truncations": [template.truncation for template in templates],
            "demonstrations": demonstrations,
            "calibration": calibration,
            "seed": seed,
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
