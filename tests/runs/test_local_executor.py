"""The life of worker processes. They train a FakeTraining; all else about them is real."""

import itertools
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fake_worker import FakeTraining
from processes import FakeExecutor, python, wait_for, wait_until, worker_of

from playground.errors import RunError
from playground.runs import Runs, RunSpec, RunStore

Spec = Callable[..., RunSpec]
Start = Callable[..., str]


@pytest.fixture
def start(runs: Runs, spec: Spec, rows: pd.DataFrame) -> Start:
    return lambda **settings: runs.start(spec(**settings), rows, rows, rows.head(3))


def losses(runs: Runs, run_id: str) -> list[tuple[int, str, object]]:
    events = runs.events(run_id)["events"]
    return [(event["step"], event["split"], event.get("loss")) for event in events]


def expected(steps: int) -> list[tuple[int, str, object]]:
    return [(e["step"], e["split"], e.get("loss")) for e in FakeTraining(steps) if e]


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z"


def test_a_run_from_queued_to_finished(runs: Runs, start: Start, rows: pd.DataFrame) -> None:
    run_id = start(steps=8, seconds=0.02)
    assert runs.get(run_id).state in ("queued", "running")
    wait_for(runs, run_id, "running")
    done = wait_for(runs, run_id, "finished")
    assert (done.step, done.steps, done.reason) == (8, 8, "")
    assert losses(runs, run_id) == expected(8)
    folder = runs.prompt_folder(run_id)
    assert folder is not None
    assert json.loads((folder / "prompt.json").read_text()) == {"step": 8}
    kept = runs.store.folder(run_id)
    assert kept.read_table("train").to_dict() == rows.to_dict()
    assert len(kept.read_table("pinned")) == 3


def test_followers_with_cursors_see_the_whole_curve(runs: Runs, start: Start) -> None:
    run_id = start(steps=60, seconds=0.01)
    seen, cursor = [], 0
    while True:
        answer = runs.events(run_id, cursor)
        seen += answer["events"]
        cursor = answer["cursor"]
        if answer["state"] == "finished" and not answer["events"]:
            break
        time.sleep(0.01)
    assert [(e["step"], e["split"], e.get("loss")) for e in seen] == expected(60)
    assert {key: answer[key] for key in ("reason", "step", "steps")} == {
        "reason": "",
        "step": 60,
        "steps": 60,
    }


def test_more_runs_wait_in_their_order(runs: Runs, start: Start) -> None:
    ids = [start(steps=10, seconds=0.02) for _ in range(3)]
    wait_for(runs, ids[0], "running")
    assert [runs.get(run_id).state for run_id in ids[1:]] == ["queued", "queued"]
    for before, after in itertools.pairwise(ids):
        wait_for(runs, after, "running")
        assert runs.get(before).state == "finished"
    wait_for(runs, ids[2], "finished")


def test_a_warm_worker_begins_at_once(runs: Runs, start: Start) -> None:
    runs.warm()
    time.sleep(1.5)
    begun = time.monotonic()
    run_id = start(steps=3)
    wait_until(lambda: runs.events(run_id)["events"])
    assert time.monotonic() - begun < 0.5


def test_a_killed_worker_leaves_an_interrupted_run_that_goes_on(runs: Runs, start: Start) -> None:
    run_id = start(steps=60, seconds=0.02)
    wait_until(lambda: runs.get(run_id).step > 15)
    os.kill(worker_of(run_id, runs.store.home), signal.SIGKILL)
    interrupted = wait_for(runs, run_id, "interrupted", seconds=3)
    assert interrupted.code == "runs.interrupted"
    runs.resume(run_id)
    assert runs.get(run_id).reason == ""
    wait_for(runs, run_id, "finished")
    assert losses(runs, run_id) == expected(60)


def test_a_worker_killed_before_it_begins_leaves_its_run_interrupted(
    runs: Runs, start: Start
) -> None:
    run_id = start(steps=5)  # the worker is still being made
    assert isinstance(runs.executor, FakeExecutor)
    (worker,) = runs.executor._busy
    worker.kill()
    wait_for(runs, run_id, "interrupted", seconds=3)
    runs.resume(run_id)
    wait_for(runs, run_id, "finished")


