"""``classify``: labels for the rows of a table."""

import argparse
import sys
from typing import TYPE_CHECKING

from playground.cli import inputs
from playground.cli.output import say
from playground.errors import DataError, SettingsError

if TYPE_CHECKING:
    import pandas as pd


def add(commands: inputs.Commands) -> None:
    about = (
        "Label the rows of a table. The result is a CSV: the rows, the probability of each label "
        "and the prediction. Where the rows have labels, their accuracy is told too."
    )
    command = commands.add_parser("classify", help="label the rows of a table", description=about)
    command.add_argument("--data", required=True, metavar="DATA", help=inputs.DATA)
    command.add_argument(
        "--split",
        metavar="NAME",
        help="only the rows whose column “split” is NAME; all takes every row (default: test for a "
        "built-in dataset, all for a file)",
    )
    inputs.add_prompt(command)
    inputs.add_labels(command)
    command.add_argument("--output", metavar="FILE.csv", help="default: standard output")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    table, task = inputs.table(options.data)
    rows = _split(table, options.split or ("test" if task else "all"))
    if options.prompt is not None:
        _refuse_labels(options)
        prompt = inputs.trained_prompt(options)
        prompt.template.check_fields(rows.columns)
        labels, found = prompt.verbalizer.labels, prompt.classify(rows)
    else:
        template, verbalizer = inputs.template(options, task), inputs.verbalizer(options, task)
        template.check_fields(rows.columns)
        from playground.methods import classify

        model = inputs.model(options.model)
        labels, found = verbalizer.labels, classify(model, template, verbalizer, rows)
    # a table that was classified before has such columns already
    kept = rows.drop(columns=[name for name in found.columns if name in rows.columns])
    kept.join(found).to_csv(
        options.output or sys.stdout, index=False, float_format="%.6f", lineterminator="\n"
    )
    _tell_accuracy(rows, found, labels)
    return 0


def _split(table: "pd.DataFrame", name: str) -> "pd.DataFrame":
    from playground.tasks.table import SPLIT

    if name == "all":
        return table
    if SPLIT not in table.columns:
        raise DataError(
            f"The table has no column “{SPLIT}”: leave out --split.", code="data.no_split_column"
        )
    names = sorted(table[SPLIT].unique())
    if name not in names:
        raise DataError(
            f"The table has no split “{name}”. There are: {', '.join(names)}.",
            code="data.no_such_split",
            split=name,
            splits=", ".join(names),
        )
    return table[table[SPLIT] == name].reset_index(drop=True)


def _refuse_labels(options: argparse.Namespace) -> None:
    if options.labels is not None or options.verbalizer is not None:
        raise SettingsError(
            "A trained prompt brings its own labels: leave out --labels and --verbalizer.",
            field="labels",
            code="settings.labels_of_prompt",
        )


def _tell_accuracy(rows: "pd.DataFrame", found: "pd.DataFrame", labels: tuple[str, ...]) -> None:
    from playground.tasks.table import LABEL

    if LABEL not in rows.columns:
        return
    known = rows[LABEL].isin(labels)
    right = (rows[LABEL] == found["prediction"]) & known
    if known.any():
        say(f"Accuracy {right.sum() / known.sum():.4f}: {right.sum()} of {known.sum()} rows.")
    if not known.all():
        say(f"{(~known).sum()} rows have none of the labels {', '.join(labels)}.")
