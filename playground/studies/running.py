"""A study in one call."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playground.prompts import Template, Verbalizer
from playground.runs import Runs
from playground.settings import DEFAULT_MODEL
from playground.studies.plan import plan_study
from playground.studies.progress import Progress
from playground.studies.studies import Studies

if TYPE_CHECKING:
    from pandas import DataFrame

LOOK_SECONDS = 0.5  # between two calls of ``on_progress``


def run_study(
    table: "DataFrame",
    templates: "Template | str | list[Template | str]",
    verbalizer: Verbalizer,
    *,
    dataset: str = "table",
    models: tuple[str, ...] = (DEFAULT_MODEL,),
    runs: Runs | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    **grid: Any,
) -> Progress:
    """Trains and measures every cell of a grid in worker processes, and returns what they came to.

    ``grid``: ``methods``, ``shots``, ``seeds``, ``settings`` by method, and what else `StudySpec`
    has. The study and its runs are kept under the home of ``runs``, by default where the page and
    the command line find them too; ``dataset`` is the name to show. See `cells_table` and
    `points_table` for the figures. An interrupt pauses the study. Raises as `plan_study`.
    """
    written = templates if isinstance(templates, list) else [templates]
    planned = plan_study(
        table=table,
        templates=[str(template) for template in written],
        verbalizer=verbalizer,
        dataset=dataset,
        models=models,
        **grid,
    )
    studies = Studies(runs or Runs())
    studies.warm()
    study_id = studies.create(planned)
    studies.start(study_id)
    try:
        while (progress := studies.wait(study_id, LOOK_SECONDS)).study.state == "running":
            if on_progress is not None:
                on_progress(progress)
    except KeyboardInterrupt:
        studies.pause(study_id)
        raise
    finally:
        studies.shutdown()
        if runs is None:
            studies.runs.shutdown()
    return progress
