"""Runs that differ in nothing but their seed, as they stand together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.methods.spread import Spread
from playground.runs.run import Run, State
from playground.runs.store import GROUP

# The first of these that a member says is what the group says.
_STATES: tuple[State, ...] = (
    *("running", "paused", "queued", "failed", "interrupted", "stopped", "finished"),
)


def is_group(run_id: object) -> bool:
    """Whether an id is a group's: a run's never looks like one."""
    return isinstance(run_id, str) and run_id.startswith(GROUP)


@dataclass(frozen=True)
class Group:
    """The ``runs`` of a group in the order of their seeds, as they were when they were read.

    ``measured`` has for each of them what the dev set says of the prompt that it leaves:
    "accuracy" and "loss", or None where it has not been asked yet.
    """

    id: str
    runs: tuple[Run, ...]
    measured: tuple[Mapping[str, Any] | None, ...]

    @property
    def name(self) -> str:
        """What its runs are called, without their seeds."""
        first = self.runs[0]
        return first.name.removesuffix(f" · {first.spec.seed}")

    @property
    def label(self) -> str:
        """What to call the group in a sentence."""
        return repr(self.name) if self.name else self.id

    @property
    def state(self) -> State:
        states = {run.state for run in self.runs}
        return next(state for state in _STATES if state in states)

    @property
    def alive(self) -> bool:
        """Whether one of its runs trains, or will without being asked again."""
        return any(run.alive for run in self.runs)

    @property
    def step(self) -> int:
        return sum(run.step for run in self.runs)

    @property
    def steps(self) -> int:
        """Of all its runs; those that no worker has had yet will make as many as the others."""
        return max(run.steps for run in self.runs) * len(self.runs)

    @property
    def accuracies(self) -> list[float | None]:
        """Of each run on its dev rows."""
        return [None if seen is None else seen["accuracy"] for seen in self.measured]

    @property
    def accuracy(self) -> Spread | None:
        """Over the runs that have been measured."""
        return Spread.of(self.accuracies)

    @property
    def ranked(self) -> list[str]:
        """The ids of its runs, the best on dev first: the higher accuracy, then the lower loss."""

        def rank(place: int) -> tuple[float, float]:
            seen = self.measured[place]
            if seen is None:
                return -1.0, 0.0
            return seen["accuracy"], -math.inf if seen["loss"] is None else -seen["loss"]

        order = sorted(range(len(self.runs)), key=rank, reverse=True)
        return [self.runs[place].id for place in order]

    def members(self) -> list[dict[str, Any]]:
        """One plain object a run, for whoever follows the group."""
        best = self.ranked[0]
        return [
            {
                "run": run.id,
                "seed": run.spec.seed,
                "state": run.state,
                "step": run.step,
                "steps": run.steps,
                "dev_accuracy": accuracy,
                "best": run.id == best and accuracy is not None,
            }
            for run, accuracy in zip(self.runs, self.accuracies, strict=True)
        ]
