"""Where the processes of runs live: on this machine, or on others."""

from typing import Protocol

from playground.runs.executors.local import LocalExecutor

__all__ = ["Executor", "LocalExecutor"]


class Executor(Protocol):
    """Starts workers for runs and notices when they are gone. Never waits for a run."""

    @property
    def limit(self) -> int:
        """How many runs it carries out at a time, paused ones counted; the others wait."""

    def start(self, run_id: str) -> None:
        """Queues a run and gives it to a worker, now or when its turn comes."""

    def adopt(self, run_id: str) -> None:
        """Counts a run that has a worker already, which somebody now gone has started."""

    def warm(self) -> None:
        """Makes a worker ready ahead of time, where that helps."""

    def shutdown(self) -> None:
        """Lets go of everything but the runs themselves, which go on."""
