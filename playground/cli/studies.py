"""``study``: the same task by several methods, shots and seeds, trained and measured alike."""

import argparse
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.cli import inputs
from playground.cli.output import StatusLine, one_line, print_table, say
from playground.errors import SettingsError
from playground.runs import Runs
from playground.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from playground.studies import Progress, Studies

POLL_SECONDS = 0.5
LINE_SECONDS = 10.0  # between two lines where the last cannot be rewritten
TIMING_SECONDS = 0.2


def add(commands: inputs.Commands) -> None:
    command = commands.add_parser(
        "study",
        help="compare methods over shots and seeds",
        description="Train and measure a grid of methods, shots, seeds, templates and models.",
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    run = _action(actions, "run", _run, "plan a study, train all its cells, print the figures")
    _add_grid(run)
    run.add_argument("--plan", action="store_true", help="only say what it would cost")
    run.add_argument(
        "--export", metavar="FOLDER", help="write tables, figure and report at the end"
    )
    _action(actions, "list", _list, "list the studies, the newest first")
    _action(actions, "show", _show, "print what a study has come to", ID)
    resume = _action(actions, "resume", _resume, "start a planned study, or go on with one", ID)
    resume.add_argument("--retry", action="store_true", help="try what has failed again")
    extend = _action(actions, "extend", _extend, "add to a study's grid, and go on with it", ID)
    for name, about in ADDED.items():
        extend.add_argument(f"--{name}", default=(), type=inputs.words, metavar="A,B", help=about)
    extend.add_argument(
        "--template", action="append", default=[], help="may be given several times"
    )
    export = _action(actions, "export", _export, "write tables, figure and report", ID)
    export.add_argument("folder", metavar="FOLDER")
    _action(actions, "delete", _delete, "forget a study; its runs are deleted, too", ID)


ID = "a study, as “study list” names it"
ADDED = {
    "methods": "further methods",
    "shots": "further numbers of examples a label",
    "seeds": "further seeds",
    "models": "further models",
}


def _action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], int], about: str, of: str = ""
) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    if of:
        action.add_argument("id", metavar="ID", help=of)
    action.set_defaults(run=run)
    return action


def _add_grid(command: argparse.ArgumentParser) -> None:
    """What a study is asked with; its defaults are those of `StudySpec`."""
    command.add_argument("--spec", metavar="FILE.json", help="all of it, as an export has it")
    command.add_argument("--dataset", metavar="DATA", help=f"{inputs.DATA} (default: reviews)")
    command.add_argument("--methods", type=inputs.words, metavar="A,B", help="see “train”")
    command.add_argument("--shots", type=_numbers, metavar="1,2,4", help="examples of each label")
    command.add_argument(
        "--seeds", type=inputs.seeds, metavar="N", help="how many, or which, such as 13,21,42"
    )
    command.add_argument("--model", action="append", help="may be given several times")
    command.add_argument("--template", action="append", help="may be given several times")
    inputs.add_labels(command)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="METHOD.SETTING=VALUE",
        help="a setting of one method; may be given several times",
    )
    command.add_argument("--name", help="what lists call the study")


def _numbers(given: str) -> tuple[int, ...]:
    """An argparse type: whole numbers above 0."""
    return tuple(inputs.count(word) for word in inputs.words(given))


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    """What `plan_study` is asked with: the file, and what the other options say instead."""
    from playground.studies import StudySpec

    asked: dict[str, Any] = {}
    verbalizer = None
    if options.spec:
        spec = StudySpec.from_json(Path(options.spec).read_text(encoding="utf-8"))
        verbalizer = spec.read_verbalizer()
        asked = spec.asked()
    source = options.dataset or asked.get("dataset", "reviews")
    table, task = inputs.table(source)
    if verbalizer is None or options.labels or options.verbalizer:
        verbalizer = inputs.verbalizer(options, task)
    if options.template or "templates" not in asked:
        asked["templates"] = [str(inputs.template(options, task))]
        if options.template:
            asked["templates"] = options.template
    if options.model or "models" not in asked:
        names = options.model or [DEFAULT_MODEL]
        asked["models"] = [inputs.lasting_model_name(name) for name in names]
    given = {name: getattr(options, name) for name in ("methods", "shots", "seeds", "name")}
    settings = {**asked.get("settings", {})}
    for setting in options.set:
        method, name, value = _setting(setting)
        settings[method] = {**settings.get(method, {}), name: value}
    return {
        **asked,
        **{name: value for name, value in given.items() if value is not None},
        "settings": settings,
        "dataset": source if task is not None else Path(source).name,
        "table": table,
        "verbalizer": verbalizer,
    }


def _setting(given: str) -> tuple[str, str, str]:
    """Method, name and value of “p-tuning.steps=50”. Raises SettingsError."""
    name, equals, value = given.partition("=")
    method, dot, setting = name.partition(".")
    if not (equals and dot and method and setting):
        raise SettingsError(
            f"“{given}” is no setting of a method. Write it as in p-tuning.steps=50.",
            field="set",
            code="studies.bad_setting",
            given=given,
        )
    return method.strip(), setting.strip(), value.strip()


