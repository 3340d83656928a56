"""Starting a run from the page, and what it would cost: all checked with the model at hand."""

from typing import Any

from playground.inference.client import InferenceProcess
from playground.methods.registry import method as find
from playground.methods.seeds import chosen_seeds
from playground.page.engine import Engine
from playground.prompts import Template, Verbalizer
from playground.runs import plan_seeds


def start_run(
    engine: Engine,
    *,
    method: str,
    model: str,
    task: str,
    template: Template,
    verbalizer: Verbalizer,
    shots: int,
    settings: dict[str, Any],
    seeds: int = 1,
) -> str:
    """Starts a training run and returns its id; with several ``seeds`` that of their group.

    Raises TemplateError, VerbalizerError, DataError, SettingsError or ModelError, each before
    anything is started.
    """
    first = find(method).settings.checked(settings).seed
    planned = plan_seeds(
        chosen_seeds(seeds, first),
        method=method,
        model=model,
        template=template,
        verbalizer=verbalizer,
        table=engine.table(task),
        dataset=task,
        shots=shots,
        settings=settings,
    )
    cost(
        engine.inference,
        method=method,
        model=model,
        template=template,
        verbalizer=verbalizer,
        settings=settings,
    )
    if seeds > 1:
        return engine.runs.start_group(planned)
    (single,) = planned
    return engine.runs.start(single.spec, **single.tables)


def cost(
    inference: InferenceProcess,
    *,
    method: str,
    model: str,
    template: Template,
    verbalizer: Verbalizer,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """What a training would learn and leave behind, without starting it.

    ``template``: with its soft slots; ``trainable`` and ``total``: numbers of parameters;
    ``bytes``: size of the saved prompt. Raises what the training's start would raise.
    """
    found: dict[str, Any] = inference.ask(
        "cost",
        method=method,
        model=model,
        template=str(template),
        truncation=template.truncation,
        verbalizer=verbalizer.to_json(),
        settings=settings,
    )
    return found
