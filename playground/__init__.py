"""Prompt Playground: prompts for pretrained language models, written, measured and trained.

The public API, and nothing else. Importing it costs no torch until a model is asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playground.errors import (
    DataError,
    ModelError,
    PlaygroundError,
    RunError,
    SettingsError,
    TemplateError,
    VerbalizerError,
)
from playground.lazy import lazy_exports
from playground.prompts import Template, Verbalizer
from playground.version import __version__ as __version__

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods import (
        Calibration,
        ComparisonResult,
        Event,
        LearningRateCurve,
        Method,
        SearchMethod,
        SearchResult,
        SeedsResult,
        TrainedPrompt,
        answer_distribution,
        classify,
        compare,
        find_learning_rate,
        nearby_words,
        train_seeds,
        widened,
    )
    from playground.models import LanguageModel, load_model
    from playground.prompts.dialects import export_openprompt, import_template
    from playground.studies import cells_table, points_table, run_study
    from playground.tasks import few_shot, few_shot_and_rest, load_dataset, load_task, read_csv

__all__ = [
    "Calibration",
    "ComparisonResult",
    "DataError",
    "LanguageModel",
    "LearningRateCurve",
    "ModelError",
    "PlaygroundError",
    "RunError",
    "SearchResult",
    "SeedsResult",
    "SettingsError",
    "Template",
    "TemplateError",
    "TrainedPrompt",
    "Verbalizer",
    "VerbalizerError",
    "answer_distribution",
    "cells_table",
    "classify",
    "compare",
    "export_openprompt",
    "few_shot",
    "few_shot_and_rest",
    "find_learning_rate",
    "import_template",
    "load_dataset",
    "load_model",
    "load_task",
    "methods",
    "nearby_words",
    "points_table",
    "read_csv",
    "run_study",
    "search",
    "searches",
    "train",
    "train_seeds",
    "widened",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "LanguageModel": "playground.models",
        "load_model": "playground.models",
        "Calibration": "playground.methods",
        "ComparisonResult": "playground.methods",
        "LearningRateCurve": "playground.methods",
        "SearchResult": "playground.methods",
        "SeedsResult": "playground.methods",
        "TrainedPrompt": "playground.methods",
        "answer_distribution": "playground.methods",
        "classify": "playground.methods",
        "compare": "playground.methods",
        "find_learning_rate": "playground.methods",
        "nearby_words": "playground.methods",
        "train_seeds": "playground.methods",
        "widened": "playground.methods",
        "export_openprompt": "playground.prompts.dialects",
        "cells_table": "playground.studies",
        "points_table": "playground.studies",
        "run_study": "playground.studies",
        "few_shot": "playground.tasks",
        "few_shot_and_rest": "playground.tasks",
        "import_template": "playground.prompts.dialects",
        "load_dataset": "playground.tasks",
        "load_task": "playground.tasks",
        "read_csv": "playground.tasks",
    },
)


def methods() -> "dict[str, Method]":
    """The methods by name, each with its one-line description and its settings class."""
    from playground.methods import methods as registered

    return registered()


def searches() -> "dict[str, SearchMethod]":
    """The searches by name, each with its one-line description and its settings class."""
    from playground.methods.searches import searches as registered

    return registered()


def search(
    method: str,
    model: "LanguageModel",
    template: Template,
    verbalizer: Verbalizer,
    train: "pd.DataFrame",
    dev: "pd.DataFrame | None" = None,
    *,
    on_event: "Callable[[Event], object] | None" = None,
    **settings: Any,
) -> "tuple[TrainedPrompt, SearchResult]":
    """Searches trigger words or label words; returns the prompt with them, and what is behind it.

    ``train`` and ``dev`` have a column ``label`` and the template's fields; ``settings`` are those
    of the search (see `searches`); ``on_event`` is called with each event: see
    `playground.methods.autoprompt` and `playground.methods.label_words` for their fields.
    Raises SettingsError, TemplateError, VerbalizerError or DataError before the first step.
    """
    from playground.methods.searches import start_search

    dev = train.head(0) if dev is None else dev
    found = start_search(method, model, template, verbalizer, train, dev, settings)
    for event in found:
        if event is not None and on_event is not None:
            on_event(event)
    return found.trained_prompt(), found.result()


def train(
    method: str,
    model: "LanguageModel",
    template: Template,
    verbalizer: Verbalizer,
    train: "pd.DataFrame",
    dev: "pd.DataFrame | None" = None,
    *,
    unlabelled: "pd.DataFrame | None" = None,
    on_event: "Callable[[Event], object] | None" = None,
    **settings: Any,
) -> "TrainedPrompt":
    """Trains a prompt and returns it.

    ``train`` and ``dev`` have a column ``label`` and the template's fields; ``unlabelled`` are
    further rows with these fields, for methods that learn from texts too (see
    `few_shot_and_rest`); ``settings`` are those of the method (see `methods`); ``on_event`` is
    called with each event of the training: see `playground.methods.training` for their fields.
    Raises SettingsError, TemplateError, VerbalizerError or DataError before the first step.
    """
    from playground.methods import start

    dev = train.head(0) if dev is None else dev
    training = start(
        method, model, template, verbalizer, train, dev, settings, unlabelled=unlabelled
    )
    for event in training:
        if event is not None and on_event is not None:
            on_event(event)
    return training.trained_prompt()
