"""Measures every method on the K = 16 splits of SST-2, AG News and TREC and writes the page.

What is measured lies in a JSON file beside the page, so that an interrupted command goes on where
it was and a new method is measured alone.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path

import torch

import playground as pg
from playground.models import LanguageModel
from playground.models.pretraining.benchmarks import SEEDS, Benchmark, read_benchmark
from tests.benchmarks.results.cells import Cell, measure, origin
from tests.benchmarks.results.page import page
from tests.benchmarks.results.ways import TASKS, WAYS, Task, Trial, Way

HERE = Path(__file__).parent
CELLS, PAGE = HERE / "cells.json", HERE.with_name("results.md")
TEST_ROWS = 1000  # of a set at most, spread evenly


class Cells:
    """What has been measured, by what it was; every new one is written at once.

    Those of another model or other prompts than today's count as not measured; `earlier` has them.
    """

    def __init__(self, file: Path, origins: Mapping[str, str]) -> None:
        self._file = file
        self._origins = origins  # by the name of the set
        self._today = True
        found = json.loads(file.read_text("utf-8")) if file.exists() else {}
        self._cells = {key: Cell(**cell) for key, cell in found.items()}

    @property
    def earlier(self) -> "Cells":
        """Those that were measured before the model or a prompt changed, and not since."""
        view = copy(self)
        view._today = False
        return view

    def get(self, task: Task, way: Way, seed: int, trial: Trial | None) -> Cell | None:
        cell = self._cells.get(_key(task, way, seed, trial))
        if cell is None or (cell.origin == self._origins[task.name]) != self._today:
            return None
        return cell

    def put(self, task: Task, way: Way, seed: int, trial: Trial | None, cell: Cell) -> None:
        self._cells[_key(task, way, seed, trial)] = replace(cell, origin=self._origins[task.name])
        told = {key: asdict(cell) for key, cell in sorted(self._cells.items())}
        self._file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")

    def best_trial(self, task: Task, way: Way) -> Trial | None:
        """The one that is best on the dev split of the first seed; between equals the shorter.

        A slow method takes for every set what is best on the first one.
        """
        judge = TASKS[0] if way.slow else task
        measured = {trial: self.get(judge, way, SEEDS[0], trial) for trial in way.trials}
        there = {trial: cell.dev for trial, cell in measured.items() if cell is not None}
        return max(there, key=there.__getitem__) if there else None

    def row(self, task: Task, way: Way) -> list[Cell]:
        """The cells of all seeds, or as many as there are."""
        trial = self.best_trial(task, way)
        found = (self.get(task, way, seed, trial) for seed in SEEDS)
        return [cell for cell in found if cell is not None]


def _key(task: Task, way: Way, seed: int, trial: Trial | None) -> str:
    return f"{task.name} | {way.name} | {seed}" + (
        "" if trial is None else f" | {trial.rate:g} | {trial.batches}"
    )


def measured(
    model: LanguageModel, cells: Cells, task: Task, way: Way, rows: Benchmark
) -> Iterator[Cell]:
    """Measures what is missing of a method on a set: every trial, where there is something to
    choose, then each seed.
    """
    if task is TASKS[0] or not way.slow:
        for trial in way.trials:
            yield from _measured(model, cells, task, way, rows, SEEDS[0], trial)
    for seed in SEEDS:
        yield from _measured(model, cells, task, way, rows, seed, cells.best_trial(task, way))


def _measured(
    model: LanguageModel,
    cells: Cells,
    task: Task,
    way: Way,
    rows: Benchmark,
    seed: int,
    trial: Trial | None,
) -> Iterator[Cell]:
    if cells.get(task, way, seed, trial) is None:
        cell = measure(model, way, task, rows, seed, trial)
        cells.put(task, way, seed, trial, cell)
        print(_key(task, way, seed, trial), cell, flush=True)
        yield cell


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.results", description=__doc__)
    parser.add_argument("--benchmarks", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", default=",".join(task.name for task in TASKS), metavar="SET,…")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = pg.load_model("pocket-bert")
    cells = Cells(CELLS, {task.name: origin(task, model) for task in TASKS})
    chosen = [task for task in TASKS if task.name in given.sets.split(",")]
    rows = {
        task.name: read_benchmark(given.benchmarks, task.name, rows=TEST_ROWS) for task in chosen
    }
    for way in sorted(WAYS, key=lambda way: way.slow):
        for task in chosen:
            for _ in measured(model, cells, task, way, rows[task.name]):
                PAGE.write_text(page(model, cells), "utf-8")
    PAGE.write_text(page(model, cells), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