def test_the_systems_signal_stops_a_run(runs: Runs, start: Start) -> None:
    run_id = start(steps=1000, seconds=0.02)
    wait_until(lambda: runs.get(run_id).step > 2)
    worker = worker_of(run_id, runs.store.home)
    os.kill(worker, signal.SIGTERM)
    wait_for(runs, run_id, "stopped", seconds=1)
    assert runs.prompt_folder(run_id)
    wait_until(lambda: is_gone(worker))


def test_pause_step_resume_stop_resume(runs: Runs, start: Start) -> None:
    run_id = start(steps=30, seconds=0.02)
    wait_for(runs, run_id, "running")
    runs.pause(run_id)
    step = wait_for(runs, run_id, "paused").step
    worker = worker_of(run_id, runs.store.home)
    runs.step(run_id)
    wait_until(lambda: runs.get(run_id).step == step + 1)
    wait_for(runs, run_id, "paused")
    runs.resume(run_id)
    wait_until(lambda: runs.get(run_id).step > step + 3)
    assert worker_of(run_id, runs.store.home) == worker
    begun = time.monotonic()
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    assert time.monotonic() - begun < 0.3
    runs.resume(run_id)
    wait_for(runs, run_id, "finished")
    assert losses(runs, run_id) == expected(30)


def test_a_worker_takes_run_after_run_each_with_its_own_log(runs: Runs, start: Start) -> None:
    failing = [start(steps=9, seconds=0.02, fail_at=step) for step in (4, 6)]
    last = start(steps=9, seconds=0.02)
    workers = set()
    for run_id in (*failing, last):
        wait_for(runs, run_id, "running")
        workers.add(worker_of(run_id, runs.store.home))
        wait_for(runs, run_id, "failed", "finished")
    assert len(workers) == 1
    assert losses(runs, last) == expected(9)
    logs = [runs.store.folder(run_id).log.read_text() for run_id in (*failing, last)]
    assert [log.count("ValueError: a bug") for log in logs] == [1, 1, 0]


def test_a_run_that_waited_has_a_new_worker_when_that_before_it_is_killed(
    runs: Runs, start: Start
) -> None:
    first, second = start(steps=1000, seconds=0.02), start(steps=40, seconds=0.02)
    wait_for(runs, first, "running")
    killed = worker_of(first, runs.store.home)
    os.kill(killed, signal.SIGKILL)
    wait_for(runs, second, "running")
    assert runs.get(first).state == "interrupted"
    assert worker_of(second, runs.store.home) != killed
    wait_for(runs, second, "finished")
    assert losses(runs, second) == expected(40)


def test_of_the_workers_that_nobody_needs_one_stays(
    store: RunStore, spec: Spec, rows: pd.DataFrame
) -> None:
    runs = Runs(store.home, FakeExecutor(store, limit=2))
    ids = [runs.start(spec(steps=20, seconds=0.02), rows, rows) for _ in range(2)]
    for run_id in ids:
        wait_for(runs, run_id, "running")
    workers = [worker_of(run_id, store.home) for run_id in ids]
    for run_id in ids:
        wait_for(runs, run_id, "finished")
    wait_until(lambda: any(is_gone(worker) for worker in workers))
    time.sleep(0.2)
    assert [is_gone(worker) for worker in workers].count(True) == 1
    runs.shutdown()
    wait_until(lambda: all(is_gone(worker) for worker in workers))


def test_a_stopped_run_resumes_while_its_worker_is_still_leaving(runs: Runs, start: Start) -> None:
    run_id = start(steps=40, seconds=0.02)
    for _ in range(3):
        step = runs.get(run_id).step
        wait_until(lambda step=step: runs.get(run_id).step > step)
        runs.stop(run_id)
        wait_for(runs, run_id, "stopped")
        runs.resume(run_id)
    wait_for(runs, run_id, "finished")
    assert losses(runs, run_id) == expected(40)


def test_a_failed_run_says_why_and_resumes(runs: Runs, start: Start) -> None:
    run_id = start(steps=10, fail_at=6, how="sentence")
    failed = wait_for(runs, run_id, "failed")
    assert failed.reason == "Row 3 is wrong. Mend it."
    answer = runs.events(run_id)
    assert (answer["reason"], answer["code"]) == ("Row 3 is wrong. Mend it.", "data.wrong")
    assert answer["details"] == {"row": 3}
    assert "DataError" in runs.store.folder(run_id).log.read_text()
    runs.resume(run_id)
    wait_for(runs, run_id, "running", "failed")


