"""What thousands of folders take on the disk, without walking through each of them every time."""

import os
import threading
from pathlib import Path

from playground.runs.folder import folder_bytes


class FolderSizes:
    """Remembers what each folder in ``parent`` took, until something is made or replaced in it.

    What grows in place, as the log of a run at work does, is counted once that happens. Safe for
    several threads.
    """

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._known: dict[str, tuple[int, int]] = {}  # name: time of its last change, bytes
        self._lock = threading.Lock()

    def total(self) -> int:
        """The bytes of all files in and under the folder."""
        known: dict[str, tuple[int, int]] = {}
        with self._lock:
            for entry in os.scandir(self.parent):
                try:
                    changed = entry.stat(follow_symlinks=False).st_mtime_ns
                except FileNotFoundError:  # purged meanwhile
                    continue
                found = self._known.get(entry.name)
                if found is None or found[0] != changed:
                    found = changed, folder_bytes(Path(entry.path))
                known[entry.name] = found
            self._known = known
        return sum(size for _, size in known.values())
