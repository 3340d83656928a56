"""The SQLite file of all runs: its tables, and one connection that a process's threads share.

Workers write while pages read, each from a process of its own. SQLite's write-ahead log lets them:
a reader never waits for a writer, and a process killed at any moment leaves a sound file.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

# What runs of one group, or else one run, share: the last twelve characters of the group's id or
# of the run's own, which sort by time.
ENTRY = "substr(coalesce(nullif(json_extract(spec, '$.group'), ''), id), -12)"

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    created TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    reason TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '',
    details TEXT NOT NULL DEFAULT '{{}}',
    step INTEGER NOT NULL DEFAULT 0,
    steps INTEGER NOT NULL DEFAULT 0,
    command TEXT NOT NULL DEFAULT 'run' CHECK (command IN ('run', 'pause', 'step', 'stop')),
    node TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    split TEXT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (run, step, split)
);
CREATE INDEX IF NOT EXISTS events_in_order ON events (run, id);
CREATE INDEX IF NOT EXISTS runs_in_groups ON runs (json_extract(spec, '$.group'), id);
CREATE INDEX IF NOT EXISTS runs_in_entries ON runs ({ENTRY});
CREATE TABLE IF NOT EXISTS marks (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    note TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]',
    deleted REAL -- seconds since 1970 at which it was hidden
);
CREATE INDEX IF NOT EXISTS runs_in_studies ON runs (json_extract(spec, '$.study'), id);
CREATE TABLE IF NOT EXISTS studies (
    id TEXT PRIMARY KEY,
    created TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'planned'
);
CREATE VIEW IF NOT EXISTS kept AS SELECT * FROM runs WHERE NOT EXISTS
    (SELECT 1 FROM marks WHERE marks.run = runs.id AND marks.deleted IS NOT NULL);
"""


class Database:
    """One connection to ``runs.sqlite`` of a home, which is made if it is not there."""

    def __init__(self, home: Path) -> None:
        self.path = home / "runs.sqlite"
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._connection.create_function("mentions", 2, _mentions, deterministic=True)
        self._connection.execute("PRAGMA busy_timeout = 10000")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        # SQLite does not wait for another process that makes the same file a write-ahead one.
        with FileLock(home / "opening.lock"):
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.executescript(SCHEMA)
            self._add_columns()

    def _add_columns(self) -> None:
        """Gives a file of an earlier version the columns that have come since."""
        there = {name for _, name, *_ in self._connection.execute("PRAGMA table_info(runs)")}
        if "node" not in there:
            self._connection.execute("ALTER TABLE runs ADD COLUMN node TEXT NOT NULL DEFAULT ''")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def read(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Sequence[Any]:
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def write(self, sql: str, parameters: Sequence[Any]) -> bool:
        """Commits one statement; says whether it changed a row."""
        with self._lock:
            return self._connection.execute(sql, parameters).rowcount > 0

    def write_each(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Commits one statement for each of ``rows``, one by one."""
        with self._lock:
            self._connection.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection all of whose statements are committed together, or none at an error."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _mentions(text: str, words: str) -> bool:
    """In SQL: whether each of ``words``, which are lines in folded case, is in ``text``."""
    folded = text.casefold()
    return all(word in folded for word in words.split("\n"))


def places(values: Sequence[object]) -> str:
    """As many question marks as there are ``values``, for a list in a statement."""
    return ", ".join("?" * len(values))
