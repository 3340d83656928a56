"""A worker where there is no store: everything that it would do there, whoever has it does for it.

What it tells waits in a mailbox until the other end fetches it, and is done there in the order of
its telling. Nothing in here knows how the two ends reach each other.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.processors import give_back_memory
from playground.runs.folder import RunFolder, whole_folder
from playground.runs.run import Command, Run, State
from playground.runs.spec import RunSpec
from playground.runs.worker import StopSignal, run, step_back, warm_up, writing_to

WAIT_SECONDS = 0.2  # at most, for something to tell; so long may an order take to arrive
TABLES = "*.csv"

Files = dict[str, bytes]  # by their path in the folder that they are of


@dataclass(frozen=True)
class Message:
    """Something to be done at the store. With a ``number`` the worker waits for the answer."""

    number: int | None
    name: str
    arguments: tuple[Any, ...]


class Mailbox:
    """Between the thread that works and the one that is asked what there is to tell."""

    def __init__(self) -> None:
        self.order: Command = "run"
        self._numbers = itertools.count()
        self._told: list[Message] = []
        self._answers: dict[int, Any] = {}
        self._changed = threading.Condition()

    def tell(self, name: str, *arguments: Any) -> None:
        with self._changed:
            self._told.append(Message(None, name, arguments))
            self._changed.notify_all()

    def ask(self, name: str, *arguments: Any) -> Any:
        """Waits until what was told is done, and returns what came of it."""
        with self._changed:
            number = next(self._numbers)
            self._told.append(Message(number, name, arguments))
            self._changed.notify_all()
            self._changed.wait_for(lambda: number in self._answers)
            return self._answers.pop(number)

    def exchange(self, order: Command, answers: Mapping[int, Any]) -> list[Message]:
        """Takes what the store says, and gives what there is for it, once there is something."""
        with self._changed:
            self.order = order
            self._answers.update(answers)
            self._changed.notify_all()
            self._changed.wait_for(lambda: bool(self._told), WAIT_SECONDS)
            told, self._told = self._told, []
            return told


@dataclass(frozen=True)
class SentFolder(RunFolder):
    """A folder of which what is put in place here is put in place at the store, too."""

    mailbox: Mailbox

    def replace(self, name: str, write: Callable[[Path], object]) -> None:
        super().replace(name, write)
        # waits: what a checkpoint costs is the sending, too, and two need not be on their way
        self.mailbox.ask("replace", name, pack(self.path / name))

    def remove(self, name: str) -> None:
        super().remove(name)
        self.mailbox.tell("remove", name)


class SentLedger:
    """The store of one run, as its worker sees it."""

    def __init__(self, run: Run, folder: SentFolder, mailbox: Mailbox) -> None:
        self._run = run
        self._folder = folder
        self._mailbox = mailbox

    def get(self, run_id: str) -> Run:
        return self._run

    def folder(self, run_id: str) -> RunFolder:
        return self._folder

    def set_state(
        self,
        run_id: str,
        state: State,
        reason: str = "",
        *,
        code: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        error = {"code": code, "details": dict(details or {})}
        self._mailbox.ask("set_state", state, reason, error)

    def set_progress(self, run_id: str, step: int, steps: int) -> None:
        self._mailbox.tell("set_progress", step, steps)

    def read_order(self, run_id: str) -> Command:
        return self._mailbox.order

    def take_step_order(self, run_id: str) -> bool:
        return bool(self._mailbox.ask("take_step_order"))

    def append(self, run_id: str, events: Iterable[Mapping[str, Any]]) -> None:
        self._mailbox.tell("append", list(events))


class RemoteWorker:
    """Carries out run after run, one at a time, warmed up once."""

    def __init__(self) -> None:
        self._mailbox = Mailbox()
        step_back()
        with contextlib.suppress(Exception):  # it is raised again, and told, when a run needs it
            warm_up()

    def begin(self, run_id: str, spec: str, files: Files) -> None:
        """Begins a run of the ``spec``, in JSON, with the ``files`` of its folder."""
        self._mailbox = mailbox = Mailbox()
        folder = SentFolder(Path(tempfile.mkdtemp(prefix="playground-")), mailbox)
        unpack(files, folder.path)
        asked = Run(run_id, "", RunSpec.model_validate_json(spec), "queued")
        ledger = SentLedger(asked, folder, mailbox)
        threading.Thread(target=_carry_out, args=(ledger, run_id, mailbox), daemon=True).start()

    def exchange(self, order: Command, answers: Mapping[int, Any]) -> list[Message]:
        """As `Mailbox.exchange`. The message "done" is the last of a run."""
        return self._mailbox.exchange(order, answers)


def _carry_out(ledger: SentLedger, run_id: str, mailbox: Mailbox) -> None:
    folder = ledger.folder(run_id)
    try:
        with writing_to(folder.log):
            try:
                run(ledger, run_id, StopSignal())
            except Exception:
                traceback.print_exc()
        mailbox.tell("write_log", folder.log.read_bytes())
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)
        give_back_memory()
        mailbox.tell("done")


def pack(folder: Path) -> Files:
    """All files in and under a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def unpack(files: Files, folder: Path) -> None:
    """Writes ``files`` into a folder. Raises ValueError for one that would lie outside of it."""
    for name, content in files.items():
        target = Path(os.path.normpath(folder / name))
        if not target.is_relative_to(folder):
            raise ValueError(f"{name!r} lies outside of its folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def pack_run(folder: RunFolder) -> Files:
    """What a worker elsewhere needs of a run's folder: its tables, and its last checkpoint."""
    files = {file.name: file.read_bytes() for file in folder.path.glob(TABLES)}
    checkpoint = whole_folder(folder.checkpoint)
    if checkpoint is not None:
        inside = pack(checkpoint).items()
        files |= {f"{folder.checkpoint.name}/{name}": content for name, content in inside}
    return files
