"""The page: one table a set, a row a method."""

from statistics import mean, median, stdev
from typing import Protocol

from playground.models import LanguageModel
from playground.models.pretraining.benchmarks import SEEDS
from tests.benchmarks.results.cells import Cell
from tests.benchmarks.results.ways import FEW, LOOKS, MANY, TASKS, WAYS, Task, Trial, Way


class Cells(Protocol):
    """What has been measured."""

    def row(self, task: Task, way: Way) -> list[Cell]: ...
    def best_trial(self, task: Task, way: Way) -> Trial | None: ...


def page(model: LanguageModel, cells: Cells) -> str:
    """Markdown. A method that was not measured on all seeds says on how many."""
    slow = " and ".join(way.name for way in WAYS if way.slow and way.rates)
    lines = [
        "# What every method makes of sixteen examples a label",
        "",
        "Written by `python -m tests.benchmarks.results --benchmarks FOLDER`: "
        f"{model.name} ({model.parameters:,} parameters) on the K = 16 splits of Gao et al. 2021 "
        f"(LM-BFF), seeds {', '.join(map(str, SEEDS))}; percent right on at most a thousand test "
        "rows, mean ± standard deviation over the seeds. A training of batches of 16 looks "
        f"{LOOKS} times at the dev split, which is as large as the training split, and keeps what "
        "was best. The step size, one of three, and for methods that leave the model frozen the "
        f"number of batches, {FEW} or {MANY}, are those that are best on the dev split of the "
        f"first seed (for {slow}: of {TASKS[0].title}'s). Seconds are those of the processor, on "
        "one thread, in the median; they include the looks at the dev split.",
    ]
    for task in TASKS:
        lines += [
            "",
            f"## {task.title}",
            "",
            f"`{task.template}`, or with soft slots `{task.soft}`.",
            "",
            "| method | right | trained numbers | step size | batches | seconds |",
            "|---|---|---|---|---|---|",
            *(_row(cells, task, way) for way in WAYS),
        ]
    return "\n".join(lines) + "\n"


def _row(cells: Cells, task: Task, way: Way) -> str:
    row = cells.row(task, way)
    if not row:
        return f"| {way.name} | not measured | | | | |"
    right = [100 * cell.test for cell in row]
    spread = f" ± {stdev(right):.1f}" if len(right) > 1 else ""
    missing = "" if len(row) == len(SEEDS) else f" ({len(row)} seeds)"
    trial = cells.best_trial(task, way)
    columns = (
        way.name,
        f"{mean(right):.1f}{spread}{missing}",
        f"{row[0].trained:,}",
        "" if trial is None else f"{trial.rate:g}",
        "" if trial is None else f"{trial.batches}",
        f"{median(cell.seconds for cell in row):.1f}",
    )
    return f"| {' | '.join(columns)} |"