def _run(options: argparse.Namespace) -> int:
    from playground.studies import Studies, plan_study

    planned = plan_study(**_asked(options))
    studies = Studies(Runs())
    try:
        study_id = studies.create(planned)
        say(f"Study {study_id}: {planned.spec.cells} cells.")
        _tell_cost(studies, study_id)
        if options.plan:
            say(f"Start it with: python -m playground study resume {study_id}")
            return 0
        studies.start(study_id)
        return _follow(studies, study_id, options.export)
    finally:
        studies.runs.shutdown()


def _tell_cost(studies: "Studies", study_id: str) -> None:
    """Waits for the timed steps, and says what they foresee."""
    while True:
        progress = studies.progress(study_id)
        timed = [run for run, _ in progress.timings.values()]
        if not any(run.alive for run in timed):
            break
        time.sleep(TIMING_SECONDS)
    for run in timed:
        if run.state == "failed":
            say(f"{run.spec.method} with {run.spec.model} cannot be timed: {run.reason}")
    estimate = progress.estimate
    if estimate.seconds is not None and estimate.bytes is not None:
        say(f"It takes about {_duration(estimate.seconds)} and {estimate.bytes / 1e6:,.1f} MB.")


def _follow(studies: "Studies", study_id: str, export: str | None = None) -> int:
    """Trains the study to its end; Ctrl+C pauses it. The exit code."""
    studies.warm()
    try:
        line = StatusLine(LINE_SECONDS)
        while (progress := studies.wait(study_id, POLL_SECONDS)).study.state == "running":
            line.draw(_status(progress))
        line.draw(_status(progress), last=True)
    except KeyboardInterrupt:
        studies.pause(study_id)
        say(f"\nPaused. Go on with: python -m playground study resume {study_id}")
        return 130
    finally:
        studies.shutdown()
    for cell, run in progress.lost:
        say(f"{cell.point.method}, K={cell.point.shots}, seed {cell.seed}: {run.reason}")
    _print(progress)
    if export is not None:
        _write(studies, study_id, export)
    return 2 if progress.lost else 0


def _status(progress: "Progress") -> str:
    done = sum(cell.ended for cell in progress.cells)
    told = f"{done} of {len(progress.cells)} cells"
    left = progress.estimate.seconds_left
    return f"{told}, {_duration(left)} left" if left else told


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _list(options: argparse.Namespace) -> int:
    studies = _studies()
    rows = [("STUDY", "STATE", "DONE", "NAME")]
    for study in studies.all():
        cells = studies.progress(study.id).cells
        done = sum(cell.measured is not None for cell in cells)
        rows.append((study.id, study.state, f"{done} of {len(cells)}", study.name))
    if len(rows) == 1:
        say("There is no study yet. Start one with: python -m playground study run")
        return 0
    print_table(rows)
    return 0


def _show(options: argparse.Namespace) -> int:
    _print(_studies().progress(options.id))
    return 0


def _print(progress: "Progress") -> None:
    """Test accuracy by line and shots, as in the report."""
    from playground.studies.drawing import lines_of

    shots = progress.study.spec.shots
    rows = [["", *(f"K={k}" for k in shots)]]
    for name, line in lines_of(progress).items():
        known = {point.shots: accuracy for point, accuracy in line}
        rows.append([one_line(name), *(f"{known[k]:.3f}" if k in known else "–" for k in shots)])
    print_table(rows)


def _resume(options: argparse.Namespace) -> int:
    studies = _studies()
    try:
        if options.retry:
            studies.retry(options.id)
        if studies.progress(options.id).study.state not in ("running", "finished"):
            studies.start(options.id)
        return _follow(studies, options.id)
    finally:
        studies.runs.shutdown()


def _extend(options: argparse.Namespace) -> int:
    changes: dict[str, Any] = {
        "methods": options.methods,
        "shots": tuple(map(inputs.count, options.shots)),
        "seeds": tuple(map(inputs.count, options.seeds)),
        "models": tuple(map(inputs.lasting_model_name, options.models)),
        "templates": options.template,
    }
    studies = _studies()
    try:
        added = studies.extend(options.id, **{name: at for name, at in changes.items() if at})
        say(f"New cells: {added}.")
        return _follow(studies, options.id)
    finally:
        studies.runs.shutdown()


def _export(options: argparse.Namespace) -> int:
    _write(_studies(), options.id, options.folder)
    return 0


def _write(studies: "Studies", study_id: str, folder: str) -> None:
    from playground.studies import export_study

    print(export_study(studies, study_id, folder).absolute())


def _delete(options: argparse.Namespace) -> int:
    _studies().delete(options.id)
    return 0


def _studies() -> "Studies":
    from playground.studies import Studies

    return Studies(Runs())
