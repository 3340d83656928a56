"""From a search that a person asked for to a run that can start: its spec and its rows, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.prompts import Template, Verbalizer
from playground.runs.spec import RunSpec

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class SearchPlan:
    """What `Runs.start_search` takes: the rows to search by, and those to measure on."""

    spec: RunSpec
    train: "DataFrame"
    dev: "DataFrame"


def plan_search(
    *,
    method: str,
    model: str,
    template: Template,
    verbalizer: Verbalizer,
    table: "DataFrame",
    dataset: str,
    shots: int,
    settings: Mapping[str, Any],
    name: str = "",
) -> SearchPlan:
    """Checks settings, prompt, fields and labels, and draws ``shots`` rows a label of ``table``.

    ``settings`` are the search's, by name; what is left out has its default. Their seed draws the
    rows too. ``dataset`` is the name to show. Whether the model knows the words is not asked here.
    Raises SettingsError, TemplateError or DataError.
    """
    from playground.methods.search_check import refuse_soft_slots
    from playground.methods.searches import search_method
    from playground.tasks import few_shot, require_labels

    found = search_method(method)
    checked = found.settings.checked(dict(settings)).model_dump(mode="json")
    seed = checked.pop("seed")
    refuse_soft_slots(template)
    template.check_fields([str(column) for column in table.columns])
    require_labels(table, verbalizer.labels)
    train, dev = few_shot(table, shots, seed)
    spec = RunSpec.of_prompt(
        template,
        verbalizer,
        kind="search",
        method=method,
        model=model,
        dataset=dataset,
        shots=shots,
        seed=seed,
        settings=checked,
        name=name or f"{method} · {dataset} · K={shots} · {seed}",
    )
    return SearchPlan(spec, train, dev)
