"""The options that several commands share, and what is read from them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from playground.errors import DataError, SettingsError
from playground.prompts import Template, Verbalizer, read_label_line
from playground.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods import TrainedPrompt
    from playground.methods.registry import Method
    from playground.methods.searches import SearchMethod
    from playground.models import LanguageModel
    from playground.tasks import Task

BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}
DATA = "a CSV file, a built-in dataset's name, or one of the Hugging Face Hub (owner/name:part)"
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


def add_run(
    command: argparse.ArgumentParser,
    method: "Method | SearchMethod | None",
    *,
    shots: str,
    saved: str,
) -> None:
    """What a run of a method is asked with: prompt, rows, names, and the method's settings.

    ``shots`` says what the examples are for, ``saved`` what is left at the end.
    """
    command.add_argument("method", nargs="?", metavar="METHOD", help="the method's name")
    add_model(command)
    command.add_argument("--template", help="default: the first one of the built-in dataset")
    add_labels(command)
    command.add_argument(
        "--dataset",
        default="reviews",
        metavar="DATA",
        help=f"{DATA}; it has a column “label” (default: reviews)",
    )
    command.add_argument(
        "--shots",
        type=count,
        default=16,
        metavar="N",
        help=f"examples of each label {shots} (default: 16)",
    )
    command.add_argument("--name", default="", help="what lists call the run")
    command.add_argument("--save", metavar="FOLDER", help=f"copy the {saved} to FOLDER")
    if method is not None:
        group = command.add_argument_group(f"settings of {method.name}")
        for name, field in method.settings.model_fields.items():
            add_setting(group, name, field)


def add_setting(group: argparse._ArgumentGroup, name: str, field: Any) -> None:
    """One field of the settings as an option. They check its value themselves, later."""
    kind: dict[str, Any] = {"metavar": "N" if field.annotation is int else "VALUE"}
    default = field.default
    if field.annotation is bool:
        kind = {"action": argparse.BooleanOptionalAction}
        default = "on" if default else "off"
    elif get_origin(field.annotation) is Literal:
        kind = {"choices": get_args(field.annotation)}
    elif get_origin(field.annotation) is tuple:
        kind = {"action": "append", "metavar": "TEXT"}
        default = "none; may be given several times"
    bounds = [
        f"{word} {getattr(bound, key)}"
        for key, word in BOUNDS.items()
        for bound in field.metadata
        if hasattr(bound, key)
    ]
    remarks = "; ".join(filter(None, (" ".join(bounds), f"default: {default}")))
    about = f"{field.description} ({remarks})".replace("%", "%%")
    flag = "--" + name.replace("_", "-")
    group.add_argument(flag, dest=name, default=argparse.SUPPRESS, help=about, **kind)


def count(given: str) -> int:
    """An argparse type: a whole number above 0."""
    if given.isascii() and given.isdigit() and int(given) > 0:
        return int(given)
    raise argparse.ArgumentTypeError(f"“{given}” is not a whole number above 0")


def words(given: str) -> tuple[str, ...]:
    """An argparse type: what stands between commas."""
    return tuple(word for part in given.split(",") if (word := part.strip()))


def seeds(given: str) -> int | tuple[int, ...]:
    """An argparse type: a count, or seeds with commas between them."""
    if "," not in given:
        return count(given)
    try:
        return tuple(map(int, words(given)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{given}” are not whole numbers") from None


def lasting_model_name(name: str) -> str:
    """The name under which a run finds the model again, from whichever folder it is resumed."""
    from playground.models.built_in import built_in_models

    is_folder = name not in built_in_models() and Path(name).is_dir()
    return str(Path(name).absolute()) if is_folder else name


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
    raise _no_template()


def templates(options: argparse.Namespace, task: "Task | None") -> list[Template]:
    """The templates that were written, or those of a built-in dataset."""
    if options.template is not None:
        return list(map(Template, options.template))
    if task is not None:
        return [start.template for start in task.templates]
    raise _no_template()


def verbalizer(options: argparse.Namespace, task: "Task | None") -> Verbalizer:
    """The labels that were written, those of a JSON file, or the first of a built-in dataset."""
    if options.verbalizer is not None:
        return _from_file(options.verbalizer)
    if options.labels is not None:
        return read_label_line(options.labels)
    if task is not None:
        return task.verbalizers[0].verbalizer
    raise _no_labels()


def verbalizers(options: argparse.Namespace, task: "Task | None") -> list[Verbalizer]:
    """The labels that were written, those of JSON files, or those of a built-in dataset."""
    if options.labels or options.verbalizer:
        written = map(read_label_line, options.labels or ())
        return [*written, *map(_from_file, options.verbalizer or ())]
    if task is not None:
        return [start.verbalizer for start in task.verbalizers]
    raise _no_labels()


def _from_file(path: str) -> Verbalizer:
    return Verbalizer.from_json(Path(path).read_text(encoding="utf-8-sig"))


def _no_template() -> SettingsError:
    return SettingsError(
        'Which template? Write one, such as --template "{text} It was [MASK].".',
        field="template",
        code="settings.no_template",
    )


def _no_labels() -> SettingsError:
    return SettingsError(
        'Which labels? Write them, such as --labels "negative=bad;positive=good", or give a JSON '
        "file with --verbalizer.",
        field="labels",
        code="settings.no_labels",
    )


def table(source: str) -> "tuple[pd.DataFrame, Task | None]":
    """The rows of a built-in dataset and the dataset itself; without it those of a CSV file or of
    a dataset of the Hugging Face Hub.
    """
    from playground.tasks import (
        built_in_tasks,
        is_dataset_name,
        load_dataset,
        load_task,
        read_csv,
    )

    if source in built_in_tasks():
        task = load_task(source)
        return task.table, task
    if Path(source).exists():
        return read_csv(source), None
    if is_dataset_name(source):
        return load_dataset(source), None
    names = ", ".join(built_in_tasks())
    raise DataError(
        f"There is no file “{source}”, and the built-in datasets are: {names}.",
        code="data.no_such_table",
        task=source,
        tasks=names,
    )
