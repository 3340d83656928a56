"""What lies in a run's folder, and how it is replaced without ever being half there."""

import contextlib
import csv
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class RunFolder:
    """The files of one run: its tables, last checkpoint, what it has left, log and lock."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def prompt(self) -> Path:
        return self.path / "prompt"

    @property
    def comparison(self) -> Path:
        return self.path / "comparison"

    @property
    def search(self) -> Path:
        return self.path / "search"

    @property
    def log(self) -> Path:
        return self.path / "worker.log"

    @property
    def bytes(self) -> int:
        """The size of all its files together."""
        return folder_bytes(self.path)

    def lock(self, timeout: float) -> FileLock:
        """The lock that a worker holds from before its run is "running" until after it is not.

        Whoever gets it knows that no worker is there: the system frees it however a process ends.
        Waits ``timeout`` seconds, then raises ``filelock.Timeout``.
        """
        return FileLock(self.path / "worker.lock", timeout=timeout)

    def replace(self, name: str, write: Callable[[Path], object]) -> None:
        """As `replace_folder`, of the folder of that name in this one."""
        replace_folder(self.path / name, write)

    def remove(self, name: str) -> None:
        """As `remove_folder`, of the folder of that name in this one."""
        remove_folder(self.path / name)

    def table(self, name: str) -> Path:
        return self.path / f"{name}.csv"

    def write_table(self, name: str, rows: "DataFrame") -> None:
        """Keeps ``rows`` as a CSV file; a missing value becomes an empty text."""
        rows.to_csv(self.table(name), index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")

    def read_table(self, name: str) -> "DataFrame":
        """The rows kept as ``name``; every value is a text, exactly as it was written."""
        import pandas

        return pandas.read_csv(
            self.table(name), dtype=str, keep_default_na=False, skip_blank_lines=False
        )


def folder_bytes(folder: Path) -> int:
    """The size of all files in and under a folder, some of which may vanish meanwhile."""
    total = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    total += folder_bytes(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def replace_folder(target: Path, write: Callable[[Path], object]) -> None:
    """Lets ``write`` fill a new folder, and moves that into the place of ``target``.

    A process killed at any moment leaves the old or the new one whole; ``whole_folder`` finds it.
    """
    fresh, old = target.with_name(target.name + ".new"), target.with_name(target.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    write(fresh)
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def remove_folder(target: Path) -> None:
    """Removes what ``replace_folder`` has put there, an old one that it left behind too."""
    for folder in (target, target.with_name(target.name + ".old")):
        shutil.rmtree(folder, ignore_errors=True)


def whole_folder(target: Path) -> Path | None:
    """The folder last moved into place by ``replace_folder``, or None if none ever was."""
    for folder in (target, target.with_name(target.name + ".old")):
        if folder.exists():
            return folder
    return None
