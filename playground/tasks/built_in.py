"""The built-in labelled sets, each with starting prompts known from the literature."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from playground.errors import DataError
from playground.prompts import Template, Verbalizer
from playground.tasks.table import SPLIT, read_csv

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "datasets"


@dataclass(frozen=True)
class StartingTemplate:
    """A template to begin with, and where it comes from."""

    template: Template
    source: str


@dataclass(frozen=True)
class StartingVerbalizer:
    """A verbalizer to begin with, and where it comes from."""

    verbalizer: Verbalizer
    source: str


@dataclass(frozen=True)
class Task:
    """A labelled set: its rows (columns ``text``, ``label``, ``split``) and starting prompts."""

    name: str
    title: dict[str, str]
    language: str
    table: pd.DataFrame
    templates: tuple[StartingTemplate, ...]
    verbalizers: tuple[StartingVerbalizer, ...]

    def split(self, name: str) -> pd.DataFrame:
        """The rows of ``train``, ``dev`` or ``test``."""
        return self.table[self.table[SPLIT] == name].reset_index(drop=True)


def built_in_tasks() -> tuple[str, ...]:
    """Names of the sets that are part of the playground."""
    return tuple(path.name.removesuffix(".prompts.json") for path in sorted(FOLDER.glob("*.json")))


@cache
def load_task(name: str) -> Task:
    """Loads a built-in set. Raises DataError for a name that is none of them."""
    if name not in built_in_tasks():
        raise DataError(
            f"There is no built-in dataset “{name}”. There are: {', '.join(built_in_tasks())}.",
            code="data.no_such_task",
            task=name,
            tasks=", ".join(built_in_tasks()),
        )
    prompts = json.loads((FOLDER / f"{name}.prompts.json").read_text(encoding="utf-8"))
    return Task(
        name=name,
        title=prompts["title"],
        language=prompts["language"],
        table=read_csv(FOLDER / f"{name}.csv"),
        templates=tuple(
            StartingTemplate(Template(item["template"]), item["source"])
            for item in prompts["templates"]
        ),
        verbalizers=tuple(
            StartingVerbalizer(Verbalizer(item["labels"]), item["source"])
            for item in prompts["verbalizers"]
        ),
    )
