"""``train``: a run of a method, or one for each of several seeds, started and followed."""

import argparse
from pathlib import Path
from typing import Any

from playground.cli import inputs, learning_rate, seeds
from playground.cli.follow import Follower, raise_if_failed
from playground.cli.output import print_table, say
from playground.cli.runs import copy_prompt
from playground.runs import Run, Runs, plan
from playground.settings import DEFAULT_MODEL


def add(commands: inputs.Commands, method_name: str | None) -> None:
    """The options; with ``method_name`` also the settings of that method.

    Raises SettingsError where there is no such method.
    """
    method = None
    about = "“train” alone lists the methods, “train METHOD --help” shows the settings of one."
    if method_name is not None:
        from playground.methods import method as find

        method = find(method_name)
        about = method.description
    command = commands.add_parser(
        "train",
        usage="python -m playground train METHOD [options]",
        help="let a method look for a better prompt",
        description=f"Let a method look for a better prompt, and follow its run. {about}",
        epilog="Ctrl+C stops the run and leaves what it has learned so far. At the end the folder "
        "with the trained prompt is printed.",
    )
    inputs.add_run(command, method, shots="to learn from", saved="trained prompt")
    command.add_argument(
        "--unlabelled",
        metavar="DATA",
        help=f"texts for methods that learn from them without labels: {inputs.DATA}; a column "
        "“label” is not looked at (default: the rows that are drawn for nothing else, but for "
        "test rows)",
    )
    seeds.add(command)
    learning_rate.add(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.method is None:
        _list_methods()
        return 0
    asked = _asked(options)
    if options.find_learning_rate:
        return learning_rate.run(asked)
    if options.seeds is not None:
        return seeds.run(options, asked)
    runs = Runs()
    run_id = _start(runs, asked)
    follower = Follower(runs, run_id)
    code = follower.wait_or_stop(kept="what it has learned so far")
    _tell_end(runs, runs.get(run_id), follower, options.save)
    return code


def _list_methods() -> None:
    from playground.methods import methods

    print_table(
        [("METHOD", "WHAT IT DOES"), *((one.name, one.description) for one in methods().values())]
    )


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """What `plan` is asked with."""
    from playground.methods import method as find

    known = find(options.method).settings.model_fields
    table, task = inputs.table(options.dataset)
    return {
        "method": options.method,
        "model": inputs.lasting_model_name(options.model or DEFAULT_MODEL),
        "template": inputs.template(options, task),
        "verbalizer": inputs.verbalizer(options, task),
        "table": table,
        "dataset": options.dataset if task is not None else Path(options.dataset).name,
        "shots": options.shots,
        "unlabelled": inputs.table(options.unlabelled)[0] if options.unlabelled else None,
        "settings": {name: at for name, at in vars(options).items() if name in known},
        "name": options.name,
    }


def _start(runs: Runs, asked: dict[str, Any]) -> str:
    """Checks all that can be without the model, starts the run and returns its id."""
    planned = plan(**asked)
    run_id = runs.start(planned.spec, **planned.tables)
    rows = f"{len(planned.train)} rows to learn from, {len(planned.dev)} to measure on"
    if planned.unlabelled is not None:
        rows += f", {len(planned.unlabelled)} without labels"
    say(f"Run {run_id}: {planned.spec.name}, {rows}.")
    return run_id


def _tell_end(runs: Runs, run: Run, follower: Follower, save: str | None) -> None:
    raise_if_failed(run)
    measured = ""
    if follower.best is not None:
        step, accuracy = follower.best["step"], follower.best["accuracy"]
        measured = f", step {step} is kept with the best dev accuracy, {accuracy:.3f}"
    elif follower.dev_accuracy is not None:
        measured = f", dev accuracy {follower.dev_accuracy:.3f}"
    say(f"The run has {run.state} at step {run.step} of {run.steps}{measured}.")
    print(copy_prompt(runs, run.id, save))
