"""Starting a run from the page, and what it would cost: all checked with the model at hand."""

from typing import Any

from playground.inference.client import InferenceProcess
from playground.methods.registry import method as find
from playground.methods.seeds import chosen_seeds
from playground.page.engine import Engine
from playground.prompts import Template, Verbalizer
from playground.runs import plan_learning_rate, plan_seeds


def start_run(engine: Engine, *, task: str, shots: int, seeds: int = 1, **asked: Any) -> str:
    """Starts a training run and returns its id; with several ``seeds`` that of their group.

    ``asked`` is what `cost` takes. Raises TemplateError, VerbalizerError, DataError, SettingsError
    or ModelError, each before anything is started.
    """
    first = find(asked["method"]).settings.checked(asked["settings"]).seed
    planned = plan_seeds(chosen_seeds(seeds, first), **_rows(engine, task, shots), **asked)
    cost(engine.inference, **asked)
    if seeds > 1:
        return engine.runs.start_group(planned)
    (single,) = planned
    return engine.runs.start(single.spec, **single.tables)


def find_learning_rate(engine: Engine, *, task: str, shots: int, **asked: Any) -> str:
    """Starts a run that looks for the learning rate of what `start_run` would train; its id.

    Raises as `start_run` does.
    """
    planned = plan_learning_rate(**_rows(engine, task, shots), **asked)
    cost(engine.inference, **asked)
    return engine.runs.start(planned.spec, **planned.tables)


def _rows(engine: Engine, task: str, shots: int) -> dict[str, Any]:
    """What a plan is told of the rows to draw."""
    return {"table": engine.table(task), "dataset": task, "shots": shots}


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
