"""Where the processes of runs live: on this machine, or on others."""

from typing import Protocol

from playground.runs.executors.local import LocalExecutor
from playground.runs.store import RunStore
from playground.settings import Settings

__all__ = ["Executor", "LocalExecutor", "make_executor"]

LOCAL_RUNS = 2  # a paused run keeps its place, and must not keep the next one waiting


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


def make_executor(settings: Settings) -> Executor:
    """The one that the settings ask for. Raises SettingsError where it cannot be had."""
    store = RunStore(settings.home)
    if settings.executor == "ray":
        from playground.runs.executors.ray import Bundle, RayExecutor

        bundle = Bundle(settings.ray_cpus, settings.ray_gpus)
        return RayExecutor(store, settings.ray_address, bundle, settings.runs_at_once)
    return LocalExecutor(store, settings.runs_at_once or LOCAL_RUNS)
