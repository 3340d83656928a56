"""``runs``: the trainings, comparisons and searches that are kept, however they were started."""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playground.cli import history
from playground.cli.history import add_action, steps_of
from playground.cli.inputs import Commands
from playground.cli.output import one_line, print_csv, print_table, say
from playground.errors import RunError
from playground.runs import Group, Runs, is_group

ORDER_SECONDS = 5.0  # the wait for a worker to heed an order: it looks up between two steps


def add(commands: Commands) -> None:
    about = (
        "Find, show, steer and keep trainings, comparisons and searches, whether started here or "
        "from the page."
    )
    command = commands.add_parser("runs", help="the runs that are kept", description=about)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)

    history.add(actions)
    add_action(actions, "show", _show, "show what a run was asked to do and how it stands")
    events = add_action(actions, "events", _events, "print what a run told while it trained")
    events.add_argument(
        "--format",
        choices=("jsonl", "csv"),
        default="jsonl",
        help="jsonl: every event as a line of JSON (default); csv: the numbers of the curves",
    )
    add_action(actions, "stop", _order, "end a run; what it has learned so far is kept")
    add_action(actions, "pause", _order, "halt a run between two steps")
    add_action(actions, "resume", _order, "go on with a run that is paused or ended early")
    prompt = add_action(actions, "prompt", _prompt, "print where the trained prompt of a run lies")
    prompt.add_argument("--save", metavar="FOLDER", help="copy it to FOLDER")


def _words(of_label: list[str] | list[list[str]]) -> str:
    """A label's words with commas between them, and a bar between those of several slots."""
    slots = [[word] if isinstance(word, str) else word for word in of_label]
    flat = all(isinstance(word, str) for word in of_label)
    return ("," if flat else "|").join(",".join(slot) for slot in slots)


def _show(options: argparse.Namespace) -> int:
    runs = Runs()
    if is_group(options.id):
        print_group(runs.group(options.id))
        return 0
    run = runs.get(options.id)
    shown = {
        "id": run.id,
        "started": run.created,
        "state": run.state,
        "reason": run.reason,
        "step": steps_of(run),
        **run.spec.model_dump(exclude={"colours", "verbalizer", "settings"}),
        "labels": "; ".join(f"{name}={_words(of)}" for name, of in run.spec.verbalizer.items()),
        **run.spec.settings,
    }
    for name in ("group", "study"):
        if not shown[name]:
            del shown[name]
    if run.spec.kind == "comparison":
        shown["comparison"] = runs.comparison_folder(run.id) or ""
    else:
        shown["prompt"] = runs.prompt_folder(run.id) or ""
    if run.spec.kind == "search":
        shown["search"] = runs.search_folder(run.id) or ""
    width = max(map(len, shown))
    for name, value in shown.items():
        print(f"{name:{width}}  {one_line(str(value))}".rstrip())
    return 0


def _events(options: argparse.Namespace) -> int:
    told = _all_events(Runs(), options.id)
    if options.format == "jsonl":
        for event in told:
            print(json.dumps(event, ensure_ascii=False))
        return 0
    points = [event for event in told if event["split"] in ("train", "dev")]
    numbers = [name for point in points for name in point if not isinstance(point[name], dict)]
    names = dict.fromkeys(name for name in numbers if name != "id")
    print_csv([list(names), *([point.get(name) for name in names] for point in points)])
    return 0


def _all_events(runs: Runs, run_id: str) -> Iterator[dict[str, Any]]:
    cursor = 0
    while events := runs.events(run_id, cursor)["events"]:
        yield from events
        cursor = events[-1]["id"]


def _order(options: argparse.Namespace) -> int:
    """Gives an order, waits a little for the run to heed it, and prints how it stands then."""
    runs = Runs()
    before = runs.standing(options.id)
    {"stop": runs.stop, "pause": runs.pause, "resume": runs.resume}[options.action](options.id)
    deadline = time.monotonic() + ORDER_SECONDS
    while (run := runs.standing(options.id)).state == before.state and time.monotonic() < deadline:
        if not run.alive:  # a run that has ended has nothing to heed
            break
        time.sleep(0.05)
    if options.action == "resume" and is_group(options.id):
        _wait_for_places(runs, options.id)
    runs.shutdown()  # a resumed run goes on by itself
    print(f"{run.id} is {run.state} at step {steps_of(run)}.")
    return 0


def _wait_for_places(runs: Runs, group_id: str) -> None:
    """Waits until every run of a group has begun: until then this process has their queue."""
    told = False
    while any(run.state == "queued" for run in runs.group(group_id).runs):
        if not told:
            say("They go on one after the other; this command ends when the last has begun.")
        told = True
        time.sleep(0.2)


def _prompt(options: argparse.Namespace) -> int:
    print(copy_prompt(Runs(), options.id, options.save))
    return 0


def copy_prompt(runs: Runs, run_id: str, target: str | None) -> Path:
    """Copies the trained prompt of a run to ``target``, if that is given; returns where it lies.

    Of a group that of its best. Raises RunError where the run has left no prompt.
    """
    folder = runs.prompt_folder(run_id)
    if folder is None:
        run = runs.standing(run_id)
        raise RunError(
            f"The run {run.label} is {run.state} and has left no prompt. It leaves one when it "
            "finishes or is stopped.",
            code="runs.no_prompt",
            run=run.label,
            state=run.state,
        )
    if target is None:
        return folder
    return Path(shutil.copytree(folder, Path(target), dirs_exist_ok=True)).absolute()


def print_group(group: Group) -> None:
    """A line a seed, and the mean of their accuracies."""
    rows = [
        (
            str(run.spec.seed),
            run.id,
            run.state,
            steps_of(run),
            "–" if accuracy is None else f"{accuracy:.3f}",
        )
        for run, accuracy in zip(group.runs, group.accuracies, strict=True)
    ]
    print_table([("SEED", "RUN", "STATE", "STEP", "DEV ACCURACY"), *rows])
    if group.accuracy is not None:
        print(f"dev accuracy {group.accuracy:.3f} over {group.accuracy.count} seeds")
