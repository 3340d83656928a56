"""From what a person asked for to a run that can start: its spec and its rows, all checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.prompts import Template, Verbalizer
from playground.runs.spec import RunSpec

if TYPE_CHECKING:
    from pandas import DataFrame

PINNED = 3


@dataclass(frozen=True)
class Plan:
    """What `Runs.start` takes: the rows to learn from, to measure on, and to watch.

    ``unlabelled`` are further ones for the methods that learn from texts too.
    """

    spec: RunSpec
    train: "DataFrame"
    dev: "DataFrame"
    pinned: "DataFrame"
    unlabelled: "DataFrame | None" = None

    @property
    def tables(self) -> "dict[str, DataFrame]":
        """By the names under which a run keeps them."""
        tables = {"train": self.train, "dev": self.dev, "pinned": self.pinned}
        return tables if self.unlabelled is None else {**tables, "unlabelled": self.unlabelled}


def plan(
    *,
    method: str,
    model: str,
    template: Template,
    verbalizer: Verbalizer,
    table: "DataFrame",
    dataset: str,
    shots: int,
    settings: Mapping[str, Any],
    unlabelled: "DataFrame | None" = None,
    name: str = "",
) -> Plan:
    """Checks settings, fields and labels, and draws ``shots`` rows a label of ``table``.

    ``settings`` are the method's, by name; what is left out has its default. Their seed draws the
    rows too. A method that learns from texts as well gets ``unlabelled`` rows, or else what is left
    of ``table`` but for its test rows; no labels are looked at. ``dataset`` is the name to show.
    Whether the model knows the words is not asked here.
    Raises SettingsError, TemplateError or DataError.
    """
    from playground.methods import method as find
    from playground.tasks import draw, few_shot_and_rest, require_labels, without_labels

    asked = find(method).settings.checked(dict(settings))
    checked = asked.model_dump(mode="json")
    seed = checked.pop("seed")
    asked.check_fields(template, [str(column) for column in table.columns])
    require_labels(table, verbalizer.labels)
    train, dev, rest = few_shot_and_rest(table, shots, seed)
    asked.check_dev(len(dev))
    texts = without_labels(rest if unlabelled is None else unlabelled)
    if asked.unlabelled_used:
        asked.check_fields(template, [str(column) for column in texts.columns])
        asked.check_unlabelled(len(texts))
    spec = RunSpec.of_prompt(
        template,
        verbalizer,
        method=method,
        model=model,
        dataset=dataset,
        shots=shots,
        seed=seed,
        settings=checked,
        name=name or f"{method} · {dataset} · K={shots} · {seed}",
    )
    return Plan(
        spec,
        train,
        dev,
        pinned=_to_watch(dev if len(dev) else train),
        unlabelled=draw(texts, asked.unlabelled_used, seed) if asked.unlabelled_used else None,
    )


def plan_seeds(
    seeds: Sequence[int], *, settings: Mapping[str, Any], name: str = "", **asked: Any
) -> list[Plan]:
    """A plan for each of ``seeds``, which draws rows of its own; all else as `plan` has it."""
    return [
        plan(
            settings={**settings, "seed": seed},
            name=f"{name} · {seed}" if name else "",
            **asked,
        )
        for seed in seeds
    ]


def plan_learning_rate(*, settings: Mapping[str, Any], name: str = "", **asked: Any) -> Plan:
    """A plan of the run that looks for the learning rate of what `plan` would plan."""
    planned = plan(settings={**settings, "patience": 0, "keep_best": False}, **asked)
    name = name or f"learning rate · {planned.spec.name}"
    spec = planned.spec.model_copy(update={"kind": "learning-rate", "name": name})
    return replace(planned, spec=spec)


def _to_watch(table: "DataFrame") -> "DataFrame":
    """A few examples, of as many labels as can be."""
    import pandas as pd

    from playground.tasks.table import LABEL

    first_of_each = table.groupby(LABEL, sort=False).head(1)
    rest = table.drop(first_of_each.index)
    return pd.concat([first_of_each, rest]).head(PINNED).reset_index(drop=True)
