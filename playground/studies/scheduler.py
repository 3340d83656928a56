"""What trains the cells of studies one after the other, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from filelock import FileLock

from playground.errors import RunError
from playground.runs import Run
from playground.studies.grid import runs_of_cells
from playground.studies.store import Study

if TYPE_CHECKING:
    from playground.studies.studies import Studies

LOOK_SECONDS = 0.5  # between two looks at the studies
AHEAD = 1  # cells that are queued beyond those that can run, so that no worker waits
ATTEMPTS = 3  # of a cell whose worker was lost, before it is left as interrupted

log = logging.getLogger(__name__)


class Scheduler:
    """Hands the cells of running studies to the executor, a few ahead, in the order of the grid.

    So a run that a person starts meanwhile waits for two cells, not for a whole study. Of several
    processes the one that holds a study's lock does so; when it ends, another takes over. A cell
    whose worker was lost is tried again.
    """

    def __init__(self, studies: "Studies") -> None:
        self.studies = studies
        self._locks: dict[str, FileLock] = {}
        self._attempts: dict[str, int] = {}  # by the run's id
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._nudged = threading.Event()
        self._begun = threading.Lock()

    def begin(self) -> None:
        """Starts the thread. No matter if it runs."""
        with self._begun:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep_going, daemon=True)
                self._thread.start()

    def end(self) -> None:
        self._ending.set()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join()
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    def nudge(self) -> None:
        """Looks at the studies at once: something has changed."""
        self._nudged.set()

    def wait(self, study_id: str, seconds: float | None = None) -> None:
        """Returns when the study is not running, or after so many ``seconds``."""
        until = None if seconds is None else time.monotonic() + seconds
        while self.studies.store.get(study_id).state == "running":
            if until is not None and time.monotonic() >= until:
                return
            time.sleep(LOOK_SECONDS / 5)

    def _keep_going(self) -> None:
        while not self._ending.is_set():
            self.look()
            self._nudged.wait(LOOK_SECONDS)
            self._nudged.clear()

    def look(self) -> None:
        """Begins what there is room for; lets go of studies that have ended."""
        running = self.studies.store.all("running")
        for study_id in self._locks.keys() - {study.id for study in running}:
            self._locks.pop(study_id).release()
        for study in reversed(running):  # the oldest first
            try:
                self._advance(study)
            except RunError:  # deleted meanwhile
                log.exception("a study could not go on")

    def _advance(self, study: Study) -> None:
        studies = self.studies
        if study.id not in self._locks:
            lock = studies.lock(study.id)
            if lock is None:
                return
            self._locks[study.id] = lock
            self._take_over(study)
        cells = runs_of_cells(study.spec, studies.runs_of(study.id))
        runs = {cell: run for cell, run in cells.items() if run is not None}
        if self._resume_lost(runs.values()):
            return
        alive = sum(run.alive for run in runs.values())
        waiting = [cell for cell, run in cells.items() if run is None]
        room = studies.runs.executor.limit + AHEAD - alive
        groups = {cell.point: run.spec.group for cell, run in runs.items()}
        begun = [studies.begin_cell(study, cell, groups) for cell in waiting[: max(0, room)]]
        if studies.store.get(study.id).state != "running":  # it was paused just now
            for run_id in begun:
                studies.runs.stop(run_id)
        elif not waiting and not alive:
            studies.store.set_state(study.id, "finished", "running")

    def _resume_lost(self, runs: Iterable[Run]) -> bool:
        """Tries the cells again whose worker was lost; says whether there was one.

        So is a cell that was about to stop when the study was resumed: its order is to run.
        """
        lost = []
        for run in runs:
            if run.state == "interrupted":
                attempts = self._attempts.get(run.id, 1)
                if attempts < ATTEMPTS:
                    self._attempts[run.id] = attempts + 1
                    lost.append(run.id)
            elif run.state == "stopped" and self._is_to_run(run.id):
                lost.append(run.id)
        for run_id in lost:
            self.studies.runs.resume(run_id)
        return bool(lost)

    def _is_to_run(self, run_id: str) -> bool:
        return self.studies.runs.store.read_order(run_id) == "run"

    def _take_over(self, study: Study) -> None:
        """Starts what a process now gone had queued."""
        for run in self.studies.store.runs_of(study.id):
            if run.state == "queued":
                self.studies.runs.executor.start(run.id)
            elif run.alive:
                self.studies.runs.executor.adopt(run.id)
