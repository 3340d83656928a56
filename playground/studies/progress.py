"""How a study stands: what each cell has come to, and what the rest will cost."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from playground.runs import Run
from playground.studies.grid import Cell, Point, runs_of_cells
from playground.studies.store import Study, StudyStore


@dataclass(frozen=True)
class CellProgress:
    """A cell and its ``run``, None before it has one.

    ``measured``: the event of the split "test", see `MeasuredTraining`, None before there is one.
    ``dev``: the last measure on the dev set. ``parameters``: how many numbers are learned.
    """

    cell: Cell
    run: Run | None = None
    measured: Mapping[str, Any] | None = None
    dev: Mapping[str, Any] | None = None
    parameters: int | None = None

    @property
    def state(self) -> str:
        """That of its run, or "waiting"."""
        return "waiting" if self.run is None else self.run.state

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it unless someone asks."""
        return self.run is not None and not self.run.alive

    @property
    def accuracy(self) -> float | None:
        return None if self.measured is None else self.measured["accuracy"]

    @property
    def gap(self) -> float | None:
        """How much better the rows learned from are known than the dev rows: overfitting."""
        if self.measured is None or self.dev is None:
            return None
        return float(self.measured["train_accuracy"] - self.dev["accuracy"])

    @property
    def forgetting(self) -> float | None:
        """How much worse the language model fills in words; 0 where its weights are as before."""
        if self.measured is None:
            return None
        before, after = self.measured["cloze_before"], self.measured["cloze_after"]
        return 0.0 if before is None or after is None else float(before - after)


@dataclass(frozen=True)
class Estimate:
    """What a study costs: seconds of all cells and of those left, bytes of disk for all.

    None of what has not been timed yet.
    """

    seconds: float | None
    seconds_left: float | None
    bytes: int | None


@dataclass(frozen=True)
class Progress:
    """A study with all its ``cells``, in the order of their training, as it was when read.

    ``timings``: by method and model the runs that time a few steps, and what they found.
    """

    study: Study
    cells: tuple[CellProgress, ...]
    timings: Mapping[tuple[str, str], tuple[Run, Mapping[str, Any] | None]]
    at_once: int

    @classmethod
    def of(cls, store: StudyStore, study: Study, runs: Sequence[Run], at_once: int) -> "Progress":
        """``runs``: those of the study as they are now. ``at_once``: how many can train."""
        tested = store.events_of(study.id, "test")
        watched = store.events_of(study.id, "dev")
        started = store.events_of(study.id, "start")
        timed = store.events_of(study.id, "timing")
        cells = []
        for cell, run in runs_of_cells(study.spec, runs).items():
            if run is None:
                cells.append(CellProgress(cell))
                continue
            begun = started.get(run.id)
            cells.append(
                CellProgress(
                    cell,
                    run,
                    tested.get(run.id),
                    watched.get(run.id),
                    None if begun is None else begun["parameters"],
                )
            )
        timings = {
            (run.spec.method, run.spec.model): (run, timed.get(run.id))
            for run in runs
            if run.spec.kind == "timing"
        }
        return cls(study, tuple(cells), timings, at_once)

    @property
    def points(self) -> dict[Point, list[CellProgress]]:
        """The cells of each point, in the order of the grid's lines and of the shots."""
        spec = self.study.spec
        found: dict[Point, list[CellProgress]] = {
            Point(method, template, model, shots): []
            for model in spec.models
            for template in spec.templates
            for method in spec.methods
            for shots in spec.shots
        }
        for progress in self.cells:
            found[progress.cell.point].append(progress)
        return found

    @property
    def lost(self) -> list[tuple[Cell, Run]]:
        """The cells that have failed or lost their worker, with the run that says why."""
        ended = ((progress.cell, progress.run) for progress in self.cells)
        return [
            (cell, run)
            for cell, run in ended
            if run is not None and run.state in ("failed", "interrupted")
        ]

    @property
    def counts(self) -> dict[str, int]:
        """How many cells are in each state."""
        states = [cell.state for cell in self.cells]
        return {state: states.count(state) for state in dict.fromkeys(states)}

    @property
    def estimate(self) -> Estimate:
        """By the cells of the same method and model that are done, else by the timed steps."""
        each = [self._seconds(progress) for progress in self.cells]
        left = [
            seconds * (1 - _share_done(progress))
            for progress, seconds in zip(self.cells, each, strict=True)
            if seconds is not None and progress.measured is None and progress.state != "failed"
        ]
        known = None not in each
        sizes = [self._bytes(progress) for progress in self.cells]
        return Estimate(
            sum(filter(None, each)) / self.at_once if known else None,
            sum(left) / self.at_once if known else None,
            round(sum(filter(None, sizes))) if None not in sizes else None,
        )

    def _seconds(self, progress: CellProgress) -> float | None:
        """A cell's training and measuring."""
        return self._of_like(progress, "cell_seconds")

    def _bytes(self, progress: CellProgress) -> float | None:
        """What a cell leaves on the disk."""
        return self._of_like(progress, "bytes")

    def _of_like(self, progress: CellProgress, figure: str) -> float | None:
        """The mean of the cells of the same method and model, or what the timing foresees."""
        point = progress.cell.point
        like = (point.method, point.model)
        if like not in self._done:
            return None
        return statistics.fmean(event[figure] for event in self._done[like])

    @cached_property
    def _done(self) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
        """By method and model what was measured, or else what was timed, if anything was."""
        found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for progress in self.cells:
            point = progress.cell.point
            if progress.measured is not None:
                found.setdefault((point.method, point.model), []).append(progress.measured)
        for like, (_, timed) in self.timings.items():
            if timed is not None:
                found.setdefault(like, [timed])
        return found


def _share_done(progress: CellProgress) -> float:
    run = progress.run
    return run.step / run.steps if run is not None and run.alive and run.steps else 0.0
