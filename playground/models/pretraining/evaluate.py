"""``evaluate``: measures models and prints the figures as a table."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import SettingsError
from playground.models.built_in import built_in_models

if TYPE_CHECKING:
    from playground.models.pretraining.evaluation import Scope
    from playground.models.pretraining.figures import Figure

# The recipe whose text a model of each kind is measured on.
RECIPES = {"masked": "pocket-bert", "causal": "pocket-gpt"}
QUICK_SEEDS, QUICK_ROWS, QUICK_CHARACTERS = 2, 200, 100_000


def add(commands: Any) -> None:
    """Adds the command to those of an argument parser."""
    command = commands.add_parser(
        "evaluate",
        help="measure models, and print the figures as a table",
        description="Measure models on labelled sets and on held-out text. The result is a table "
        "in Markdown on standard output.",
    )
    command.add_argument(
        "--model",
        action="append",
        metavar="NAME_OR_FOLDER",
        help="may be given several times (default: all built-in models)",
    )
    command.add_argument(
        "--benchmarks", type=Path, required=True, metavar="FOLDER", help="of labelled sets"
    )
    command.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        help="where “prepare” has put the held-out text; without it that is not measured",
    )
    command.add_argument(
        "--only", action="append", metavar="MEASURE", help="may be given several times"
    )
    command.add_argument(
        "--quick", action="store_true", help="fewer seeds and examples, for a first look"
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measures and prints. Raises a PlaygroundError where a model or a table is not there."""
    from playground.models import load_model
    from playground.models.pretraining.evaluation import MEASURES
    from playground.models.pretraining.figures import as_json, as_markdown

    for name in options.only or ():
        if name not in MEASURES:
            raise SettingsError(
                f"There is no measure “{name}”. There are: {', '.join(MEASURES)}.",
                field="only",
                code="settings.no_such_measure",
                measure=name,
                measures=", ".join(MEASURES),
            )
    figures: dict[str, list[Figure]] = {}
    for name in options.model or built_in_models():
        model = load_model(name)
        scope = _scope(options, model.kind)
        figures[name] = []
        for measure in options.only or MEASURES:
            for figure in MEASURES[measure](model, scope):
                figures[name].append(figure)
                print(f"{name}, {figure.measure}: {figure}", file=sys.stderr, flush=True)
    print(as_markdown(figures))
    if options.json is not None:
        options.json.write_text(as_json(figures) + "\n", encoding="utf-8")
    return 0


def _scope(options: argparse.Namespace, kind: str) -> "Scope":
    from playground.models.pretraining.benchmarks import SEEDS
    from playground.models.pretraining.evaluation import Scope

    prepared = None if options.work is None else options.work / RECIPES[kind]
    if options.quick:
        seeds = SEEDS[:QUICK_SEEDS]
        return Scope(options.benchmarks, prepared, seeds, QUICK_ROWS, QUICK_CHARACTERS)
    return Scope(options.benchmarks, prepared)
