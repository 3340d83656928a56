"""The memory of all runs: rows of the database, and one folder a run."""

import json
import math
import re
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from playground.errors import RunError
from playground.runs.database import Database, places
from playground.runs.folder import RunFolder
from playground.runs.run import WORKING, Command, Run, State
from playground.runs.spec import Kind, RunSpec

if TYPE_CHECKING:
    from pandas import DataFrame

Events = list[dict[str, Any]]

# Crockford's base 32: sorts as it counts, and no letter in it looks like a digit.
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
RUN_ID = re.compile(f"[{DIGITS}]{{12}}")
GROUP = "group-"  # what the id of a group begins with, so that it is told from a run's


class RunStore:
    """Runs and their events under one folder. Safe for several threads and several processes.

    Every method raises RunError ("runs.unknown") for an id that is not there; to those that read
    runs a deleted one that may still be restored, see `History`, is not there.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()  # workers are told of it
        (home / "runs").mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._last_time = 0
        self.database = Database(self.home)

    def close(self) -> None:
        self.database.close()

    # Runs

    def create(self, spec: RunSpec, tables: Mapping[str, "DataFrame"] | None = None) -> str:
        """Keeps a new run, queued, and returns its id: twelve characters that sort by time.

        The run is seen by others only when its folder holds ``tables`` (name to rows).
        """
        begun = Run("", datetime.now(UTC).isoformat(timespec="seconds"), spec, "queued")

        def fill(folder: RunFolder) -> None:
            for name, rows in (tables or {}).items():
                folder.write_table(name, rows)

        return self.keep(begun, fill)

    def keep(
        self,
        run: Run,
        fill: Callable[[RunFolder], object],
        events: Iterable[Mapping[str, Any]] = (),
    ) -> str:
        """Keeps ``run`` as it stands, with ``events``, under a new id, which is returned.

        It is seen by others only when ``fill`` has filled its folder. At an error nothing is kept.
        """
        run_id = self.new_id()
        folder = self.folder(run_id)
        folder.path.mkdir()
        told = (run.state, run.reason, run.code, _json(run.details), run.step, run.steps)
        try:
            fill(folder)
            with self.database.transaction() as connection:
                connection.execute(
                    "INSERT INTO runs (id, created, spec, state, reason, code, details, step, "
                    "steps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (run_id, run.created, run.spec.model_dump_json(), *told),
                )
                connection.executemany(_NEW_EVENT, (_event(run_id, event) for event in events))
        except BaseException:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        return run_id

    def get(self, run_id: str) -> Run:
        rows = self.database.read(f"SELECT {COLUMNS} FROM kept WHERE id = ?", (_checked(run_id),))
        if not rows:
            raise unknown_run(run_id)
        return read_run(rows[0])

    def list(
        self,
        limit: int = 100,
        before: str | None = None,
        kind: Kind | None = None,
        *,
        studies: bool = True,
    ) -> Sequence[Run]:
        """The newest runs first; ``before`` is the id of the last one already seen.

        Only those of ``kind``, if that is given; without ``studies`` none that belongs to one.
        """
        # specs that were kept before there were kinds are of trainings
        rows = self.database.read(
            f"SELECT {COLUMNS} FROM kept WHERE (:before IS NULL OR id < :before) AND (:kind IS "
            "NULL OR coalesce(json_extract(spec, '$.kind'), 'training') = :kind) AND (:studies OR "
            "coalesce(json_extract(spec, '$.study'), '') = '') "
            "ORDER BY id DESC LIMIT :limit",
            {"before": before, "kind": kind, "limit": limit, "studies": studies},
        )
        return [read_run(row) for row in rows]

    def ids(self, *states: State) -> Sequence[str]:
        """The ids of the runs in one of ``states``, oldest first."""
        rows = self.database.read(
            f"SELECT id FROM kept WHERE state IN ({places(states)}) ORDER BY id", states
        )
        return [run_id for (run_id,) in rows]

    def new_group(self) -> str:
        """An id for runs that are about to be made together."""
        return GROUP + self.new_id()

    def group(self, group_id: str) -> Sequence[Run]:
        """The runs of a group in the order of their making."""
        rows = self.database.read(
            f"SELECT {COLUMNS} FROM kept WHERE json_extract(spec, '$.group') = ? ORDER BY id",
            (group_id,),
        )
        if not rows:
            raise unknown_run(group_id)
        return [read_run(row) for row in rows]

    def delete(self, run_id: str) -> None:
        """Forgets a run, its events and its folder."""
        self._change(run_id, "DELETE FROM runs WHERE id = ?", ())
        shutil.rmtree(self.folder(run_id).path, ignore_errors=True)

    def folder(self, run_id: str) -> RunFolder:
        return RunFolder(self.home / "runs" / _checked(run_id))

    # State

    def set_state(
        self,
        run_id: str,
        state: State,
        reason: str = "",
        *,
        code: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        self._change(
            run_id,
            "UPDATE runs SET state = ?, reason = ?, code = ?, details = ? WHERE id = ?",
            (state, reason, code, _json(details or {})),
        )

    def queue(self, run_id: str) -> bool:
        """Queues a run that has no worker and is not finished; says whether it is queued now."""
        return self.database.write(
            "UPDATE runs SET state = 'queued', reason = '', code = '', details = '{}' WHERE id = ? "
            "AND state IN ('queued', 'stopped', 'failed', 'interrupted')",
            (_checked(run_id),),
        )

    def set_progress(self, run_id: str, step: int, steps: int) -> None:
        self._change(run_id, "UPDATE runs SET step = ?, steps = ? WHERE id = ?", (step, steps))

    def set_node(self, run_id: str, node: str) -> None:
        self._change(run_id, "UPDATE runs SET node = ? WHERE id = ?", (node,))

    def settle(self, run_id: str, states: Sequence[State] = WORKING) -> Run:
        """Marks a run interrupted if it says one of ``states`` and no worker is there; returns it.

        A worker holds the run's lock from before it says "running" until after it has said how the
        run ended. So a free lock and the state read under it, together, are proof.
        """
        run = self.get(run_id)
        if run.state not in states:
            return run
        try:
            with self.folder(run_id).lock(timeout=0):
                run = self.get(run_id)
                if run.state in states:
                    self.set_state(
                        run_id,
                        "interrupted",
                        "The process that trained this run ended without a word at step "
                        f"{run.step}: it was killed, or the machine went down. Resume the run to "
                        "go on from its last checkpoint.",
                        code="runs.interrupted",
                        details={"step": run.step},
                    )
        except Timeout:
            return run
        return self.get(run_id)

    # Orders: what a person wants of a worker. The worker reads them between two steps.

    def order(self, run_id: str, command: Command) -> None:
        self._change(run_id, "UPDATE runs SET command = ? WHERE id = ?", (command,))

    def read_order(self, run_id: str) -> Command:
        rows = self.database.read("SELECT command FROM runs WHERE id = ?", (_checked(run_id),))
        if not rows:
            raise unknown_run(run_id)
        command: Command = rows[0][0]
        return command

    def take_step_order(self, run_id: str) -> bool:
        """Turns the order "step" into "pause", and says whether it stood.

        Taken before the step is made, so that an order given meanwhile is not overwritten.
        """
        return self.database.write(
            "UPDATE runs SET command = 'pause' WHERE id = ? AND command = 'step'",
            (_checked(run_id),),
        )

    # Events

    def append(self, run_id: str, events: Iterable[Mapping[str, Any]]) -> None:
        """Commits events one by one; one whose (step, split) is already there is left as it was.

        So a run resumed from a checkpoint may tell again what it had told after it. NaN and
        infinities, which JSON does not have, are kept as null.
        """
        _checked(run_id)
        try:
            self.database.write_each(_NEW_EVENT, [_event(run_id, event) for event in events])
        except sqlite3.IntegrityError:
            raise unknown_run(run_id) from None

    def events(
        self, run_id: str, after: int = 0, limit: int = 1000, *, splits: Sequence[str] = ()
    ) -> Events:
        """Events in the order of their telling; ``after`` is the "id" of the last one seen.

        Only those of ``splits``, if any are given.
        """
        chosen = f"AND split IN ({places(splits)}) " if splits else ""
        rows = self.database.read(
            f"SELECT id, payload FROM events WHERE run = ? AND id > ? {chosen}ORDER BY id LIMIT ?",
            (_checked(run_id), after, *splits, limit),
        )
        if not rows:
            self.get(run_id)
        return [{"id": number, **json.loads(payload)} for number, payload in rows]

    def last_event(self, run_id: str, split: str) -> dict[str, Any] | None:
        """The event of the latest step of that ``split``, None before the first."""
        rows = self.database.read(
            "SELECT payload FROM events WHERE run = ? AND split = ? ORDER BY step DESC LIMIT 1",
            (_checked(run_id), split),
        )
        return json.loads(rows[0][0]) if rows else None

    def measured(self, run_id: str) -> Mapping[str, Any] | None:
        """What the dev set says of the prompt that a run leaves: its best, if that is kept."""
        event = self.last_event(run_id, "dev")
        return event and event.get("best", event)

    def _change(self, run_id: str, sql: str, parameters: Sequence[Any]) -> None:
        if not self.database.write(sql, (*parameters, _checked(run_id))):
            raise unknown_run(run_id)

    def new_id(self) -> str:
        """Nine digits of milliseconds, three of chance; later ones of one process sort later."""
        with self._lock:
            self._last_time = max(self._last_time + 1, time.time_ns() // 1_000_000)
            moment = self._last_time
        clock = "".join(DIGITS[moment >> shift & 31] for shift in range(40, -1, -5))
        return clock + "".join(secrets.choice(DIGITS) for _ in range(3))


_NEW_EVENT = "INSERT OR IGNORE INTO events (run, step, split, payload) VALUES (?, ?, ?, ?)"
COLUMNS = "id, created, spec, state, reason, step, steps, code, details, node"  # see read_run


def _event(run_id: str, event: Mapping[str, Any]) -> tuple[Any, ...]:
    return run_id, event["step"], event["split"], _json(event)


def read_run(row: Sequence[Any]) -> Run:
    run_id, created, spec, state, reason, step, steps, code, details, node = row
    return Run(
        id=run_id,
        created=created,
        spec=RunSpec.model_validate_json(spec),
        state=state,
        reason=reason,
        step=step,
        steps=steps,
        code=code,
        details=json.loads(details),
        node=node,
    )


def _checked(run_id: str) -> str:
    """An id names a folder, and may come from an address that anyone can type."""
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise unknown_run(run_id)
    return run_id


def unknown_run(run_id: object) -> RunError:
    return RunError(
        f"There is no run {str(run_id)[:40]!r}. It may have been deleted; the list of runs shows "
        "those that are kept.",
        code="runs.unknown",
        run=str(run_id)[:40],
    )


def _json(value: object) -> str:
    return json.dumps(_finite(value), separators=(",", ":"), default=str)


def _finite(value: Any) -> Any:
    """The same value with None for a number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # a number in the clothes of numpy or torch
        return _finite(value.item())
    return value
