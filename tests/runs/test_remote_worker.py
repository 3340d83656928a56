"""A worker that has no store, and the store's end of its runs, both in this process."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_worker import FakeTraining, load
from processes import wait_until

from playground.runs import RunSpec, RunStore, worker
from playground.runs.executors import remote
from playground.runs.executors.following import follow
from playground.runs.executors.remote import Message, RemoteWorker, pack_run, unpack
from playground.runs.run import Command
from playground.runs.worker import LOCK_SECONDS

Spec = Callable[..., RunSpec]


class Lost(Exception):
    """The worker is not there any more."""


@pytest.fixture(autouse=True)
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def writing_to(log: Path) -> Iterator[None]:
        log.write_text("printed\n")
        yield

    monkeypatch.setattr(worker, "load", load)
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.05)
    monkeypatch.setattr(worker, "CHECKPOINT_SHARE", 1.0)
    monkeypatch.setattr(remote, "warm_up", lambda: None)
    monkeypatch.setattr(remote, "step_back", lambda: None)
    monkeypatch.setattr(remote, "writing_to", writing_to)


def carry_out(store: RunStore, run_id: str, *, lost_after: int | None = None) -> None:
    """What an executor does with a run: lets a worker have it, which may be lost on the way."""
    distant = RemoteWorker()
    left = lost_after

    def exchange(order: Command, answers: Mapping[int, Any]) -> list[Message]:
        nonlocal left
        told = distant.exchange(order, answers)
        if left is not None:
            left -= len(told)
            if left < 0:
                raise Lost
        return told

    with store.folder(run_id).lock(LOCK_SECONDS):
        spec = store.get(run_id).spec.model_dump_json()
        distant.begin(run_id, spec, pack_run(store.folder(run_id)))
        follow(store, run_id, exchange, threading.Event())


@pytest.fixture
def background(store: RunStore) -> Iterator[Callable[[str], None]]:
    threads: dict[str, threading.Thread] = {}

    def begin(run_id: str) -> None:
        threads[run_id] = threading.Thread(target=carry_out, args=(store, run_id))
        threads[run_id].start()

    yield begin
    for run_id, thread in threads.items():
        store.order(run_id, "stop")
        thread.join(10)
        assert not thread.is_alive()


def told(store: RunStore, run_id: str) -> list[dict[str, object]]:
    return [{k: v for k, v in e.items() if k != "id"} for e in store.events(run_id, limit=10_000)]


def state(store: RunStore, run_id: str) -> tuple[str, int]:
    run = store.get(run_id)
    return run.state, run.step


def test_what_it_tells_and_leaves_comes_to_the_store(
    store: RunStore, spec: Spec, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(spec: RunSpec, folder: Any) -> FakeTraining:
        seen.append(folder.read_table("train"))
        assert folder.path.parent != store.home / "runs"
        return load(spec, folder)

    monkeypatch.setattr(worker, "load", look)
    run_id = store.create(spec(steps=12), {"train": rows})
    carry_out(store, run_id)
    assert state(store, run_id) == ("finished", 12)
    assert told(store, run_id) == [event for event in FakeTraining(12) if event]
    assert seen[0].equals(rows)
    folder = store.folder(run_id)
    assert json.loads((folder.prompt / "prompt.json").read_text()) == {"step": 12}
    assert not folder.checkpoint.exists()
    assert folder.log.read_text() == "printed\n"


def test_orders_reach_it(store: RunStore, spec: Spec, background: Callable[[str], None]) -> None:
    run_id = store.create(spec(steps=1000, seconds=0.02))
    store.order(run_id, "pause")
    background(run_id)
    wait_until(lambda: state(store, run_id) == ("paused", 0))
    for step in range(1, 5):
        store.order(run_id, "step")
        wait_until(lambda step=step: store.get(run_id).step == step)
        wait_until(lambda step=step: state(store, run_id) == ("paused", step))
        assert store.read_order(run_id) == "pause"
    store.order(run_id, "run")
    wait_until(lambda: store.get(run_id).step > 6)
    store.order(run_id, "stop")
    wait_until(lambda: store.get(run_id).state == "stopped")
    left = json.loads((store.folder(run_id).checkpoint / "step.json").read_text())
    assert left == store.get(run_id).step < 1000


def test_a_run_whose_worker_is_lost_anywhere_goes_on_with_another_along_the_same_curve(
    store: RunStore, spec: Spec
) -> None:
    whole = [event for event in FakeTraining(20) if event]
    for death in range(0, 60, 4):
        run_id = store.create(spec(steps=20, seconds=0.005))
        with contextlib.suppress(Lost):
            carry_out(store, run_id, lost_after=death)
        if store.get(run_id).state != "finished":
            assert store.settle(run_id, ("queued", "running")).state == "interrupted"
            store.queue(run_id)
            carry_out(store, run_id)
        assert state(store, run_id) == ("finished", 20)
        assert told(store, run_id) == whole


def test_why_a_run_failed_comes_to_the_store(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec(fail_at=3, how="sentence"))
    carry_out(store, run_id)
    failed = store.get(run_id)
    assert (failed.state, failed.code, failed.details) == ("failed", "data.wrong", {"row": 3})


def test_no_file_is_written_outside_of_its_folder(tmp_path: Path) -> None:
    for name in ("../there", "a/../../there", str(tmp_path / "there")):
        with pytest.raises(ValueError, match="outside"):
            unpack({name: b""}, tmp_path / "here")
    unpack({"a/b.json": b"1"}, tmp_path / "here")
    assert (tmp_path / "here" / "a" / "b.json").read_bytes() == b"1"
