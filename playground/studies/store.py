"""The memory of all studies: a row of the database each, and a folder with its rows."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from playground.errors import RunError
from playground.runs import Run, RunStore
from playground.runs.folder import RunFolder
from playground.runs.store import COLUMNS, read_run
from playground.studies.spec import StudySpec

if TYPE_CHECKING:
    from pandas import DataFrame

State = Literal["planned", "running", "paused", "cancelled", "finished"]
STUDY = "study-"  # what the id of a study begins with
TABLE = "table"

_COLUMNS = "id, created, spec, state"


@dataclass(frozen=True)
class Study:
    """One row of the store, as it was when it was read. ``created`` is ISO 8601, UTC.

    "planned": not started yet; "running": cells are trained as there is room; "paused" and
    "cancelled": none is, until it is resumed; "finished": every cell has ended.
    """

    id: str
    created: str
    spec: StudySpec
    state: State

    @property
    def name(self) -> str:
        return self.spec.name or self.spec.dataset

    @property
    def label(self) -> str:
        """What to call the study in a sentence."""
        return repr(self.name)


class StudyStore:
    """Studies beside the runs of ``runs``; safe for several threads and several processes.

    Methods that take an id raise RunError ("studies.unknown") where there is no such study.
    """

    def __init__(self, runs: RunStore) -> None:
        self.runs = runs
        self.database = runs.database

    def create(self, spec: StudySpec, table: "DataFrame") -> str:
        """Keeps a new study, planned, with the rows of its cells; returns its id."""
        study_id = STUDY + self.runs.new_id()
        folder = self._folder(study_id)
        folder.path.mkdir(parents=True)
        folder.write_table(TABLE, table)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.database.write(
            "INSERT INTO studies (id, created, spec) VALUES (?, ?, ?)",
            (study_id, now, spec.model_dump_json()),
        )
        return study_id

    def get(self, study_id: str) -> Study:
        rows = self.database.read(f"SELECT {_COLUMNS} FROM studies WHERE id = ?", (study_id,))
        if not rows:
            raise RunError(
                f"There is no study {str(study_id)[:40]!r}. It may have been deleted; the list of "
                "studies shows those that are kept.",
                code="studies.unknown",
                study=str(study_id)[:40],
            )
        return _read(rows[0])

    def all(self, *states: State) -> Sequence[Study]:
        """The newest first; only those in one of ``states``, if any are given."""
        rows = self.database.read(f"SELECT {_COLUMNS} FROM studies ORDER BY id DESC")
        studies = [_read(row) for row in rows]
        return [study for study in studies if not states or study.state in states]

    def set_state(self, study_id: str, state: State, *before: State) -> bool:
        """Says whether it changed: with ``before``, only out of one of those states."""
        study = self.get(study_id)
        if before and study.state not in before:
            return False
        return self.database.write(
            "UPDATE studies SET state = ? WHERE id = ? AND state = ?",
            (state, study_id, study.state),
        )

    def set_spec(self, study_id: str, spec: StudySpec) -> None:
        self.get(study_id)
        self.database.write(
            "UPDATE studies SET spec = ? WHERE id = ?", (spec.model_dump_json(), study_id)
        )

    def delete(self, study_id: str) -> None:
        """Forgets a study; its runs are kept."""
        self.get(study_id)
        self.database.write("DELETE FROM studies WHERE id = ?", (study_id,))
        shutil.rmtree(self._folder(study_id).path, ignore_errors=True)

    def table(self, study_id: str) -> "DataFrame":
        """The rows of its cells, every value a text."""
        self.get(study_id)
        return self._folder(study_id).read_table(TABLE)

    def lock(self, study_id: str) -> FileLock:
        """Held by the process that trains the study's cells: no two make the same."""
        return FileLock(self._folder(self.get(study_id).id).path / "scheduler.lock", timeout=0)

    def runs_of(self, study_id: str) -> Sequence[Run]:
        """The runs of its cells and its timings, oldest first."""
        rows = self.database.read(
            f"SELECT {COLUMNS} FROM kept WHERE json_extract(spec, '$.study') = ? ORDER BY id",
            (study_id,),
        )
        return [read_run(row) for row in rows]

    def events_of(self, study_id: str, split: str) -> dict[str, dict[str, Any]]:
        """By the run's id, the last event of that ``split`` of each of its runs that has one."""
        rows = self.database.read(
            "SELECT run, payload, max(step) FROM events WHERE split = ? AND run IN "
            "(SELECT id FROM kept WHERE json_extract(spec, '$.study') = ?) GROUP BY run",
            (split, study_id),
        )
        return {run: json.loads(payload) for run, payload, _ in rows}

    def _folder(self, study_id: str) -> RunFolder:
        return RunFolder(self.runs.home / "studies" / study_id)


def _read(row: Sequence[Any]) -> Study:
    study_id, created, spec, state = row
    return Study(study_id, created, StudySpec.model_validate_json(spec), state)
