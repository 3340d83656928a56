"""What a person makes of the runs: names, notes and tags; finding them; deleting with undo."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.errors import RunError
from playground.runs.database import ENTRY, places
from playground.runs.disk import FolderSizes
from playground.runs.group import Group, is_group
from playground.runs.run import Run, State
from playground.runs.spec import Kind
from playground.runs.store import COLUMNS, RunStore, read_run, unknown_run

DAYS_DELETED = 30  # for which a deleted run can be restored
NAME_LENGTH, NOTE_LENGTH, TAG_LENGTH, MOST_TAGS = 200, 4000, 40, 20

_MARKED = "runs LEFT JOIN marks ON marks.run = runs.id"
_TEXT = (  # what is searched of each run
    "coalesce(json_extract(spec, '$.name'), '') || char(10) || coalesce(note, '') || char(10) || "
    "coalesce(tags, '') || char(10) || coalesce(json_extract(spec, '$.template'), '')"
)
# Specs that were kept before there were kinds are of trainings.
_COLUMNS = {
    "kind": "coalesce(json_extract(spec, '$.kind'), 'training')",
    "method": "json_extract(spec, '$.method')",
    "dataset": "json_extract(spec, '$.dataset')",
    "model": "json_extract(spec, '$.model')",
    "study": "coalesce(json_extract(spec, '$.study'), '')",
    "state": "state",
}
_IS = {name: f"{column} = ?" for name, column in _COLUMNS.items()} | {
    "tag": "EXISTS (SELECT 1 FROM json_each(marks.tags) WHERE value = ?)",
}


@dataclass(frozen=True)
class Filter:
    """Which entries of the history are meant: those one of whose runs is all that is given.

    Each word of ``text`` is in the name, the note, a tag or the template, whatever its case.
    Without a ``kind`` those of every kind but "timing" are.
    """

    text: str = ""
    kind: Kind | None = None
    method: str | None = None
    dataset: str | None = None
    model: str | None = None
    study: str | None = None  # its id; "": those that are of none
    state: State | None = None
    tag: str | None = None
    deleted: bool = False  # those that can be restored instead of those that are kept

    def conditions(self) -> tuple[list[str], list[Any]]:
        """Of SQL over the runs with their marks, and the values for their question marks."""
        words = self.text.casefold().split()
        given = {name: getattr(self, name) for name in _IS if getattr(self, name) is not None}
        conditions = [f"deleted IS {'NOT ' if self.deleted else ''}NULL"]
        conditions += [_IS[name] for name in given]
        if self.kind is None:  # nobody has asked for them by themselves
            conditions.append(f"{_COLUMNS['kind']} != 'timing'")
        if not words:
            return conditions, [*given.values()]
        return [*conditions, f"mentions({_TEXT}, ?)"], [*given.values(), "\n".join(words)]


@dataclass(frozen=True)
class Entry:
    """A run that is in no group, or a group, with what a person has noted of it.

    ``deleted`` is when it was deleted, in seconds since 1970, None where it was not.
    """

    standing: Run | Group
    note: str = ""
    tags: tuple[str, ...] = ()
    deleted: float | None = None

    @property
    def id(self) -> str:
        return self.standing.id

    @property
    def runs(self) -> tuple[Run, ...]:
        return self.standing.runs if isinstance(self.standing, Group) else (self.standing,)


class History:
    """The runs of a store as a person keeps them. The id of a group stands for all its runs.

    Methods that take an id raise RunError ("runs.unknown") where there is no such run; deleted
    ones are there until they are purged.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.database = store.database
        self._sizes = FolderSizes(store.home / "runs")

    # Finding

    def search(
        self, wanted: Filter | None = None, before: str | None = None, limit: int = 50
    ) -> list[Entry]:
        """The newest entries first; ``before`` is the id of the last one already seen."""
        wanted = wanted or Filter()
        conditions, values = wanted.conditions()
        if before is not None:
            conditions, values = [*conditions, f"{ENTRY} < ?"], [*values, before[-12:]]
        found = self.database.read(
            f"SELECT {ENTRY} FROM {_MARKED} WHERE {' AND '.join(conditions)} "
            f"GROUP BY {ENTRY} ORDER BY {ENTRY} DESC LIMIT ?",
            (*values, limit),
        )
        entries = self._entries(
            f"{ENTRY} IN ({places(found)}) AND deleted IS {'NOT ' if wanted.deleted else ''}NULL",
            [key for (key,) in found],
        )
        return sorted(entries, key=lambda entry: entry.id[-12:], reverse=True)

    def count(self, wanted: Filter | None = None) -> int:
        """How many entries `search` finds if it goes on to the end."""
        conditions, values = (wanted or Filter()).conditions()
        found = self.database.read(
            f"SELECT count(DISTINCT {ENTRY}) FROM {_MARKED} WHERE {' AND '.join(conditions)}",
            values,
        )
        return int(found[0][0])

    def choices(self) -> dict[str, list[str]]:
        """What a `Filter` can ask for: the values that kept runs have, each once, in order."""
        found = self.database.read(f"SELECT DISTINCT {', '.join(_COLUMNS.values())} FROM kept")
        tags = self.database.read(
            "SELECT DISTINCT value FROM marks, json_each(marks.tags) WHERE deleted IS NULL"
        )
        values = {name: {row[place] for row in found} for place, name in enumerate(_COLUMNS)}
        values["tag"] = {tag for (tag,) in tags}
        return {name: sorted(each - {"", None}) for name, each in values.items()}

    def entry(self, run_id: str) -> Entry:
        """A run, also one of a group, or a group; deleted or not."""
        if is_group(run_id):
            found = self._entries("json_extract(spec, '$.group') = ?", (run_id,))
        else:
            found = self._single("id = ?", (run_id,))
        for entry in found:
            return entry
        raise unknown_run(run_id)

    # Marks

    def rename(self, run_id: str, name: str) -> None:
        """Calls a run ``name``; the runs of a group get their seeds behind it."""
        name = _short(" ".join(name.split()), NAME_LENGTH)
        entry = self.entry(run_id)
        seeds = is_group(run_id) and bool(name)
        with self.database.transaction() as connection:
            connection.executemany(
                "UPDATE runs SET spec = json_set(spec, '$.name', ?) WHERE id = ?",
                [(f"{name} · {run.spec.seed}" if seeds else name, run.id) for run in entry.runs],
            )

    def set_note(self, run_id: str, note: str) -> None:
        self._mark(run_id, "note", _short(note.strip(), NOTE_LENGTH))

    def set_tags(self, run_id: str, tags: Sequence[str]) -> None:
        """Gives a run these tags and no others, each once, in the order of the alphabet."""
        self._mark(run_id, "tags", json.dumps(tidy_tags(tags), ensure_ascii=False))

    # Deleting. Whether a run may be deleted now is asked by `Runs.delete`.

    def hide(self, run_id: str) -> None:
        """Deletes a run so that it can be restored: its files stay until it is purged."""
        self._mark(run_id, "deleted", time.time())

    def restore(self, run_id: str) -> None:
        """Brings a deleted run back, with all that it had. No matter if it is not deleted."""
        self._mark(run_id, "deleted", None)

    def purge(self, run_id: str | None = None, *, seconds: float = 0.0) -> int:
        """Forgets for good what has been deleted for at least ``seconds``; returns how many runs.

        All of it, or only the run or group of that id, which has to be deleted.
        """
        if run_id is None:
            ids = None
        else:
            entry = self.entry(run_id)
            if entry.deleted is None:
                raise RunError(
                    f"The run {entry.standing.label} is not deleted. Delete it first; only then "
                    "can it be forgotten for good.",
                    code="runs.not_deleted",
                    run=entry.standing.label,
                )
            ids = {run.id for run in entry.runs}
        due = self.database.read(
            "SELECT run FROM marks WHERE deleted <= ?", (time.time() - seconds,)
        )
        purged = [each for (each,) in due if ids is None or each in ids]
        for each in purged:
            # restored meanwhile, it stays
            if self.database.write(
                "DELETE FROM runs WHERE id = ? AND EXISTS "
                "(SELECT 1 FROM marks WHERE run = id AND deleted IS NOT NULL)",
                (each,),
            ):
                shutil.rmtree(self.store.folder(each).path, ignore_errors=True)
        return len(purged)

    # Disk

    def bytes_of(self, run_id: str) -> int:
        """What the files of a run take, or those of a group's runs."""
        return sum(self.store.folder(run.id).bytes for run in self.entry(run_id).runs)

    def all_bytes(self) -> int:
        """What all runs take, deleted ones too, with the events of all."""
        home = self.database.path.parent
        events = sum(file.stat().st_size for file in home.glob(f"{self.database.path.name}*"))
        return self._sizes.total() + events

    # SQL

    def _mark(self, run_id: str, mark: str, value: object) -> None:
        ids = [run.id for run in self.entry(run_id).runs]
        with self.database.transaction() as connection:
            # a run that was purged meanwhile is left out
            connection.execute(
                f"INSERT INTO marks (run, {mark}) SELECT id, ? FROM runs "
                f"WHERE id IN ({places(ids)}) "
                f"ON CONFLICT (run) DO UPDATE SET {mark} = excluded.{mark}",
                (value, *ids),
            )

    def _single(self, condition: str, values: Sequence[Any]) -> list[Entry]:
        """The runs that are so, oldest first, whether they are in groups or not."""
        rows = self.database.read(
            f"SELECT coalesce(note, ''), coalesce(tags, '[]'), deleted, {COLUMNS} FROM {_MARKED} "
            f"WHERE {condition} ORDER BY id",
            values,
        )
        return [
            Entry(read_run(row), note, tuple(json.loads(tags)), deleted)
            for note, tags, deleted, *row in rows
        ]

    def _entries(self, condition: str, values: Sequence[Any]) -> list[Entry]:
        """The groups among the runs that are so, and those that are in none, in no order.

        The marks of a group are those of its first run: it was given them with the others.
        """
        single = self._single(condition, values)
        groups: dict[str, list[Entry]] = {}
        for entry in single:
            if group_id := entry.runs[0].spec.group:
                groups.setdefault(group_id, []).append(entry)
        return [entry for entry in single if not entry.runs[0].spec.group] + [
            replace(members[0], standing=self._group(group_id, members))
            for group_id, members in groups.items()
        ]

    def _group(self, group_id: str, members: Sequence[Entry]) -> Group:
        runs = tuple(entry.runs[0] for entry in members)
        return Group(group_id, runs, tuple(self.store.measured(run.id) for run in runs))


def tidy_tags(tags: Sequence[str]) -> list[str]:
    """Each tag once, in the order of the alphabet. Raises RunError ("runs.bad_tags")."""
    kept = sorted({" ".join(tag.split()) for tag in tags} - {""})
    if len(kept) > MOST_TAGS or any("," in tag or len(tag) > TAG_LENGTH for tag in kept):
        raise RunError(
            f"A run has at most {MOST_TAGS} tags, each of at most {TAG_LENGTH} characters and "
            "without a comma.",
            code="runs.bad_tags",
            most=MOST_TAGS,
            limit=TAG_LENGTH,
        )
    return kept


def _short(text: str, limit: int) -> str:
    if len(text) > limit:
        raise RunError(
            f"This text has {len(text)} characters; it may have {limit}. Shorten it.",
            code="runs.long_text",
            count=len(text),
            limit=limit,
        )
    return text
