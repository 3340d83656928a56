"""Workers that train nothing, and what tests ask of processes."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import fake_worker

from playground.runs import Run, Runs
from playground.runs.executors import LocalExecutor
from tests.workers import worker_of

__all__ = ["FakeExecutor", "python", "wait_for", "wait_until", "worker_of"]

REPOSITORY = Path(__file__).parents[2]


class FakeExecutor(LocalExecutor):
    """Workers that train nothing, at once."""

    def command(self) -> list[str]:
        return [sys.executable, fake_worker.__file__, "--home", str(self.store.home)]


def wait_until(condition: Callable[[], object], seconds: float = 20) -> float:
    """Waits for something to come true; returns the seconds it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not come true"
        time.sleep(0.005)
    return time.monotonic() - begun


def wait_for(runs: Runs, run_id: str, *states: str, seconds: float = 20) -> Run:
    wait_until(lambda: runs.get(run_id).state in states, seconds)
    return runs.get(run_id)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs ``code`` with this repository at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
