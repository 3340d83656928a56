"""``distribution``: what a model puts at the answer slots of a template."""

import argparse
import json
import sys
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from playground.cli import inputs
from playground.cli.output import print_table
from playground.errors import DataError
from playground.prompts import Template

if TYPE_CHECKING:
    import pandas as pd


def add(commands: inputs.Commands) -> None:
    about = "Show the most probable tokens at the answer slots of a template, filled in with texts."
    command = commands.add_parser(
        "distribution", help="what the model puts at the answer slot", description=about
    )
    inputs.add_prompt(command)
    command.add_argument("--text", help="the text for {text}: short for --field text=TEXT")
    command.add_argument(
        "--field",
        dest="fields",
        action="append",
        default=[],
        type=_field,
        metavar="NAME=TEXT",
        help="the text for {NAME}; once for each field of the template",
    )
    command.add_argument(
        "--top-k", type=inputs.count, default=10, metavar="N", help="how many (default: 10)"
    )
    command.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="of the output (default: table)",
    )
    command.set_defaults(run=run)


def _field(given: str) -> tuple[str, str]:
    name, equals, text = given.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"“{given}” is not of the form NAME=TEXT")
    return name.strip(), text


def run(options: argparse.Namespace) -> int:
    row = dict(options.fields)
    if options.text is not None:
        row["text"] = options.text
    if options.prompt is not None:
        prompt = inputs.trained_prompt(options)
        _check(row, prompt.template)
        table = prompt.answer_distribution(row, top_k=options.top_k)
    else:
        template = inputs.template(options)
        _check(row, template)
        from playground.methods import answer_distribution

        model = inputs.model(options.model)
        table = answer_distribution(model, template, row, top_k=options.top_k)
    _print(table, options.format)
    return 0


def _check(row: dict[str, str], template: Template) -> None:
    missing = [name for name in template.fields if name not in row]
    if missing:
        asked = " and ".join(f'--field {name}="…"' for name in missing)
        raise DataError(
            f"The template has a field without a text. Give it with {asked}.",
            code="data.missing_value",
            field=missing[0],
        )


def _print(table: "pd.DataFrame", form: str) -> None:
    if form == "csv":
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    elif form == "json":
        print(json.dumps(table.to_dict("records"), ensure_ascii=False, indent=2))
    else:
        one_slot = table["slot"].nunique() == 1
        heads = ("SLOT", "RANK", "TOKEN", "PROBABILITY", "LOGIT")
        print_table([row[one_slot:] for row in (heads, *map(_cells, table.to_dict("records")))])


def _cells(found: Mapping[Hashable, Any]) -> tuple[str, ...]:
    slot, rank = str(found["slot"] + 1), str(found["rank"])
    return slot, rank, found["token"], f"{found['probability']:.4f}", f"{found['logit']:.3f}"
