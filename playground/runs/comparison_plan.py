"""From the prompts that a person wants compared to a run that can start, all checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.prompts import Template, Verbalizer
from playground.runs.spec import RunSpec

if TYPE_CHECKING:
    from pandas import DataFrame

    from playground.methods.comparison_settings import CalibrationKind

TRAIN_SHOTS = 64  # rows a label are enough to show and to calibrate on


@dataclass(frozen=True)
class ComparisonPlan:
    """What `Runs.start_comparison` takes: the rows to compare on, and those that help a prompt."""

    spec: RunSpec
    rows: "DataFrame"
    train: "DataFrame"


def plan_comparison(
    *,
    model: str,
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    table: "DataFrame",
    dataset: str,
    examples: int | None = None,
    demonstrations: int = 0,
    calibration: "CalibrationKind" = "none",
    seed: int = 13,
    name: str = "",
) -> ComparisonPlan:
    """Checks prompts, fields and labels, and says which rows of ``table`` are for what.

    With a column ``split`` the rows to compare on are its test rows (or else its dev rows, or
    all), and those for demonstrations and calibration its train rows. Without one all rows are
    compared on, and demonstrations are drawn from them. ``examples`` limits the rows to compare
    on, drawn by ``seed``. ``dataset`` is the name to show. Whether the model knows the words is
    not asked here. Raises what `check_comparison` does.
    """
    from playground.methods.comparison_check import check_comparison
    from playground.tasks import draw, draw_each, evaluation_rows

    rows, train = evaluation_rows(table)
    if demonstrations and train.empty:
        train = rows
    settings = check_comparison(
        templates,
        verbalizers,
        table,  # so that a row in an error is one of the table's
        train,
        demonstrations=demonstrations,
        calibration=calibration,
        seed=seed,
    )
    if len(train):
        train = draw_each(train, TRAIN_SHOTS, seed)
    if examples is not None:
        rows = draw(rows, examples, seed)
    spec = RunSpec.of_prompt(
        templates[0],
        verbalizers[0],
        kind="comparison",
        method="comparison",
        model=model,
        dataset=dataset,
        seed=seed,
        settings=settings.model_dump(mode="json", exclude={"seed"}),
        name=name or f"{len(templates)} × {len(verbalizers)} · {dataset} · {seed}",
    )
    return ComparisonPlan(spec, rows, train)
