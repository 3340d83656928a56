"""A run as one file, to be taken elsewhere: a zip of JSON, CSV and safetensors.

``run.json`` says what was asked, how the run stands and what was noted of it, ``events.jsonl`` has
its events, a line each; the files of its folder lie beside them under the names they have there.
A file may come from anyone: nothing in it is unpacked before every entry is known to be one of
those, and none is larger than a run's would be.
"""

import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, Literal

from filelock import Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from playground.errors import RunError
from playground.runs.folder import RunFolder, whole_folder
from playground.runs.group import is_group
from playground.runs.history import NOTE_LENGTH, History, tidy_tags
from playground.runs.run import Run
from playground.runs.spec import RunSpec

RUN, EVENTS = "run.json", "events.jsonl"
TABLES = ("train", "dev", "pinned", "unlabelled", "test", "rows")
FOLDERS = ("checkpoint", "prompt", "comparison", "search")
MOST_ENTRIES = 1000
RUN_BYTES, LINE_BYTES, EVENTS_BYTES, ALL_BYTES = 2**20, 2**20, 2**27, 2**32
REASON_LENGTH = 4000
LOCK_SECONDS = 0.2

_FILE = re.compile(
    rf"(?:{'|'.join(TABLES)})\.csv|(?:{'|'.join(FOLDERS)})/(?:[\w-]+/){{0,3}}"
    r"[\w-][\w.-]*\.(?:json|csv|safetensors)",
    re.ASCII,
)


class _Told(BaseModel):
    """What ``run.json`` holds."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["prompt-playground-run"] = "prompt-playground-run"
    version: Literal[1] = 1
    created: AwareDatetime
    spec: RunSpec
    state: Literal["finished", "stopped", "failed", "interrupted"]
    reason: str = Field("", max_length=REASON_LENGTH)
    code: str = Field("", max_length=100)
    details: dict[str, Any] = Field(default_factory=dict)
    step: int = Field(ge=0, lt=2**53)
    steps: int = Field(ge=0, lt=2**53)
    note: str = Field("", max_length=NOTE_LENGTH)
    tags: list[str] = Field(default_factory=list)


def export_run(history: History, run_id: str, target: Path) -> Path:
    """Writes a run into the file ``target``, which it replaces; returns where that lies.

    Raises RunError while the run is at work, and for a group, whose runs are files of their own.
    """
    store = history.store
    if is_group(run_id):
        ids = ", ".join(run.id for run in store.group(run_id))
        raise RunError(
            f"A file holds one run, and {run_id} is a group. Export its runs one by one: {ids}.",
            code="runs.export_group",
            run=run_id,
            runs=ids,
        )
    store.settle(run_id)
    fresh = target.with_name(target.name + ".new")
    try:
        with store.folder(run_id).lock(LOCK_SECONDS):
            store.get(run_id)
            try:
                _write(history, run_id, fresh)
                fresh.replace(target)
            finally:
                fresh.unlink(missing_ok=True)
    except Timeout:
        label = store.get(run_id).label
        raise RunError(
            f"The run {label} is at work, and its files change. Stop it, then export it.",
            code="runs.export_working",
            run=label,
        ) from None
    return target.absolute()


def _write(history: History, run_id: str, target: Path) -> None:
    entry = history.entry(run_id)
    (run,) = entry.runs
    told = _Told.model_validate(
        {
            **{name: getattr(run, name) for name in _Told.model_fields if hasattr(run, name)},
            "spec": run.spec.model_copy(update={"group": "", "study": ""}),
            "state": "stopped" if run.alive else run.state,
            "reason": run.reason[:REASON_LENGTH],
            "note": entry.note,
            "tags": entry.tags,
        }
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RUN, told.model_dump_json(indent=1))
        with archive.open(EVENTS, "w", force_zip64=True) as lines:
            for event in _events(history, run_id):
                lines.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")
        for name, path in _files(history.store.folder(run_id)):
            dense = path.suffix == ".safetensors"
            archive.write(path, name, zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED)


def _events(history: History, run_id: str) -> Iterator[dict[str, Any]]:
    cursor = 0
    while events := history.store.events(run_id, cursor):
        for event in events:
            cursor = event.pop("id")
            yield event


def _files(folder: RunFolder) -> Iterator[tuple[str, Path]]:
    """The files of a run that go into its archive, with their names there."""
    for name in TABLES:
        if folder.table(name).exists():
            yield f"{name}.csv", folder.table(name)
    for name in FOLDERS:
        whole = whole_folder(folder.path / name)
        for path in sorted(whole.rglob("*")) if whole else ():
            inside = f"{name}/{path.relative_to(whole).as_posix()}" if whole else ""
            if path.is_file() and _FILE.fullmatch(inside):
                yield inside, path


def import_run(history: History, source: Path) -> str:
    """Keeps the run that `export_run` has written into ``source`` under a new id, and returns it.

    Raises RunError where the file is not such a one or has in it what a run has not, and
    TemplateError or VerbalizerError where its prompt cannot be read. Nothing is kept then.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            entries = _checked(archive)
            told = _Told.model_validate_json(archive.read(RUN))
            told.spec.read_template()
            told.spec.read_verbalizer()
            tags = tidy_tags(told.tags)
            run = Run(
                id="",
                created=told.created.astimezone(UTC).isoformat(timespec="seconds"),
                spec=told.spec.model_copy(update={"group": "", "study": ""}),
                **told.model_dump(include={"state", "reason", "step", "steps", "code", "details"}),
            )

            def fill(folder: RunFolder) -> None:
                for entry in entries:
                    target = folder.path / entry.filename
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as packed, target.open("xb") as file:
                        shutil.copyfileobj(packed, file)

            run_id = history.store.keep(run, fill, list(_read_events(archive)))
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError) as error:
        raise _not_a_run() from error
    history.set_note(run_id, told.note)
    history.set_tags(run_id, tags)
    return run_id


