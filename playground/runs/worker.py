"""The process that carries out runs: ``python -m playground.runs.worker --home FOLDER``.

It warms the engine up first and then waits on its standard input for the id of a run, so that one
kept ready begins at once. In a run it needs nobody: it tells the store what happens and takes its
orders from there. That it is done with one it says by a line on its standard output, the run's id,
and waits for the next; it ends with its input.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from filelock import Timeout

from playground.child_process import private_output
from playground.errors import PlaygroundError
from playground.processors import give_back_memory
from playground.runs.failure import failure
from playground.runs.folder import RunFolder, whole_folder
from playground.runs.ledger import Ledger
from playground.runs.loading import language_model, load
from playground.runs.run import State
from playground.runs.store import RunStore
from playground.runs.training import Training

POLL_SECONDS = 0.02  # between two looks at the orders while a run is paused
CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.05  # of the time at most goes into checkpoints, however large they are
NICENESS = 5
LOCK_SECONDS = 10.0  # the wait for the run's last worker to be gone


class StopSignal:
    """Whether the system asked this process to end (SIGTERM). That is an order to stop, too."""

    received = False

    def receive(self, *_: object) -> None:
        self.received = True

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Takes the signal for an order while a run is there to obey it."""
        before = signal.signal(signal.SIGTERM, self.receive)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


class Saver:
    """Writes what a training has come to into the folder of its run."""

    def __init__(self, folder: RunFolder, training: Training) -> None:
        self.folder = folder
        self.training = training
        self.next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.next_checkpoint

    def checkpoint(self) -> None:
        begun = time.monotonic()
        last = whole_folder(self.folder.checkpoint)
        self.folder.replace("checkpoint", lambda fresh: self.training.save_checkpoint(fresh, last))
        ended = time.monotonic()
        self.next_checkpoint = ended + max(CHECKPOINT_SECONDS, (ended - begun) / CHECKPOINT_SHARE)

    def forget(self) -> None:
        """Removes the checkpoints: nothing is left to resume, and they outweigh the results."""
        self.folder.remove("checkpoint")

    def results(self) -> None:
        for name, result in self.training.results().items():
            self.folder.replace(name, result.save)


def work(store: Ledger, run_id: str, training: Training, stop: StopSignal) -> State:
    """Trains a run under the orders of the store; returns the state that it ended in.

    Orders are heeded between two events or breaths. "step" makes exactly one step of training and
    pauses again. Stopped, finished, or at a PlaygroundError, which is raised again, the run has
    usable results, and a checkpoint unless it is finished. The caller holds the run's lock and has
    set its state to "running".
    """

    def command() -> str:
        return "stop" if stop.received else store.read_order(run_id)

    saver = Saver(store.folder(run_id), training)
    told = -1  # the step that the store knows of
    single = 0  # the step at which a single step is done
    paused = False
    events = iter(training)
    state: State = "finished"
    while True:
        order = command()
        if order == "stop":
            state = "stopped"
            break
        if order == "step" and training.step >= single:
            if not store.take_step_order(run_id):
                continue
            single = training.step + 1
        elif order == "pause" and (
            training.step > single or (training.step == single and not training.looking)
        ):
            if not paused:
                saver.checkpoint()
                store.set_state(run_id, "paused")
                paused = True
            time.sleep(POLL_SECONDS)
            continue
        if paused:
            store.set_state(run_id, "running")
            paused = False
        try:
            event = next(events)
        except StopIteration:
            break
        except PlaygroundError:  # what is said of it is said by the caller
            saver.checkpoint()
            saver.results()
            raise
        if event is not None:
            store.append(run_id, [event])
        if training.step != told:
            told = training.step
            store.set_progress(run_id, told, training.steps)
        if saver.due:
            saver.checkpoint()
    store.set_progress(run_id, training.step, training.steps)
    if state == "stopped":
        saver.checkpoint()
    saver.results()
    store.set_state(run_id, state)
    if state == "finished":
        saver.forget()
    return state


@contextlib.contextmanager
def ending_at_stop(store: Ledger, run_id: str, stop: StopSignal) -> Iterator[None]:
    """Ends the process at an order to stop.

    For the time in which a model is fetched and loaded: it may be long, cannot be told to leave
    off, and has nothing yet that could be lost.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if stop.received or store.read_order(run_id) == "stop":
                store.set_state(run_id, "stopped")
                sys.stderr.flush()
                os._exit(0)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def run(store: Ledger, run_id: str, stop: StopSignal) -> None:
    """Carries one queued run out, from loading its model to its end. Errors go into the store."""
    folder = store.folder(run_id)
    with folder.lock(timeout=LOCK_SECONDS):
        queued = store.get(run_id)
        if queued.state != "queued":  # stopped while it waited, or taken by another worker
            return
        store.set_state(run_id, "running")
        try:
            with ending_at_stop(store, run_id, stop):
                training = load(queued.spec, folder)
            work(store, run_id, training, stop)
        except Exception as caught:
            traceback.print_exc()
            error = failure(caught)
            store.set_state(run_id, "failed", error.message, code=error.code, details=error.details)


def step_back() -> None:
    """Lets the page come first where cores are few."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    # Linux weighs whole sessions against each other, and a worker is a session of its own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def warm_up() -> None:
    """Takes the seconds that torch and a first model need while no run waits for them."""
    import playground.methods  # noqa: F401
    from playground.models import built_in_models

    for name in built_in_models()[:1]:  # brings in what other models need, too
        language_model(name)


@contextlib.contextmanager
def writing_to(log: Path) -> Iterator[None]:
    """Sends everything that this process prints, the libraries' warnings too, to the run's log."""
    streams = (sys.stdout, sys.stderr)
    before = [os.dup(stream.fileno()) for stream in streams]
    with log.open("ab") as file:
        _send(streams, [file.fileno(), file.fileno()])
    try:
        yield
    finally:
        _send(streams, before)
        for number in before:
            os.close(number)


def _send(streams: Sequence[TextIO], targets: Sequence[int]) -> None:
    for stream, target in zip(streams, targets, strict=True):
        stream.flush()
        os.dup2(target, stream.fileno())


def serve(home: Path, asked: Iterable[str], done: TextIO) -> None:
    """Carries out the runs whose ids are ``asked``, a line each, and tells which are ``done``.

    Ends with the lines, or after the run in which the system asked this process to end.
    """
    stop = StopSignal()
    for run_id in map(str.strip, asked):
        with (
            contextlib.closing(RunStore(home)) as store,
            stop.awaited(),
            writing_to(store.folder(run_id).log),
            contextlib.suppress(Timeout),  # another worker has the run
        ):
            run(store, run_id, stop)
        give_back_memory()
        if stop.received:
            return
        with contextlib.suppress(OSError):  # whoever would hear it is gone: so will be the lines
            print(run_id, file=done, flush=True)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder that holds the runs")
    home = parser.parse_args(arguments).home
    done = private_output()
    step_back()
    with contextlib.suppress(Exception):  # it is raised again, and told, when a run loads its model
        warm_up()
    serve(home, sys.stdin, done)


if __name__ == "__main__":
    main()
