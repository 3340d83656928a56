"""``search``: a run that looks for trigger words or label words, started and followed."""

import argparse
from pathlib import Path
from typing import Any

from playground.cli import inputs
from playground.cli.follow import Follower, raise_if_failed
from playground.cli.output import print_table, say
from playground.cli.runs import copy_prompt
from playground.prompts import label_line
from playground.runs import Run, Runs, plan_search
from playground.settings import DEFAULT_MODEL


def add(commands: inputs.Commands, method_name: str | None) -> None:
    """The options; with ``method_name`` also the settings of that search.

    Raises SettingsError where there is no such search.
    """
    method = None
    about = "“search” alone lists the methods, “search METHOD --help” shows the settings of one."
    if method_name is not None:
        from playground.methods.searches import search_method

        method = search_method(method_name)
        about = method.description
    command = commands.add_parser(
        "search",
        usage="python -m playground search METHOD [options]",
        help="search trigger words or label words",
        description=f"Search words for a prompt, and follow the run. {about}",
        epilog="Ctrl+C stops the run and leaves the best that it has found. At the end the "
        "template or the labels that were found are printed, as other commands take them.",
    )
    inputs.add_run(command, method, shots="to search by", saved="prompt found")
    command.set_defaults(run=run)


class SearchFollower(Follower):
    """Also tells the trigger words as they are now."""

    def _read(self, event: dict[str, Any]) -> None:
        if event["split"] == "start":
            accuracy = event["zero_shot_accuracy"]
            before = "" if accuracy is None else f" Dev accuracy before: {accuracy:.3f}."
            say(f"Searching ({event['device']}, {event['precision']}).{before}")
        elif event["split"] == "search":
            super()._read({**event, "split": "train"})
        else:
            super()._read(event)

    def _progress(self, step: int, steps: int, state: str) -> str:
        line = super()._progress(step, steps, state)
        triggers = " ".join(trigger["text"] for trigger in self._train.get("triggers", ()))
        return f"{line}, {triggers}" if line and triggers else line


def run(options: argparse.Namespace) -> int:
    if options.method is None:
        from playground.methods.searches import searches

        known = [(one.name, one.description) for one in searches().values()]
        print_table([("METHOD", "WHAT IT DOES"), *known])
        return 0
    runs = Runs()
    run_id = _start(runs, options)
    code = SearchFollower(runs, run_id).wait_or_stop(kept="the best that it has found")
    _tell_end(runs, runs.get(run_id), options.save)
    return code


def _start(runs: Runs, options: argparse.Namespace) -> str:
    """Checks all that can be without the model, starts the run and returns its id."""
    from playground.methods.searches import search_method

    known = search_method(options.method).settings.model_fields
    table, task = inputs.table(options.dataset)
    planned = plan_search(
        method=options.method,
        model=inputs.lasting_model_name(options.model or DEFAULT_MODEL),
        template=inputs.template(options, task),
        verbalizer=inputs.verbalizer(options, task),
        table=table,
        dataset=options.dataset if task is not None else Path(options.dataset).name,
        shots=options.shots,
        settings={name: value for name, value in vars(options).items() if name in known},
        name=options.name,
    )
    run_id = runs.start_search(planned)
    rows = f"{len(planned.train)} rows to search by, {len(planned.dev)} to measure on"
    say(f"Run {run_id}: {planned.spec.name}, {rows}.")
    return run_id


def _tell_end(runs: Runs, run: Run, save: str | None) -> None:
    from playground.methods.search_result import read_search

    raise_if_failed(run)
    prompt = copy_prompt(runs, run.id, save)
    folder = runs.search_folder(run.id)
    assert folder is not None  # it is written with the prompt
    found = read_search(folder)
    measured = "" if found.dev_accuracy is None else f", dev accuracy {found.dev_accuracy:.3f}"
    say(f"The run has {run.state} at step {run.step} of {run.steps}{measured}.")
    if not found.written:
        words = " ".join(trigger["text"] for trigger in found.triggers)
        say(f"These tokens cannot be told in writing, so soft slots hold them: {words}")
    say(f"The prompt lies in {prompt}")
    print(found.template if found.triggers else label_line(found.read_verbalizer()))
