"""Every study of this installation: planning, starting, steering and following them."""

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from playground.errors import RunError
from playground.runs import Run, Runs
from playground.studies.grid import Cell, Point, runs_of_cells
from playground.studies.plan import StudyPlan, plan_cell, require_cells
from playground.studies.progress import Progress
from playground.studies.scheduler import Scheduler
from playground.studies.spec import StudySpec
from playground.studies.store import Study, StudyStore

if TYPE_CHECKING:
    from filelock import FileLock

EXTENDED = ("methods", "shots", "seeds", "templates", "models", "settings")
STOP_SECONDS = 20.0  # that a worker may take to stop, which loads a model first at worst
RETRIED = ("failed", "stopped", "interrupted")


class Studies:
    """The studies beside ``runs``, whose workers train their cells.

    A study goes on while some process that has called `warm` is there; a cell that was begun ends
    without one. Methods that take an id raise RunError: "studies.unknown" where there is no such
    study, and a sentence of their own where its state does not allow what was asked.
    """

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.store = StudyStore(runs.store)
        self.scheduler = Scheduler(self)

    def warm(self) -> None:
        """Trains the cells of every study that is running, from now on; see `Scheduler`."""
        self.scheduler.begin()

    def shutdown(self) -> None:
        """Begins no more cells. Those under way go on, the rest waits for the next ``warm``."""
        self.scheduler.end()

    # Steering

    def create(self, plan: StudyPlan) -> str:
        """Keeps a study, planned, and times a few steps of each method; returns its id."""
        study_id = self.store.create(plan.spec, plan.table)
        self._time(self.store.get(study_id))
        return study_id

    def start(self, study_id: str) -> None:
        """Begins a planned study, or goes on with a paused or cancelled one."""
        study = self.store.get(study_id)
        if not self.store.set_state(study_id, "running", "planned", "paused", "cancelled"):
            raise RunError(
                f"The study {study.label} is {study.state}: there is nothing to start.",
                code="studies.not_startable",
                study=study.label,
                state=study.state,
            )
        # one that is running may be about to stop: then it goes on when it has
        for run in self._cell_runs(study_id, "stopped", "interrupted", "running"):
            self.runs.resume(run.id)
        self.scheduler.nudge()

    def pause(self, study_id: str) -> None:
        """Halts a running study; cells under way stop and go on from there when it is resumed."""
        self._halt(study_id, "paused")

    def cancel(self, study_id: str) -> None:
        """Ends a study with what it has; it can still be started again, or extended."""
        self._halt(study_id, "cancelled")

    def _halt(self, study_id: str, state: Any) -> None:
        study = self.store.get(study_id)
        if not self.store.set_state(study_id, state, "planned", "running", "paused"):
            raise RunError(
                f"The study {study.label} is {study.state}: there is nothing to stop.",
                code="studies.not_running",
                study=study.label,
                state=study.state,
            )
        for run in self.store.runs_of(study_id):
            if run.alive:
                self.runs.stop(run.id)

    def extend(self, study_id: str, **changes: Any) -> int:
        """Adds methods, shots, seeds, templates or models; returns how many cells are new.

        ``changes``: by the name of a field of `StudySpec` what is added to it, such as
        ``seeds=[87, 100]``; ``settings`` of methods that are new. What is done stays. A study that
        has ended goes on. Raises what `plan_study` raises.
        """
        study = self.store.get(study_id)
        unknown = changes.keys() - set(EXTENDED)
        if unknown:
            raise TypeError(f"a study cannot be extended by {', '.join(sorted(unknown))}")
        told = study.spec.asked()
        for name, added in changes.items():
            joined = {**added, **told[name]} if name == "settings" else (*told[name], *added)
            told[name] = joined if name == "settings" else tuple(dict.fromkeys(joined))
        spec = StudySpec.checked(study.spec.read_verbalizer(), **told)
        require_cells(StudyPlan(spec, self.store.table(study_id)))
        self.store.set_spec(study_id, spec)
        self._time(self.store.get(study_id))
        self.store.set_state(study_id, "running", "finished", "cancelled")
        self.scheduler.nudge()
        return spec.cells - study.spec.cells

    def retry(self, study_id: str, run_id: str | None = None) -> int:
        """Tries the cells again that have failed or were stopped, or one of them; how many.

        A cell begins where its last checkpoint is. A study that has ended goes on.
        """
        chosen = [
            run for run in self._cell_runs(study_id, *RETRIED) if run_id is None or run.id == run_id
        ]
        for run in chosen:
            self.runs.resume(run.id)
        if chosen:
            self.store.set_state(study_id, "running", "finished", "cancelled", "paused")
            self.scheduler.nudge()
        return len(chosen)

    def delete(self, study_id: str) -> None:
        """Forgets a study; its runs are deleted so that they can be restored, see `History`."""
        study = self.store.get(study_id)
        if study.state in ("running", "paused"):
            raise RunError(
                f"The study {study.label} is {study.state}. Cancel it, then delete it.",
                code="studies.delete_running",
                study=study.label,
                state=study.state,
            )
        left = self.store.runs_of(study_id)
        for run in left:
            self.runs.stop(run.id)
        for run in left:
            self._delete_run(run.id)
        self.store.delete(study_id)

    def _delete_run(self, run_id: str) -> None:
        """Deletes a run that was told to stop; its worker may need a moment to do so."""
        until = time.monotonic() + STOP_SECONDS
        while True:
            try:
                return self.runs.delete(run_id)
            except RunError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.1)

    # Following

    def all(self) -> Sequence[Study]:
        """The newest first."""
        return self.store.all()

    def progress(self, study_id: str) -> Progress:
        """The study with all its cells, as they are now."""
        study = self.store.get(study_id)
        runs = self.runs_of(study_id)
        return Progress.of(self.store, study, runs, self.runs.executor.limit)

    def runs_of(self, study_id: str) -> Sequence[Run]:
        """The runs of its cells and its timings as they are now, oldest first."""
        return [self.runs.settled(run) for run in self.store.runs_of(study_id)]

    def wait(self, study_id: str, seconds: float | None = None) -> Progress:
        """Returns when the study has ended, or after so many ``seconds``; `warm` it first."""
        self.scheduler.wait(study_id, seconds)
        return self.progress(study_id)

    # What the scheduler asks for

    def lock(self, study_id: str) -> "FileLock | None":
        """The study's lock if no other process has it."""
        lock = self.store.lock(study_id)
        with contextlib.suppress(Timeout):
            lock.acquire()
            return lock
        return None

    def begin_cell(self, study: Study, cell: Cell, groups: dict[Point, str]) -> str:
        """Starts the training of a cell and returns its run; ``groups``: those of the points."""
        table = self.store.table(study.id)
        plan = plan_cell(study.spec, cell, table)
        group = groups.setdefault(cell.point, self.runs.store.new_group())
        spec = plan.spec.model_copy(update={"study": study.id, "group": group})
        run_id = self.runs.store.create(spec, {**plan.tables, "test": _test_rows(table)})
        self.runs.executor.start(run_id)
        return run_id

    def _time(self, study: Study) -> None:
        """Times a few steps of each method with each model that was not timed yet."""
        timed = {
            (run.spec.method, run.spec.model)
            for run in self.store.runs_of(study.id)
            if run.spec.kind == "timing"
        }
        spec = study.spec
        table = self.store.table(study.id)
        for model in spec.models:
            for method in spec.methods:
                if (method, model) in timed:
                    continue
                point = Point(method, spec.templates[0], model, max(spec.shots))
                plan = plan_cell(spec, Cell(point, spec.seeds[0]), table)
                asked = plan.spec.model_copy(
                    update={
                        "kind": "timing",
                        "study": study.id,
                        "name": f"timing · {plan.spec.name}",
                    }
                )
                tables = {**plan.tables, "test": _test_rows(table)}
                self.runs.executor.start(self.runs.store.create(asked, tables))

    def _cell_runs(self, study_id: str, *states: str) -> Sequence[Run]:
        study = self.store.get(study_id)
        runs = runs_of_cells(study.spec, self.store.runs_of(study_id)).values()
        return [run for run in runs if run is not None and run.state in states]


def _test_rows(table: Any) -> Any:
    from playground.tasks import evaluation_rows

    return evaluation_rows(table)[0]
