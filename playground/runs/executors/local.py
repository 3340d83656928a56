"""Workers as processes of this machine."""

import contextlib
import threading

from playground.child_process import ChildProcess, python_command, start_child
from playground.errors import RunError
from playground.runs.executors.queueing import QueueingExecutor
from playground.runs.run import WORKING
from playground.runs.store import RunStore

# How long the cores are left to a new run before a next worker is made ready.
REPLACE_SECONDS = 10.0
LOOK_SECONDS = 0.5  # between two looks at a run whose worker is no child of this process


class LocalExecutor(QueueingExecutor):
    """Gives runs to worker processes, at most ``limit`` at a time; the others wait in their order.

    A worker that is done with a run takes the next one at once, without a new import of torch; one
    that nobody needs is kept ready, and so is a new one while there is a place for a run. A paused
    run keeps its process and its place. Workers are sessions of their own: they go on with their
    run when this process ends, and the next one that `adopt`s the run counts it.
    """

    def __init__(self, store: RunStore, limit: int = 1) -> None:
        super().__init__(store)
        self.limit = limit
        self._busy: dict[ChildProcess, str] = {}
        self._adopted: set[str] = set()
        self._ready: ChildProcess | None = None

    def adopt(self, run_id: str) -> None:
        """Counts a run that has a worker already, such as one that an app now gone has started."""
        with self._lock:
            if run_id not in self._adopted and run_id not in self._busy.values():
                self._adopted.add(run_id)
                threading.Thread(target=self._watch_adopted, args=(run_id,), daemon=True).start()

    def warm(self) -> None:
        with self._lock:
            if not self._closing.is_set() and (
                self._ready is None or self._ready.poll() is not None
            ):
                self._ready = self._spawn()

    def shutdown(self) -> None:
        """Ends the worker that waits. Runs that go on do so; queued ones stay so in the store."""
        with self._lock:
            self._closing.set()
            self._waiting.clear()
            if self._ready is not None:
                self._ready.kill()
                self._ready.wait()
                self._ready = None
            for worker in self._busy:
                _dismiss(worker)

    def command(self) -> list[str]:
        """What starts a worker."""
        return python_command("playground.runs.worker", "--home", str(self.store.home))

    def _spawn(self) -> ChildProcess:
        """A new worker process, which waits on its standard input for the id of a run."""
        worker = start_child(
            self.command(), answers=True, environment={"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        )
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _begin(self, run_id: str) -> None:
        self.warm()
        worker, self._ready = self._ready, None
        assert worker is not None
        assert worker.stdin is not None
        self._busy[worker] = run_id
        with contextlib.suppress(BrokenPipeError):  # it died: whoever listens will see
            worker.stdin.write(run_id + "\n")
            worker.stdin.flush()
        if self._places() > 0:
            self._replace_later()

    def _replace_later(self) -> None:
        """Makes a next worker ready when the new run has begun, if there is a place still."""

        def replace() -> None:
            with self._lock:
                if self._places() > 0:
                    self.warm()

        timer = threading.Timer(REPLACE_SECONDS, replace)
        timer.daemon = True
        timer.start()

    def _places(self) -> int:
        return self.limit - len({*self._busy.values(), *self._adopted})

    def _listen(self, worker: ChildProcess) -> None:
        """Makes place for the next run whenever a worker is done with one, until it ends."""
        assert worker.stdout is not None
        for _ in worker.stdout:  # a line a run
            with self._lock:
                self._settle(self._busy.pop(worker))
                if self._ready is None and not self._closing.is_set():
                    self._ready = worker
                else:
                    _dismiss(worker)
                self._hand_out()
        worker.wait()
        with self._lock:
            if worker in self._busy:
                self._settle(self._busy.pop(worker))
                self._hand_out()
                if not self._busy:
                    self.warm()

    def _settle(self, run_id: str) -> None:
        """Sees to it that a run that its worker has left does not look alive. The lock is held."""
        if self._closing.is_set() or run_id in self._waiting or run_id in self._busy.values():
            return
        with contextlib.suppress(RunError):  # deleted since
            run = self.store.settle(run_id, ("queued", *WORKING))
            if run.state in WORKING:  # another worker had it before this one
                self.adopt(run_id)

    def _watch_adopted(self, run_id: str) -> None:
        """Looks after a run until it has no worker any more, and makes place for the next."""
        with contextlib.suppress(RunError):  # deleted since
            while self.store.settle(run_id).state in WORKING:
                if self._closing.wait(LOOK_SECONDS):
                    return
        with self._lock:
            self._adopted.discard(run_id)
            self._hand_out()


def _dismiss(worker: ChildProcess) -> None:
    """Lets a worker end when it is done with its run, if it has one."""
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.close()
