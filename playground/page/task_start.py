"""What a task brings to the Playground tab: starting prompts and examples."""

from dataclasses import dataclass
from typing import Any

from playground.errors import PlaygroundError
from playground.page.editors import verbalizer_value
from playground.page.engine import Engine
from playground.page.text import say
from playground.prompts import Template, Verbalizer
from playground.tasks import built_in_tasks, fields_of, load_task
from playground.tasks.table import LABEL, SPLIT

NO_PROMPT = ""

# A table with more kinds of labels than this is no classification task; its labels stay out.
MAX_LABELS = 24


@dataclass(frozen=True)
class TaskStart:
    """A task's templates and verbalizers, each as (text to show, value); the first is the start."""

    templates: list[tuple[str, str]]
    verbalizers: list[tuple[str, str]]

    @property
    def template(self) -> str:
        return self.templates[0][1]

    @property
    def verbalizer_rows(self) -> list[dict[str, str]]:
        if not self.verbalizers:
            return []
        return Verbalizer.from_json(self.verbalizers[0][1]).to_rows()


def task_start(engine: Engine, task: str) -> TaskStart:
    """The starting prompts: from the literature, or made of an uploaded table's own words.

    Raises DataError where there is no such task.
    """
    if task in built_in_tasks():
        loaded = load_task(task)
        templates = [
            (f"{start.template}  ·  {start.source}", str(start.template))
            for start in loaded.templates
        ]
        verbalizers = [start.verbalizer for start in loaded.verbalizers]
    else:
        table = engine.table(task)
        template = f"{{{(fields_of(table) or ['text'])[0]}}} It was [MASK]."
        templates = [(template, template)]
        verbalizers = _own_labels(sorted(table[LABEL].unique()) if LABEL in table.columns else [])
    words = [
        (" / ".join(", ".join(words) for words in found.words.values()), found.to_json())
        for found in verbalizers
    ]
    return TaskStart(templates, words)


def _own_labels(labels: list[str]) -> list[Verbalizer]:
    """Each label as its own word, where that makes a verbalizer."""
    try:
        return (
            [Verbalizer({label: [label] for label in labels})] if len(labels) <= MAX_LABELS else []
        )
    except PlaygroundError:
        return []


def example(engine: Engine, task: str, index: int, source: str) -> dict[str, Any]:
    """One row of a task as `row_editor` takes it; of the test rows where there is a split."""
    table = engine.table(task)
    if SPLIT in table.columns and (table[SPLIT] == "test").any():
        table = table[table[SPLIT] == "test"]
    index %= len(table)
    chosen = table.iloc[index].to_dict()
    names = fields_of(table)
    return {
        "fields": fields_shown(source, names) or names[:1],
        "row": {name: str(chosen[name]) for name in names},
        "label": chosen.get(LABEL),
        "index": index,
    }


def fields_shown(source: str, known: list[str]) -> list[str]:
    """The fields to show boxes for: those of the template that exist."""
    try:
        return [name for name in Template(source).fields if name in known]
    except PlaygroundError:
        return []


def known_fields(engine: Engine, task: str, row: dict[str, Any]) -> list[str]:
    """The fields that a template may name; those of the row shown if the table has gone."""
    try:
        return fields_of(engine.table(task))
    except PlaygroundError:
        return list(row)


def prompt_choices(engine: Engine, language: str) -> list[tuple[str, str]]:
    """None and every trained prompt: (title, id)."""
    return [(say("prompt.none", language), NO_PROMPT), *engine.prompts()]


def carried_by(engine: Engine, prompt_id: str) -> list[Any]:
    """What a trained prompt brings to the Playground: model, template, truncation, verbalizer.

    Raises RunError or ModelError.
    """
    carried = engine.carried_by(prompt_id)
    verbalizer = Verbalizer.from_json(carried["verbalizer"])
    return [
        *(carried[name] for name in ("model", "template", "truncation")),
        verbalizer_value(verbalizer),
    ]


def task_choices(engine: Engine, language: str) -> list[tuple[str, str]]:
    """Built-in and uploaded tables: (title, name)."""
    built_in = [(load_task(name).title[language], name) for name in built_in_tasks()]
    return built_in + [(name, name) for name in engine.tables()]
