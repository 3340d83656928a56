"""What executors have in common: runs that wait for a place, in their order."""

import threading
from collections import deque

from playground.errors import RunError
from playground.runs.store import RunStore


class QueueingExecutor:
    """Begins a run when there is a place for it. An executor says how many and how.

    What it does with ``_lock`` held: counting places, and beginning a run.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._lock = threading.RLock()
        self._waiting: deque[str] = deque()
        self._closing = threading.Event()

    def start(self, run_id: str) -> None:
        with self._lock:
            if self._closing.is_set():
                raise RunError(
                    "The app is closing and starts no more runs. Start this one when it is back.",
                    code="runs.closing",
                )
            if self.store.queue(run_id) and run_id not in self._waiting:
                self._waiting.append(run_id)
            self._hand_out()

    def _hand_out(self) -> None:
        """Begins waiting runs while there is a place."""
        while self._waiting and not self._closing.is_set() and self._places() > 0:
            run_id = self._waiting.popleft()
            if self._is_queued(run_id):
                self._begin(run_id)

    def _is_queued(self, run_id: str) -> bool:
        try:
            return self.store.get(run_id).state == "queued"
        except RunError:  # deleted while it waited
            return False

    def _places(self) -> int:
        raise NotImplementedError

    def _begin(self, run_id: str) -> None:
        raise NotImplementedError