def _checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries that are files of a run's folder, once all that are there may be."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if not {RUN, EVENTS} <= set(names):
        raise _not_a_run()
    for entry in entries:
        known = entry.filename in (RUN, EVENTS) or _FILE.fullmatch(entry.filename)
        if not known or entry.flag_bits & 1:  # encrypted
            name = entry.filename[:100]
            raise RunError(
                f"The file holds {name!r}, which no run has. It may be damaged or made by another "
                "program; nothing of it was kept.",
                code="runs.import_unknown_entry",
                entry=name,
            )
    packings = {entry.compress_type for entry in entries}
    distinct = {name.casefold() for name in names}
    if len(distinct) < len(names) or packings - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _not_a_run()
    # zipfile reads no more of an entry than the size that is said here
    sizes = {entry.filename: entry.file_size for entry in entries}
    if (
        len(entries) > MOST_ENTRIES
        or sizes[RUN] > RUN_BYTES
        or sizes[EVENTS] > EVENTS_BYTES
        or sum(sizes.values()) > ALL_BYTES
    ):
        raise RunError(
            "What the file holds is larger than a run may be. Nothing of it was kept.",
            code="runs.import_too_large",
        )
    return [entry for entry in entries if entry.filename not in (RUN, EVENTS)]


def _read_events(archive: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    with archive.open(EVENTS) as lines:
        while line := lines.readline(LINE_BYTES + 1):
            try:
                event = json.loads(line) if len(line) <= LINE_BYTES else None
            except (ValueError, RecursionError):
                raise _not_a_run() from None
            if not isinstance(event, dict) or "id" in event:
                raise _not_a_run()
            step, split = event.get("step"), event.get("split")
            if type(step) is not int or not 0 <= step < 2**53 or not isinstance(split, str):
                raise _not_a_run()
            yield event


def _not_a_run() -> RunError:
    return RunError(
        "This file does not hold a run, or is damaged. Choose one that was written by exporting a "
        "run.",
        code="runs.import_not_a_run",
    )