def test_a_run_outlives_its_app(runs: Runs, spec: Spec) -> None:
    app = """
import sys, time
from pathlib import Path
import pandas as pd
sys.path.insert(0, "tests/runs")
from processes import FakeExecutor
from playground.runs import Runs, RunSpec, RunStore

store = RunStore(Path(sys.argv[1]))
runs = Runs(store.home, FakeExecutor(store))
runs.warm()
rows = pd.DataFrame({"text": ["a"], "label": ["b"]})
run_id = runs.start(RunSpec.model_validate_json(sys.argv[2]), rows, rows)
print(run_id, flush=True)
time.sleep(60)
"""
    process = python(app, runs.store.home, spec(steps=60, seconds=0.02).model_dump_json())
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    wait_for(runs, run_id, "running")
    process.kill()
    process.wait()
    worker = worker_of(run_id, runs.store.home)
    wait_for(runs, run_id, "finished")
    assert losses(runs, run_id) == expected(60)
    wait_until(lambda: is_gone(worker))  # nobody could give it another run


def test_a_queued_run_is_taken_up_by_the_next_app(
    runs: Runs, store: RunStore, spec: Spec, rows: pd.DataFrame
) -> None:
    gone = Runs(store.home, FakeExecutor(store))
    first = gone.start(spec(steps=20, seconds=0.02), rows, rows)
    second = gone.start(spec(steps=2), rows, rows)
    wait_for(runs, first, "running")
    gone.shutdown()
    wait_for(runs, first, "finished")
    assert runs.get(second).state == "queued"
    runs.warm()
    wait_for(runs, second, "finished")


def test_shutdown_ends_the_waiting_worker_only(runs: Runs, start: Start) -> None:
    run_id = start(steps=20, seconds=0.02)
    wait_for(runs, run_id, "running")
    runs.warm()
    assert isinstance(runs.executor, FakeExecutor)
    waiting = runs.executor._ready
    assert waiting is not None
    runs.shutdown()
    assert waiting.poll() is not None
    wait_for(runs, run_id, "finished")
    with pytest.raises(RunError, match="closing"):
        start()


def test_a_run_that_waits_can_be_stopped_and_resumed(runs: Runs, start: Start) -> None:
    first, second = start(steps=1000, seconds=0.02), start(steps=3)
    wait_for(runs, first, "running")
    runs.stop(second)
    assert runs.get(second).state == "stopped"
    runs.resume(second)
    assert runs.get(second).state == "queued"
    runs.stop(first)
    wait_for(runs, second, "finished")


def test_a_stop_while_the_model_is_loaded_is_answered(runs: Runs, start: Start) -> None:
    run_id = start(loading=30)
    wait_for(runs, run_id, "running")
    begun = time.monotonic()
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    assert time.monotonic() - begun < 0.3
    assert runs.prompt_folder(run_id) is None


def test_what_a_state_does_not_allow_is_a_sentence(runs: Runs, start: Start) -> None:
    run_id = start(steps=1000, seconds=0.02)
    wait_for(runs, run_id, "running")
    with pytest.raises(RunError, match="Stop it, then delete it") as caught:
        runs.delete(run_id)
    assert caught.value.code == "runs.delete_running"
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    runs.stop(run_id)  # no matter
    for order in (runs.pause, runs.step):
        with pytest.raises(RunError, match="is stopped") as caught:
            order(run_id)
        assert caught.value.code == "runs.not_running"
    finished = start(steps=2)
    wait_for(runs, finished, "finished")
    with pytest.raises(RunError, match="finished") as caught:
        runs.resume(finished)
    assert caught.value.code == "runs.finished"


def test_a_run_is_deleted_and_purged_with_all_it_left(runs: Runs, start: Start) -> None:
    first, second = start(steps=1000, seconds=0.02), start(steps=3)
    wait_for(runs, first, "running")
    runs.delete(second)  # it waits
    runs.stop(first)
    wait_for(runs, first, "stopped")
    runs.delete(first)
    assert not runs.list()
    assert runs.history.purge() == 2
    assert not list((runs.store.home / "runs").iterdir())
    for call in (runs.get, runs.events, runs.prompt_folder, runs.stop, runs.resume, runs.delete):
        with pytest.raises(RunError) as caught:
            call(first)
        assert caught.value.code == "runs.unknown"


def test_the_home_is_playground_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "here"))
    assert Runs().store.home == tmp_path / "here"
    assert (tmp_path / "here" / "runs.sqlite").exists()
