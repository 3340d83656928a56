"""Every run of this installation: starting, steering and following them, outside any request."""

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from playground.errors import RunError
from playground.runs.comparison_plan import ComparisonPlan
from playground.runs.executors import Executor, LocalExecutor
from playground.runs.folder import whole_folder
from playground.runs.group import Group, is_group
from playground.runs.history import DAYS_DELETED, Entry, Filter, History
from playground.runs.plan import Plan
from playground.runs.run import WORKING, Command, Run
from playground.runs.search_plan import SearchPlan
from playground.runs.spec import Kind, RunSpec
from playground.runs.store import Events, RunStore
from playground.settings import home_folder

if TYPE_CHECKING:
    from pandas import DataFrame

SETTLE_SECONDS = 1.0  # a run's worker is looked for at most this often
LOCK_SECONDS = 0.2  # enough to outwait someone who looks for a worker
GROUP_SPLITS = ("start", "train", "dev")  # of the events of a group: what its curves are made of
GROUP_EVENTS = 1000


class Runs:
    """The runs kept under one folder, ``home``: PLAYGROUND_HOME or the user's data folder.

    Safe for several threads; several processes may share a home. A run goes on when the process
    that started it ends. At most ``at_once`` run at a time on this machine, paused ones counted,
    unless an ``executor`` says otherwise. Methods that take an id raise RunError: "runs.unknown"
    where there is no such run, and a sentence of their own where its state does not allow what was
    asked. The id of a `Group` stands for all its runs, but in `get`.
    """

    def __init__(
        self,
        home: Path | str | None = None,
        executor: Executor | None = None,
        *,
        at_once: int = 1,
    ) -> None:
        self.store = RunStore(Path(home) if home is not None else home_folder())
        self.executor: Executor = executor or LocalExecutor(self.store, at_once)
        self.history = History(self.store)
        self._settled: dict[str, float] = {}  # id of a working run: when its worker was looked for
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Makes a worker ready, and takes over from an app now gone.

        The runs that it had started keep their workers and their places; those that it had left
        queued start in their turn. What was deleted long ago is purged.
        """
        self.history.purge(seconds=DAYS_DELETED * 24 * 3600)
        self.executor.warm()
        for run_id in self.store.ids("running", "paused"):
            self.executor.adopt(run_id)
        for run_id in self.store.ids("queued"):
            self.executor.start(run_id)

    def shutdown(self) -> None:
        """Lets go of the runs, which go on; queued ones wait for the next ``warm``."""
        self.executor.shutdown()

    # Steering

    def start(
        self,
        spec: RunSpec,
        train: "DataFrame",
        dev: "DataFrame",
        pinned: "DataFrame | None" = None,
        unlabelled: "DataFrame | None" = None,
    ) -> str:
        """Starts a run and returns its id.

        Rows have the template's columns and ``label``, the ``unlabelled`` no label.
        """
        further = {"pinned": pinned, "unlabelled": unlabelled}
        told = {name: rows for name, rows in further.items() if rows is not None}
        return self._start(spec, {"train": train, "dev": dev, **told})

    def start_group(self, plans: Sequence[Plan]) -> str:
        """Starts a run for each of ``plans``, see `plan_seeds`; returns the id of their group."""
        group_id = self.store.new_group()
        made = [
            self.store.create(plan.spec.model_copy(update={"group": group_id}), plan.tables)
            for plan in plans
        ]
        for run_id in made:
            self.executor.start(run_id)
        return group_id

    def start_comparison(self, plan: ComparisonPlan) -> str:
        """Starts a run that compares prompts, as `plan_comparison` has planned it; its id."""
        return self._start(plan.spec, {"rows": plan.rows, "train": plan.train})

    def start_search(self, plan: SearchPlan) -> str:
        """Starts a run that searches words, as `plan_search` has planned it; its id."""
        return self._start(plan.spec, {"train": plan.train, "dev": plan.dev})

    def _start(self, spec: RunSpec, tables: "Mapping[str, DataFrame]") -> str:
        run_id = self.store.create(spec, tables)
        self.executor.start(run_id)
        return run_id

    def pause(self, run_id: str) -> None:
        """Halts a run between two steps; its process stays, and so does its place."""
        self._order(run_id, "pause")

    def step(self, run_id: str) -> None:
        """Makes exactly one step of training, then pauses."""
        self._order(run_id, "step")

    def resume(self, run_id: str) -> None:
        """Goes on with a paused run, or with one that ended early from its last checkpoint."""
        left = [run for run in self._members(run_id) if run.state != "finished"]
        if not left:
            label = self.standing(run_id).label
            raise RunError(
                f"The run {label} is finished, so there is nothing to resume. To train longer, "
                "start a new run with more steps.",
                code="runs.finished",
                run=label,
            )
        for run in left:
            self.store.order(run.id, "run")
            if run.state not in WORKING:
                self.executor.start(run.id)

    def stop(self, run_id: str) -> None:
        """Ends a run; what it has come to so far is kept. No matter if it has ended."""
        alive = [run for run in self._members(run_id) if run.alive]
        for run in alive:  # all are ordered before any makes place for another
            self.store.order(run.id, "stop")
        for run in alive:
            if run.state == "queued":  # no worker may ever read that order
                with contextlib.suppress(Timeout), self.store.folder(run.id).lock(LOCK_SECONDS):
                    if self.store.get(run.id).state == "queued":
                        self.store.set_state(run.id, "stopped")

    def delete(self, run_id: str) -> None:
        """Hides a run with all it has left, until it is restored or purged, see `History`."""
        members = self._members(run_id)
        for run in members:
            if run.state in WORKING:
                raise _at_work(run)
        for run in members:
            try:
                with self.store.folder(run.id).lock(LOCK_SECONDS):
                    if self.store.get(run.id).state == "queued":  # once restored, it waits no more
                        self.store.set_state(run.id, "stopped")
                    self.history.hide(run.id)
            except Timeout:  # a worker took it just now
                raise _at_work(run) from None

    # Following

    def get(self, run_id: str) -> Run:
        """The run as it is now: one whose worker is gone has become "interrupted"."""
        return self.settled(self.store.get(run_id))

    def settled(self, run: Run) -> Run:
        """A run that was just read, as it is now: see `get`."""
        now = time.monotonic()
        with self._lock:
            if run.state not in WORKING:
                self._settled.pop(run.id, None)
                return run
            if now - self._settled.get(run.id, -SETTLE_SECONDS) < SETTLE_SECONDS:
                return run
            self._settled[run.id] = now
        return self.store.settle(run.id)

    def group(self, group_id: str) -> Group:
        """The runs of a group, and how they stand together."""
        members = tuple(self._members(group_id))
        return Group(group_id, members, tuple(self.store.measured(run.id) for run in members))

    def standing(self, run_id: str) -> Run | Group:
        """A run, or a group."""
        return self.group(run_id) if is_group(run_id) else self.get(run_id)

    def best(self, run_id: str) -> str:
        """The run whose prompt is meant: of a group the best on dev that has left one, if any."""
        if not is_group(run_id):
            return run_id
        ranked = self.group(run_id).ranked
        left = (each for each in ranked if whole_folder(self.store.folder(each).prompt))
        return next(left, ranked[0])

    def list(
        self,
        limit: int = 100,
        before: str | None = None,
        kind: Kind | None = None,
        *,
        studies: bool = True,
    ) -> Sequence[Run]:
        """The newest runs first, of one kind or of all; ``before``: the last one already seen.

        Those that belong to studies are left out on request.
        """
        found = self.store.list(limit, before, kind, studies=studies)
        return [self.settled(run) for run in found]

    def search(
        self, wanted: Filter | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Entry]:
        """What `History.search` finds, as it is now."""
        for run_id in self.store.ids(*WORKING):
            self.get(run_id)  # one whose worker is gone has become "interrupted"
        return self.history.search(wanted, before, limit)

    def events(self, run_id: str, after: int = 0) -> dict[str, Any]:
        """How a run stands, and at most a thousand events of it after the cursor.

        The state is read before the events: a run that has ended and has no further event here
        has been seen whole. Of a group there are the events that make curves, each with its
        "run", and how the "members" stand; the reason is that of the first that has one. Of a run
        there is the "node" of a cluster that it is on, if it is.
        """
        standing = self.standing(run_id)
        if isinstance(standing, Group):
            told = next((run for run in standing.runs if run.reason), standing.runs[0])
            more: dict[str, Any] = {"members": standing.members()}
            events = self._events_of(standing.runs, after)
        else:
            told, more = standing, {"node": standing.node}
            events = self.store.events(run_id, after)
        return {
            "state": standing.state,
            "reason": told.reason,
            "code": told.code,
            "details": told.details,
            "step": standing.step,
            "steps": standing.steps,
            **more,
            "events": events,
            "cursor": events[-1]["id"] if events else after,
        }

    def prompt_folder(self, run_id: str) -> Path | None:
        """Where the prompt lies that the run has left, or None while there is none.

        Of a group that of its `best`.
        """
        return whole_folder(self.store.folder(self.store.get(self.best(run_id)).id).prompt)

    def comparison_folder(self, run_id: str) -> Path | None:
        """Where lies what a comparison has found, or None while there is nothing."""
        self.store.get(run_id)
        return whole_folder(self.store.folder(run_id).comparison)

    def search_folder(self, run_id: str) -> Path | None:
        """Where lies what a search has found, or None while there is nothing."""
        self.store.get(run_id)
        return whole_folder(self.store.folder(run_id).search)

    def _members(self, run_id: str) -> Sequence[Run]:
        """The run of that id, or the runs of a group, as they are now."""
        found = self.store.group(run_id) if is_group(run_id) else [self.store.get(run_id)]
        return [self.settled(run) for run in found]

    def _events_of(self, members: Sequence[Run], after: int) -> Events:
        """The next events of several runs in the order of their telling."""
        told = [
            {**event, "run": run.id}
            for run in members
            for event in self.store.events(run.id, after, splits=GROUP_SPLITS)
        ]
        return sorted(told, key=lambda event: event["id"])[:GROUP_EVENTS]

    def _order(self, run_id: str, command: Command) -> None:
        alive = [run for run in self._members(run_id) if run.alive]
        if not alive:
            standing = self.standing(run_id)
            raise RunError(
                f"The run {standing.label} is {standing.state}: it cannot {command}. Resume it "
                "first, or start a new one.",
                code="runs.not_running",
                run=standing.label,
                state=standing.state,
                command=command,
            )
        for run in alive:
            self.store.order(run.id, command)


def _at_work(run: Run) -> RunError:
    return RunError(
        f"The run {run.label} is still {run.state}. Stop it, then delete it.",
        code="runs.delete_running",
        run=run.label,
        state=run.state,
    )
