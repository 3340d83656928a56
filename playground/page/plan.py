"""Starting a run from the page, and what it would cost: all checked with the model at hand."""

from typing import Any

from playground.inference.client import InferenceProcess
from playground.page.engine import Engine
from playground.prompts import Template, Verbalizer
from playground.runs import plan


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
) -> str:
    """Starts a training run and returns its id.

    Raises TemplateError, VerbalizerError, DataError, SettingsError or ModelError, each before
    anything is started.
    """
    planned = plan(
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
    return engine.runs.start(planned.spec, **planned.tables)


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
