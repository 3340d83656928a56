"""The process that carries out one run: ``python -m playground.runs.worker --home FOLDER``.

It warms the engine up first and then waits on its standard input for the id of a run, so that one
kept ready begins at once. From then on it needs nobody: it tells the store what happens, takes its
orders from there, and ends with its run. The only module of ``runs`` that imports the engine.
"""

import argparse
import contextlib
import functools
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filelock import Timeout

from playground.errors import PlaygroundError
from playground.processors import settle_threads
from playground.runs.failure import failure
from playground.runs.folder import RunFolder, replace_folder, whole_folder
from playground.runs.run import State
from playground.runs.spec import RunSpec
from playground.runs.store import RunStore

if TYPE_CHECKING:
    from playground.models import LanguageModel

POLL_SECONDS = 0.02  # between two looks at the orders while a run is paused
CHECKPOINT_SECONDS = 2.0
CHECKPOINT_SHARE = 0.05  # of the time at most goes into checkpoints, however large they are
NICENESS = 5
LOCK_SECONDS = 10.0  # the wait for the run's last worker to be gone


class Result(Protocol):
    """What the worker needs of what is left: a trained prompt, or what was found."""

    def save(self, folder: Path) -> object: ...


class Training(Protocol):
    """What the worker needs of a training; comparisons and searches are walked through likewise.

    Iterating makes the steps and yields events; None is a breath, at which control may be taken.
    """

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def looking(self) -> bool: ...  # a step is made, and what is due after it not all yielded

    def __iter__(self) -> Iterator[Mapping[str, Any] | None]: ...
    def save_checkpoint(self, folder: Path, last: Path | None) -> object: ...
    def load_checkpoint(self, folder: Path) -> object: ...
    def results(self) -> Mapping[str, Result]: ...


class StopSignal:
    """Whether the system asked this process to end (SIGTERM). That is an order to stop, too."""

    received = False

    def receive(self, *_: object) -> None:
        self.received = True


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
        replace_folder(
            self.folder.checkpoint, lambda fresh: self.training.save_checkpoint(fresh, last)
        )
        ended = time.monotonic()
        self.next_checkpoint = ended + max(CHECKPOINT_SECONDS, (ended - begun) / CHECKPOINT_SHARE)

    def results(self) -> None:
        for name, result in self.training.results().items():
            replace_folder(self.folder.path / name, result.save)


def work(store: RunStore, run_id: str, training: Training, stop: StopSignal) -> State:
    """Trains a run under the orders of the store; returns the state that it ended in.

    Orders are heeded between two events or breaths. "step" makes exactly one step of training and
    pauses again. Stopped, finished, or at a PlaygroundError, which is raised again, the run has a
    checkpoint and usable results. The caller holds the run's lock and has set its state to
    "running".
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
    saver.checkpoint()
    saver.results()
    store.set_state(run_id, state)
    return state


@functools.cache
def language_model(name: str) -> "LanguageModel":
    """The model of that name, loaded once: the one from the warm-up may be the run's own."""
    from playground.models import load_model

    model = load_model(name)
    settle_threads(model.parameters)
    return model


def load(spec: RunSpec, folder: RunFolder) -> Training:
    """What ``spec`` describes, from its last checkpoint if there is one."""
    training = _KINDS[spec.kind](spec, folder)
    checkpoint = whole_folder(folder.checkpoint)
    if checkpoint is not None:
        training.load_checkpoint(checkpoint)
    return training


def _training(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods import start

    return start(
        spec.method,
        language_model(spec.model),
        spec.read_template(),
        spec.read_verbalizer(),
        folder.read_table("train"),
        folder.read_table("dev"),
        {"seed": spec.seed, **spec.settings},
        **_tables(folder, "pinned", "unlabelled"),
    )


def _learning_rate(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.learning_rate_finder import start_finder

    return start_finder(
        spec.method,
        language_model(spec.model),
        spec.read_template(),
        spec.read_verbalizer(),
        folder.read_table("train"),
        {"seed": spec.seed, **spec.settings},
        **_tables(folder, "unlabelled"),
    )


def _tables(folder: RunFolder, *names: str) -> dict[str, Any]:
    """Those of the tables that were given."""
    return {name: folder.read_table(name) for name in names if folder.table(name).exists()}


def _comparison(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.comparison import Comparison
    from playground.methods.comparison_settings import ComparisonSettings

    settings = ComparisonSettings.checked({"seed": spec.seed, **spec.settings})
    return Comparison(
        language_model(spec.model),
        settings.read_templates(),
        settings.read_verbalizers(),
        folder.read_table("rows"),
        train=folder.read_table("train"),
        demonstrations=settings.demonstrations,
        calibration=settings.calibration,
        seed=settings.seed,
    )


def _search(spec: RunSpec, folder: RunFolder) -> Training:
    from playground.methods.searches import start_search

    return start_search(
        spec.method,
        language_model(spec.model),
        spec.read_template(),
        spec.read_verbalizer(),
        folder.read_table("train"),
        folder.read_table("dev"),
        {"seed": spec.seed, **spec.settings},
    )


_KINDS = {
    "training": _training,
    "comparison": _comparison,
    "search": _search,
    "learning-rate": _learning_rate,
}


@contextlib.contextmanager
def ending_at_stop(store: RunStore, run_id: str, stop: StopSignal) -> Iterator[None]:
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


def run(store: RunStore, run_id: str, stop: StopSignal) -> None:
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


def write_to(log: Path) -> None:
    """Sends everything that this process prints, the libraries' warnings too, to the run's log."""
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the folder that holds the runs")
    home = parser.parse_args(arguments).home
    step_back()
    with contextlib.suppress(Exception):  # it is raised again, and told, when a run loads its model
        warm_up()
    run_id = sys.stdin.readline().strip()
    if not run_id:  # whoever kept this worker ready is gone
        return
    stop = StopSignal()
    signal.signal(signal.SIGTERM, stop.receive)
    store = RunStore(home)
    write_to(store.folder(run_id).log)
    with contextlib.suppress(Timeout):  # another worker has the run
        run(store, run_id, stop)


if __name__ == "__main__":
    main()
