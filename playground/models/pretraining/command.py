"""The command line of pretraining: one command for each step, and one for all of them.

What needs torch is imported where it is used, so that help comes at once.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from playground.errors import PlaygroundError
from playground.models.built_in import FOLDER
from playground.models.pretraining import evaluate
from playground.models.pretraining.recipe import NAMES, Recipe, load_recipe
from playground.processors import keep_freed_memory

if TYPE_CHECKING:
    from playground.models.pretraining.schedule import Budget


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 2 where something is wrong that a person can mend."""
    try:
        options = _parser().parse_args(arguments)
        code: int = options.run(options)
        return code
    except KeyboardInterrupt:
        return 130
    except PlaygroundError as error:
        _say(error.message)
    except OSError as error:
        _say(f"{error.filename}: {error.strerror}." if error.filename else str(error))
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m playground.models.pretraining",
        description="Make the built-in language models from plain text.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    everything = commands.add_parser("all", help="prepare, train and export, one after another")
    everything.set_defaults(run=_all)
    preparing = commands.add_parser("prepare", help="tokenizer, encoded text, word vectors")
    preparing.set_defaults(run=_prepare)
    training = commands.add_parser("train", help="train, or go on from the newest checkpoint")
    training.set_defaults(run=_train)
    training.add_argument(
        "--prolong", action="store_true", help="go on from the last checkpoint before the decay"
    )
    exporting = commands.add_parser("export", help="write the model as transformers loads it")
    exporting.set_defaults(run=_export)
    evaluate.add(commands)

    for command in (everything, preparing, training, exporting):
        command.add_argument("model", choices=NAMES, help="which of the built-in models")
        command.add_argument(
            "--work",
            type=Path,
            required=True,
            metavar="FOLDER",
            help="keeps encoded text and checkpoints, in a folder a model",
        )
    for command in (everything, preparing):
        command.add_argument(
            "--corpus", type=Path, required=True, metavar="FOLDER", help="of NAME.txt.bz2 files"
        )
        command.add_argument(
            "--exclude",
            type=Path,
            metavar="FOLDER",
            help="of texts never to learn from, such as benchmarks",
        )
    for command in (everything, preparing, training):
        command.add_argument(
            "--from",
            dest="origin",
            type=Path,
            metavar="FOLDER",
            help="of an exported model to train further: begin with its tokens and weights",
        )
    for command in (everything, training):
        budget = command.add_mutually_exclusive_group()
        budget.add_argument("--until", metavar="HH:MM", help="end at that time of day")
        budget.add_argument("--minutes", type=_count, help="end after that many minutes")
        budget.add_argument("--steps", type=_count, help="end after that many steps in all")
        command.add_argument(
            "--threads", type=_count, default=1, help="of the processor; default 1"
        )
    for command in (everything, exporting):
        command.add_argument(
            "--to", type=Path, default=FOLDER, metavar="FOLDER", help=f"default: {FOLDER}"
        )
    return parser


def _all(options: argparse.Namespace) -> int:
    from playground.models.pretraining.preparation import VECTORS

    if not (_folder(options) / VECTORS).exists():
        _prepare(options)
    options.prolong = False
    return _train(options) or _export(options)


def _prepare(options: argparse.Namespace) -> int:
    from playground.models.pretraining.preparation import prepare

    recipe = load_recipe(options.model)
    prepare(
        recipe,
        options.corpus,
        _folder(options),
        exclude=options.exclude,
        origin=options.origin,
        say=_say,
    )
    return 0


def _train(options: argparse.Namespace) -> int:
    import torch

    from playground.models.pretraining.training import train

    torch.set_num_threads(options.threads)
    keep_freed_memory()
    recipe = load_recipe(options.model)
    budget = _budget(options, recipe)
    done = train(
        recipe,
        _folder(options),
        budget,
        origin=options.origin,
        prolong=options.prolong,
        say=_say,
    )
    if not done.finished:
        _say("Stopped and saved. The same command goes on from here.")
    return 0 if done.finished else 1


def _export(options: argparse.Namespace) -> int:
    from playground.models.pretraining.export import export

    export(load_recipe(options.model), _folder(options), options.to / options.model)
    _say(f"{options.to / options.model} is written.")
    return 0


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.work / options.model
    return folder


def _budget(options: argparse.Namespace, recipe: Recipe) -> "Budget":
    from playground.models.pretraining.schedule import parse_time, until_step, until_time

    if options.until:
        return until_time(parse_time(options.until, datetime.now()))
    if options.minutes:
        return until_time(time.time() + 60 * options.minutes)
    return until_step(options.steps or recipe.steps)


def _count(given: str) -> int:
    """An argparse type: a whole number above 0."""
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise argparse.ArgumentTypeError(f"“{given}” is not a whole number above 0")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
