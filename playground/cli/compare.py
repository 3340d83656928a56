"""``compare``: templates against verbalizers on the labelled rows of a table."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from playground.cli import inputs
from playground.cli.output import say
from playground.prompts import Verbalizer, label_line
from playground.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods import Comparison, ComparisonResult

LINE_SECONDS = 5.0  # between two lines that say how far it is
SETTINGS = ("demonstrations", "calibration", "seed")


def add(commands: inputs.Commands) -> None:
    from playground.methods.comparison_settings import ComparisonSettings

    about = (
        "Compare templates and verbalizers on labelled rows. The result is a CSV with a row for "
        "each template with each verbalizer: accuracy and macro F1 with 95 % bootstrap intervals, "
        "and the calibration error. The last rows are the ensemble of all templates."
    )
    command = commands.add_parser(
        "compare",
        help="compare prompts on labelled rows",
        description=about,
        epilog="Of a table with a column “split” the test rows are compared on (or else the dev "
        "rows), and the train rows are shown and calibrated on. Ctrl+C ends the comparison and "
        "prints what there is.",
    )
    command.add_argument("--data", required=True, metavar="DATA", help=inputs.DATA)
    inputs.add_model(command)
    command.add_argument(
        "--template",
        action="append",
        help='such as "{text} It was [MASK]."; may be given several times (default: those of the '
        "dataset)",
    )
    command.add_argument(
        "--labels",
        action="append",
        help='such as "negative=terrible,bad;positive=great"; may be given several times '
        "(default: those of the dataset)",
    )
    command.add_argument(
        "--verbalizer",
        action="append",
        metavar="FILE.json",
        help="the same from a JSON file; may be given several times",
    )
    for name in SETTINGS:
        inputs.add_setting(command, name, ComparisonSettings.model_fields[name])
    command.add_argument(
        "--rows", type=inputs.count, metavar="N", help="compare on N rows, drawn by the seed"
    )
    command.add_argument("--output", metavar="FILE.csv", help="default: standard output")
    command.add_argument(
        "--predictions",
        metavar="FILE.csv",
        help="also write the rows with the label that each cell predicts, calibrated if that was "
        "asked for",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from playground.methods.comparison_settings import ComparisonSettings
    from playground.runs import plan_comparison

    table, task = inputs.table(options.data)
    templates, verbalizers = inputs.templates(options, task), inputs.verbalizers(options, task)
    settings = ComparisonSettings.checked(
        {
            "templates": list(map(str, templates)),
            "verbalizers": [json.loads(verbalizer.to_json()) for verbalizer in verbalizers],
            **{name: value for name, value in vars(options).items() if name in SETTINGS},
        }
    )
    planned = plan_comparison(
        model=options.model or DEFAULT_MODEL,
        templates=templates,
        verbalizers=verbalizers,
        table=table,
        dataset=options.data,
        examples=options.rows,
        demonstrations=settings.demonstrations,
        calibration=settings.calibration,
        seed=settings.seed,
    )
    from playground.methods import Comparison

    comparison = Comparison(
        inputs.model(options.model),
        templates,
        verbalizers,
        planned.rows,
        train=planned.train,
        demonstrations=settings.demonstrations,
        calibration=settings.calibration,
        seed=settings.seed,
    )
    code = _walk(comparison)
    result = comparison.result()
    cells = result.table()
    cells["verbalizer"] = [label_line(verbalizers[at]) for at in cells["verbalizer"]]
    cells.to_csv(
        options.output or sys.stdout, index=False, float_format="%.6f", lineterminator="\n"
    )
    if options.predictions is not None:
        found = _predictions(planned.rows, result, verbalizers)
        found.to_csv(options.predictions, index=False, lineterminator="\n")
    return code


def _walk(comparison: "Comparison") -> int:
    """Compares to the end, or to Ctrl+C."""
    told = time.monotonic()
    try:
        for _ in comparison:
            if time.monotonic() - told >= LINE_SECONDS:
                say(f"{comparison.step} of {comparison.steps} batches")
                told = time.monotonic()
    except KeyboardInterrupt:
        say("\nStopped: the figures are of the rows so far.")
        return 130
    return 0


def _predictions(
    rows: "pd.DataFrame", result: "ComparisonResult", verbalizers: list[Verbalizer]
) -> "pd.DataFrame":
    """The rows, with a column for each cell that is headed by its template and its labels."""
    found = rows.copy()
    for template, source in enumerate(result.templates):
        for number, verbalizer in enumerate(verbalizers):
            cell = result.examples(template, number, calibrated=result.calibrated)
            found[f"{source} {label_line(verbalizer)}"] = cell["prediction"]
    return found
