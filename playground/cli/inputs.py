"""The options that several commands share, and what is read from them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import DataError, SettingsError
from playground.prompts import Template, Verbalizer
from playground.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods import TrainedPrompt
    from playground.models import LanguageModel
    from playground.tasks import Task

# What argparse's add_subparsers returns; it has no public name.
Commands = Any


def add_model(command: argparse.ArgumentParser, or_else: str = "") -> None:
    about = "a built-in model, a folder or a Hugging Face name"
    command.add_argument("--model", help=f"{about} (default: {DEFAULT_MODEL}{or_else})")


def add_prompt(command: argparse.ArgumentParser) -> None:
    """The model with a written prompt, or with a trained one."""
    add_model(command, ", or the model of --prompt")
    prompt = command.add_mutually_exclusive_group()
    prompt.add_argument("--template", help='such as "{text} It was [MASK]."')
    prompt.add_argument(
        "--prompt", metavar="FOLDER", help="a trained prompt: it brings its template and labels"
    )


def add_labels(command: argparse.ArgumentParser) -> None:
    labels = command.add_mutually_exclusive_group()
    labels.add_argument(
        "--labels", help='labels and their words: "negative=terrible,bad;positive=great,good"'
    )
    labels.add_argument("--verbalizer", metavar="FILE.json", help="the same from a JSON file")


def count(given: str) -> int:
    """An argparse type: a whole number above 0."""
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise argparse.ArgumentTypeError(f"“{given}” is not a whole number above 0")


def model(name: str | None) -> "LanguageModel":
    """The model of that name, or the default one. Raises ModelError."""
    from playground.models import load_model

    return load_model(name or DEFAULT_MODEL)


def trained_prompt(options: argparse.Namespace) -> "TrainedPrompt":
    """What ``--prompt`` names, with the model that it belongs to. Raises ModelError."""
    from playground.methods import TrainedPrompt

    name = options.model or TrainedPrompt.describe(options.prompt)["model"]
    return TrainedPrompt.load(options.prompt, model(name))


def template(options: argparse.Namespace, task: "Task | None" = None) -> Template:
    """The template that was written, or the first of a built-in dataset."""
    if options.template is not None:
        return Template(options.template)
    if task is not None:
        return task.templates[0].template
    raise SettingsError(
        'Which template? Write one, such as --template "{text} It was [MASK].".',
        field="template",
        code="settings.no_template",
    )


def verbalizer(options: argparse.Namespace, task: "Task | None") -> Verbalizer:
    """The labels that were written, those of a JSON file, or the first of a built-in dataset."""
    if options.verbalizer is not None:
        return Verbalizer.from_json(Path(options.verbalizer).read_text(encoding="utf-8-sig"))
    if options.labels is not None:
        parts = [part.partition("=") for part in options.labels.split(";") if part.strip()]
        return Verbalizer.from_rows({"label": label, "words": words} for label, _, words in parts)
    if task is not None:
        return task.verbalizers[0].verbalizer
    raise SettingsError(
        'Which labels? Write them, such as --labels "negative=bad;positive=good", or give a JSON '
        "file with --verbalizer.",
        field="labels",
        code="settings.no_labels",
    )


def table(source: str) -> "tuple[pd.DataFrame, Task | None]":
    """The rows of a built-in dataset and the dataset itself, or those of a CSV file and None."""
    from playground.tasks import built_in_tasks, load_task, read_csv

    if source in built_in_tasks():
        task = load_task(source)
        return task.table, task
    if Path(source).exists():
        return read_csv(source), None
    names = ", ".join(built_in_tasks())
    raise DataError(
        f"There is no file “{source}”, and the built-in datasets are: {names}.",
        code="data.no_such_table",
        task=source,
        tasks=names,
    )
