"""``runs list``, and what a person makes of runs: names, notes, tags, files, deleting with undo."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from playground.cli.inputs import count
from playground.cli.output import one_line, print_table, say
from playground.runs import (
    Entry,
    Filter,
    Group,
    Run,
    Runs,
    differences,
    export_run,
    import_run,
    is_group,
)
from playground.runs.history import DAYS_DELETED
from playground.runs.run import State
from playground.runs.spec import Kind


def add(actions: Any) -> None:
    newest = add_action(actions, "list", _list, "list and search the runs, the newest first", "")
    newest.add_argument(
        "--search", default="", metavar="TEXT", help="words in name, note, tags or template"
    )
    newest.add_argument("--kind", choices=get_args(Kind))
    for name in ("method", "dataset", "model", "study", "tag"):
        newest.add_argument(f"--{name}", metavar="NAME")
    newest.add_argument("--state", choices=get_args(State))
    newest.add_argument("--deleted", action="store_true", help="those that can be restored")
    newest.add_argument("--before", metavar="ID", help="go on after this one of an earlier list")
    newest.add_argument("--limit", type=count, default=20, metavar="N", help="(default: 20)")
    newest.add_argument("--disk", action="store_true", help="say what the files of each take")

    rename = add_action(actions, "rename", _rename, "call a run something else")
    rename.add_argument("name", metavar="NAME")
    note = add_action(actions, "note", _note, "note something of a run, or print the note")
    note.add_argument("text", nargs="?", metavar="TEXT", help='"" takes the note away')
    tag = add_action(actions, "tag", _tag, "give a run tags, and print those it has")
    tag.add_argument("tags", nargs="*", metavar="TAG")
    tag.add_argument("--remove", action="append", default=[], metavar="TAG")
    add_action(
        actions,
        "delete",
        _delete,
        f"delete a run that has ended; for {DAYS_DELETED} days it can be restored",
    )
    add_action(actions, "restore", _restore, "bring a deleted run back")
    purge = add_action(actions, "purge", _purge, "forget deleted runs for good", "")
    purge.add_argument("id", nargs="?", metavar="ID", help="only this one")
    add_action(actions, "diff", _diff, "print in which settings runs differ", "+")
    export = add_action(actions, "export", _export, "write a run into one file")
    export.add_argument("file", nargs="?", metavar="FILE", help="(default: ID.zip)")
    bring = add_action(actions, "import", _import, "keep a run from a file of “runs export”", "")
    bring.add_argument("file", metavar="FILE")


def add_action(
    actions: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
    ids: str = "1",
) -> argparse.ArgumentParser:
    """One of the things to do with runs: with one of them, or "+", several, or "", none."""
    action: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about)
    told = "a run or a group, as “runs list” names it"
    if ids == "+":
        action.add_argument("ids", nargs="+", metavar="ID", help=told)
    elif ids:
        action.add_argument("id", metavar="ID", help=told)
    action.set_defaults(run=run, action=name)
    return action


def steps_of(run: Run | Group) -> str:
    return f"{run.step}/{run.steps}" if run.steps else "–"


def _list(options: argparse.Namespace) -> int:
    runs = Runs()
    wanted = Filter(
        text=options.search,
        **{name: getattr(options, name) for name in ("kind", "method", "dataset", "model")},
        **{name: getattr(options, name) for name in ("study", "state", "tag", "deleted")},
    )
    found = runs.search(wanted, options.before, options.limit)
    if not found:
        if wanted == Filter() and options.before is None:
            say("There are no runs yet. Start one with: python -m playground train METHOD")
        else:
            say("No run is so.")
        return 0
    columns: dict[str, Callable[[Entry], str]] = {
        "ID": lambda entry: entry.id,
        "STARTED (UTC)": lambda entry: entry.runs[0].created,
        "STATE": lambda entry: entry.standing.state,
        "STEP": lambda entry: steps_of(entry.standing),
        "MODEL": lambda entry: entry.runs[0].spec.model,
    }
    if any(is_group(entry.id) for entry in found):
        columns["RUNS"] = lambda entry: str(len(entry.runs))
    if options.disk:
        columns["DISK"] = lambda entry: _megabytes(runs.history.bytes_of(entry.id))
    if any(entry.tags for entry in found):
        columns["TAGS"] = lambda entry: ",".join(entry.tags)
    columns["NAME"] = lambda entry: entry.standing.name
    print_table([list(columns), *([cell(entry) for cell in columns.values()] for entry in found)])
    if options.disk:
        say(f"All runs together, deleted ones too: {_megabytes(runs.history.all_bytes())}.")
    return 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _rename(options: argparse.Namespace) -> int:
    history = Runs().history
    history.rename(options.id, options.name)
    print(f"{options.id} is called {history.entry(options.id).standing.label}.")
    return 0


def _note(options: argparse.Namespace) -> int:
    history = Runs().history
    if options.text is not None:
        history.set_note(options.id, options.text)
    for line in history.entry(options.id).note.splitlines():
        print(one_line(line))
    return 0


def _tag(options: argparse.Namespace) -> int:
    history = Runs().history
    if options.tags or options.remove:
        tags = {*history.entry(options.id).tags, *options.tags} - {*options.remove}
        history.set_tags(options.id, sorted(tags))
    for tag in history.entry(options.id).tags:
        print(one_line(tag))
    return 0


def _delete(options: argparse.Namespace) -> int:
    Runs().delete(options.id)
    print(f"{options.id} is deleted.")
    say(f"Bring it back with: python -m playground runs restore {options.id}")
    return 0


def _restore(options: argparse.Namespace) -> int:
    Runs().history.restore(options.id)
    print(f"{options.id} is restored.")
    return 0


def _purge(options: argparse.Namespace) -> int:
    purged = Runs().history.purge(options.id)
    print(f"{purged} deleted {'run is' if purged == 1 else 'runs are'} forgotten for good.")
    return 0


def _diff(options: argparse.Namespace) -> int:
    history = Runs().history
    compared = [run for run_id in options.ids for run in history.entry(run_id).runs]
    found = differences(compared)
    if not found:
        say("They differ in no setting.")
        return 0
    rows = [
        [name, *("–" if value is None else str(value) for value in values)]
        for name, values in found.items()
    ]
    print_table([["SETTING", *(run.id for run in compared)], *rows])
    return 0


def _export(options: argparse.Namespace) -> int:
    target = Path(options.file or f"{options.id}.zip")
    print(export_run(Runs().history, options.id, target))
    return 0


def _import(options: argparse.Namespace) -> int:
    print(import_run(Runs().history, Path(options.file)))
    return 0
