"""``train --seeds``: the same training over several seeds, with the mean at the end."""

import argparse
from collections.abc import Mapping
from typing import Any

from playground.cli import inputs
from playground.cli.follow import Follower
from playground.cli.output import say
from playground.cli.runs import copy_prompt, print_group
from playground.runs import Group, Runs, plan_seeds

AT_ONCE = 2


def add(command: argparse.ArgumentParser) -> None:
    """The options of a training that concern its seeds."""
    command.add_argument(
        "--seeds",
        type=inputs.seeds,
        metavar="N",
        help="train over N seeds, --seed and those that follow it, or over those that are named, "
        "such as 13,21,42,87,100; each draws its own examples. Prints the mean and the standard "
        "deviation, and leaves the prompt that is best on dev",
    )
    command.add_argument(
        "--at-once",
        type=inputs.count,
        default=AT_ONCE,
        metavar="N",
        help=f"of the seeds, how many train at a time (default: {AT_ONCE})",
    )


class GroupFollower(Follower):
    """Tells how far the seeds are together."""

    _described = False

    def _waits(self, news: Mapping[str, Any]) -> bool:
        return any(member["state"] == "queued" for member in news["members"])

    def _read(self, event: dict[str, Any]) -> None:
        if event["split"] == "start":
            if not self._described:  # it is the same of every seed
                super()._read({**event, "zero_shot_accuracy": None})
                self._described = True
        elif event["split"] == "train":
            super()._read(event)

    def _progress(self, step: int, steps: int, state: str) -> str:
        line = super()._progress(step, steps, state)
        group = self.runs.group(self.run_id)
        done = sum(run.state == "finished" for run in group.runs)
        dev = "" if group.accuracy is None else f", dev {group.accuracy:.3f}"
        return f"{line}{dev}, {done} of {len(group.runs)} seeds done" if line else ""


def run(options: argparse.Namespace, asked: dict[str, Any]) -> int:
    """Trains over the seeds with what `plan` is ``asked``; the exit code."""
    from playground.methods import method as find
    from playground.methods.seeds import chosen_seeds

    first = find(asked["method"]).settings.checked(asked["settings"]).seed
    chosen = chosen_seeds(options.seeds, first)
    plans = plan_seeds(chosen, **asked)
    runs = Runs(at_once=options.at_once)
    group_id = runs.start_group(plans)
    group = runs.group(group_id)
    rows = f"{len(plans[0].train)} rows to learn from, {len(plans[0].dev)} to measure on"
    say(f"Group {group_id}: {group.name} over {len(chosen)} seeds, {rows} each.")
    code = GroupFollower(runs, group_id).wait_or_stop(kept="what it has learned so far")
    return _tell_end(runs, runs.group(group_id), options.save) or code


def _tell_end(runs: Runs, group: Group, save: str | None) -> int:
    """Prints what the seeds have come to; the exit code is 2 where one of them has failed."""
    print_group(group)
    failed = [run for run in group.runs if run.state in ("failed", "interrupted")]
    for run in failed:
        say(f"Seed {run.spec.seed}: {run.reason}")
    if any(runs.prompt_folder(run.id) is not None for run in group.runs):
        print(copy_prompt(runs, runs.best(group.id), save))
    return 2 if failed else 0
