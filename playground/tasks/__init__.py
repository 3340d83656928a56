"""Labelled data: built-in sets, tables that people bring, few-shot sampling."""

from playground.tasks.built_in import Task, built_in_tasks, load_task
from playground.tasks.hub import is_dataset_name, load_dataset
from playground.tasks.sampling import (
    draw,
    draw_each,
    evaluation_rows,
    few_shot,
    few_shot_and_rest,
)
from playground.tasks.splitting import with_test_rows
from playground.tasks.table import (
    fields_of,
    parse_csv,
    read_csv,
    require_labels,
    require_values,
    without_labels,
)

__all__ = [
    "Task",
    "built_in_tasks",
    "draw",
    "draw_each",
    "evaluation_rows",
    "few_shot",
    "few_shot_and_rest",
    "fields_of",
    "is_dataset_name",
    "load_dataset",
    "load_task",
    "parse_csv",
    "read_csv",
    "require_labels",
    "require_values",
    "with_test_rows",
    "without_labels",
]
