"""Starting a run from the page, and what it would cost: all checked with the model at hand."""

from typing import TYPE_CHECKING, Any

from playground.page.engine import Engine
from playground.prompts import Template, Verbalizer
from playground.runs import plan

if TYPE_CHECKING:
    from playground.methods.training import Learner


def start_run(
    engine: Engine,
    *,
    method: str,
    model: str,
    task: str,
    template: str,
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
        template=Template(template),
        verbalizer=verbalizer,
        table=engine.table(task),
        dataset=task,
        shots=shots,
        settings=settings,
    )
    _learner(engine, method, model, template, verbalizer, settings)
    return engine.runs.start(planned.spec, planned.train, planned.dev, planned.pinned)


def cost(
    engine: Engine,
    *,
    method: str,
    model: str,
    template: str,
    verbalizer: Verbalizer,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """What a training would learn and leave behind, without starting it.

    ``template``: with its soft slots; ``trainable`` and ``total``: numbers of parameters;
    ``bytes``: size of the saved prompt.
    """
    learner = _learner(engine, method, model, template, verbalizer, settings)
    total = learner.base_model.parameters
    vectors = learner.soft_vectors()
    kept = 0 if vectors is None else vectors.numel()
    if learner.network is not None:
        kept += total
    return {
        "template": str(learner.template),
        "trainable": learner.trainable(),
        "total": total,
        "bytes": 4 * kept,
    }


def _learner(
    engine: Engine,
    method: str,
    model: str,
    template: str,
    verbalizer: Verbalizer,
    settings: dict[str, Any],
) -> "Learner":
    from playground.methods import method as find

    chosen = find(method)
    checked = chosen.settings.checked(settings)
    return chosen.learner(engine.model(model), Template(template), verbalizer, checked)
