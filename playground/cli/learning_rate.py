"""``train METHOD --find-learning-rate``: a run that looks for a rate and trains nothing."""

import argparse
from typing import Any

from playground.cli.follow import Follower, raise_if_failed
from playground.cli.output import say
from playground.runs import Runs, plan_learning_rate


def add(command: argparse.ArgumentParser) -> None:
    """The option, which takes the place of training."""
    command.add_argument(
        "--find-learning-rate",
        action="store_true",
        help="try learning rates from low to high instead of training, and print the options for "
        "the one at which the loss falls most steeply",
    )


class FinderFollower(Follower):
    """Also tells the rate that is tried, and remembers what is suggested."""

    suggestion: dict[str, float] | None = None

    def _read(self, event: dict[str, Any]) -> None:
        if event["split"] == "suggestion":
            self.suggestion = event["settings"]
        else:
            super()._read(event)

    def _progress(self, step: int, steps: int, state: str) -> str:
        line = super()._progress(step, steps, state)
        return f"{line}, learning rate {self._train['learning_rate']:.1e}" if line else line


def run(asked: dict[str, Any]) -> int:
    """Looks for the learning rate of what `plan` would be asked with."""
    runs = Runs()
    planned = plan_learning_rate(**asked)
    run_id = runs.start(planned.spec, **planned.tables)
    say(f"Run {run_id}: {planned.spec.name}, {len(planned.train)} rows to learn from.")
    follower = FinderFollower(runs, run_id)
    code = follower.wait_or_stop(kept="its curve")
    raise_if_failed(runs.get(run_id))
    if follower.suggestion is None:
        say("No learning rate is suggested: the loss clearly falls at none. Try a larger batch.")
        return code
    say("The loss falls most steeply at these settings; with few examples less is often better:")
    print(" ".join(f"--{name.replace('_', '-')} {at}" for name, at in follower.suggestion.items()))
    return code
