"""The worker's loop, in this process, over a training that is over in no time."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_worker import FakeTraining, load
from processes import python, wait_until

from playground.runs import RunSpec, RunStore, worker
from playground.runs.folder import replace_folder, whole_folder
from playground.runs.worker import StopSignal, run, work

Spec = Callable[..., RunSpec]


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "load", load)


@pytest.fixture
def run_id(store: RunStore, spec: Spec) -> str:
    run_id = store.create(spec())
    store.set_state(run_id, "running")
    return run_id


class Background:
    """The loop in a thread, to be steered from the test."""

    def __init__(self, store: RunStore, run_id: str, training: FakeTraining) -> None:
        self.store, self.run_id, self.training = store, run_id, training
        self.stop = StopSignal()
        self.thread = threading.Thread(target=work, args=(store, run_id, training, self.stop))

    def __enter__(self) -> "Background":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.received = True
        self.thread.join(10)

    def reaches(self, state: str) -> float:
        return wait_until(lambda: self.store.get(self.run_id).state == state)


@pytest.fixture
def background(store: RunStore, run_id: str) -> Callable[..., Background]:
    return lambda **settings: Background(store, run_id, FakeTraining(**settings))


def told(store: RunStore, run_id: str) -> list[dict[str, object]]:
    return [{k: v for k, v in e.items() if k != "id"} for e in store.events(run_id, limit=10_000)]


def prompt_step(store: RunStore, run_id: str) -> int:
    step: int = json.loads((store.folder(run_id).prompt / "prompt.json").read_text())["step"]
    return step


def test_it_trains_to_the_end(store: RunStore, run_id: str) -> None:
    assert work(store, run_id, FakeTraining(12), StopSignal()) == "finished"
    run = store.get(run_id)
    assert (run.state, run.step, run.steps) == ("finished", 12, 12)
    assert told(store, run_id) == [event for event in FakeTraining(12) if event]
    assert prompt_step(store, run_id) == 12
    assert whole_folder(store.folder(run_id).checkpoint) is None  # nothing is left to resume


def test_stop_is_answered_at_once_and_leaves_a_prompt(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    with background(steps=1000, seconds=0.1) as training:
        wait_until(lambda: store.get(run_id).step >= 3)
        store.order(run_id, "stop")
        assert training.reaches("stopped") < 0.2
    assert prompt_step(store, run_id) == store.get(run_id).step >= 3
    resumed = FakeTraining(1000)
    resumed.load_checkpoint(store.folder(run_id).checkpoint)
    assert resumed.step == store.get(run_id).step


def test_the_systems_signal_is_an_order_to_stop(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    with background(steps=1000, seconds=0.1) as training:
        wait_until(lambda: store.get(run_id).step >= 1)
        training.stop.receive(signal.SIGTERM, None)
        assert training.reaches("stopped") < 0.2
    assert prompt_step(store, run_id) >= 1


def test_pause_holds_and_run_goes_on(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    with background(steps=40, seconds=0.02) as training:
        wait_until(lambda: store.get(run_id).step >= 2)
        store.order(run_id, "pause")
        training.reaches("paused")
        step, events = store.get(run_id).step, told(store, run_id)
        assert whole_folder(store.folder(run_id).checkpoint)
        time.sleep(0.2)
        assert (store.get(run_id).step, told(store, run_id)) == (step, events)
        store.order(run_id, "run")
        training.reaches("finished")
    assert told(store, run_id) == [event for event in FakeTraining(40) if event]


def test_step_makes_exactly_one_step(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    store.order(run_id, "pause")
    with background(steps=40, seconds=0.02) as training:
        training.reaches("paused")
        for step in range(1, 8):
            store.order(run_id, "step")
            wait_until(lambda step=step: store.get(run_id).step == step)
            training.reaches("paused")
            time.sleep(0.05)
            assert training.training.step == step
        assert [e["step"] for e in told(store, run_id) if e["split"] == "train"] == [*range(1, 8)]


def test_a_run_may_begin_with_a_step(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    store.order(run_id, "step")
    with background(steps=40) as training:
        training.reaches("paused")
        assert training.training.step == 1


def test_orders_given_during_a_step_are_not_lost(
    store: RunStore, run_id: str, background: Callable[..., Background]
) -> None:
    store.order(run_id, "pause")
    with background(steps=40, seconds=0.2) as training:
        training.reaches("paused")
        store.order(run_id, "step")
        training.reaches("running")
        store.order(run_id, "step")  # while the first one is made
        wait_until(lambda: training.training.step == 2)
        training.reaches("paused")
        assert training.training.step == 2
        store.order(run_id, "step")
        training.reaches("running")
        store.order(run_id, "stop")
        assert training.reaches("stopped") < 0.2
        assert training.training.step == 2


def test_a_run_killed_anywhere_goes_on_along_the_same_curve(
    store: RunStore, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(worker, "CHECKPOINT_SHARE", 1.0)
    whole = [event for event in FakeTraining(20) if event]
    for death in range(1, 45, 3):
        run_id = store.create(spec(steps=20))
        first = store.append

        def append(*arguments: object, first: Callable[..., None] = first, left=[death]) -> None:  # noqa: B006
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt  # nothing in the worker catches it, like a kill
            first(*arguments)

        monkeypatch.setattr(store, "append", append)
        store.set_state(run_id, "running")
        try:
            work(store, run_id, FakeTraining(20), StopSignal())
        except KeyboardInterrupt:
            assert store.settle(run_id).state == "interrupted"
            monkeypatch.setattr(store, "append", first)
            store.queue(run_id)
            run(store, run_id, StopSignal())
        monkeypatch.setattr(store, "append", first)
        assert store.get(run_id).state == "finished"
        assert told(store, run_id) == whole


def test_a_sentence_that_stops_a_training_is_kept_with_its_code(
    store: RunStore, spec: Spec
) -> None:
    run_id = store.create(spec(fail_at=3, how="sentence"))
    run(store, run_id, StopSignal())
    failed = store.get(run_id)
    assert (failed.state, failed.step) == ("failed", 2)
    assert failed.reason == "Row 3 is wrong. Mend it."
    assert (failed.code, failed.details) == ("data.wrong", {"row": 3})
    folder = store.folder(run_id)  # what there was before is kept
    assert json.loads((folder.checkpoint / "step.json").read_text()) == 2
    assert json.loads((folder.path / "prompt" / "prompt.json").read_text()) == {"step": 2}


def test_any_other_error_is_told_with_its_class(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec(fail_at=3))
    run(store, run_id, StopSignal())
    assert store.get(run_id).reason == "ValueError: a bug"
    assert store.get(run_id).code == "runs.crashed"


def test_memory_that_ran_out_is_told_in_a_sentence(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec(fail_at=3, how="memory"))
    run(store, run_id, StopSignal())
    failed = store.get(run_id)
    assert (failed.state, failed.code) == ("failed", "runs.out_of_memory")
    assert "smaller batch" in failed.reason


def test_a_run_that_is_no_longer_queued_is_left_alone(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    store.set_state(run_id, "stopped")
    run(store, run_id, StopSignal())
    assert store.get(run_id).state == "stopped"
    assert not told(store, run_id)


def test_a_checkpoint_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "checkpoint"
    replace_folder(target, lambda folder: (folder / "a").write_text("1"))

    def fail(folder: Path) -> None:
        (folder / "a").write_text("2")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_folder(target, fail)
    assert (target / "a").read_text() == "1"
    replace_folder(target, lambda folder: (folder / "a").write_text("3"))
    assert (target / "a").read_text() == "3"
    assert list(tmp_path.iterdir()) == [target]


def test_a_kill_while_checkpoints_are_written_leaves_a_whole_one(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from playground.runs.folder import replace_folder

def write(folder):
    for name in "ab":
        (folder / name).write_text(str(number))

for number in range(int(sys.argv[2]), 10**9):
    replace_folder(Path(sys.argv[1]), write)
    print(number, flush=True)
"""
    last = 0
    for kill in range(12):
        process = python(code, tmp_path / "checkpoint", last + 1)
        assert process.stdout is not None
        for _ in range(5):
            process.stdout.readline()
        time.sleep(0.003 * kill / 12)
        process.kill()
        reported = process.stdout.read().split()
        process.wait()
        folder = whole_folder(tmp_path / "checkpoint")
        assert folder is not None
        a, b = ((folder / name).read_text() for name in "ab")
        assert a == b
        assert not reported or int(a) >= int(reported[-1])
        last = int(a)


def test_a_worker_whose_app_is_gone_before_there_is_a_run_goes_too(tmp_path: Path) -> None:
    fake = Path(__file__).with_name("fake_worker.py")
    process = subprocess.Popen(
        [sys.executable, str(fake), "--home", str(tmp_path)],
        stdin=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    process.communicate(b"", timeout=20)
    assert process.returncode == 0
    assert not list(tmp_path.iterdir())
