import itertools
import json
import math
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import python, wait_until

from playground.errors import RunError
from playground.runs import Run, RunSpec, RunStore
from playground.runs.folder import RunFolder

Spec = Callable[..., RunSpec]

WRITE = """
import sys
from pathlib import Path
from playground.runs import RunStore

store, run = RunStore(Path(sys.argv[1])), sys.argv[2]
first, last = int(sys.argv[3]), int(sys.argv[4])
for step in range(first, last):
    store.append(run, [{"step": step, "split": "train", "loss": 1 / (step + 1)}])
    store.set_progress(run, step, last)
"""


def train(step: int, **fields: object) -> dict[str, object]:
    return {"step": step, "split": "train", **fields}


def steps(store: RunStore, run_id: str) -> list[int]:
    return [event["step"] for event in store.events(run_id, limit=1_000_000)]


def is_sound(store: RunStore) -> bool:
    with sqlite3.connect(store.home / "runs.sqlite") as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_new_run_is_queued_and_holds_its_spec(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec("first", steps=7))
    run = store.get(run_id)
    assert run == Run(run_id, run.created, spec("first", steps=7), "queued")
    assert run.name == "first"
    assert run.created.endswith("+00:00")
    assert store.folder(run_id).path.is_dir()


def test_ids_sort_by_time_and_lists_begin_with_the_newest(store: RunStore, spec: Spec) -> None:
    ids = [store.create(spec()) for _ in range(30)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 30
    assert [run.id for run in store.list(limit=10)] == ids[:-11:-1]
    assert [run.id for run in store.list(limit=10, before=ids[-10])] == ids[19:9:-1]
    assert store.ids("queued") == ids


def test_a_list_leaves_out_the_runs_of_studies_on_request(store: RunStore, spec: Spec) -> None:
    alone = store.create(spec())
    studied = store.create(spec().model_copy(update={"study": "study-1"}))
    assert [run.id for run in store.list()] == [studied, alone]
    assert [run.id for run in store.list(kind="training", studies=False)] == [alone]


@pytest.mark.parametrize("run_id", ["000000000000", "", "../../etc", "a/b", "é" * 12, None, 7, [1]])
@pytest.mark.parametrize(
    "call",
    [
        lambda store, run_id: store.get(run_id),
        lambda store, run_id: store.delete(run_id),
        lambda store, run_id: store.set_state(run_id, "running"),
        lambda store, run_id: store.set_progress(run_id, 1, 2),
        lambda store, run_id: store.order(run_id, "stop"),
        lambda store, run_id: store.read_order(run_id),
        lambda store, run_id: store.append(run_id, [train(1)]),
        lambda store, run_id: store.events(run_id),
        lambda store, run_id: store.settle(run_id),
    ],
)
def test_an_unknown_run_is_a_sentence(
    store: RunStore, call: Callable[[RunStore, object], object], run_id: object
) -> None:
    with pytest.raises(RunError, match="There is no run") as caught:
        call(store, run_id)
    assert caught.value.code == "runs.unknown"


def test_events_told_twice_are_kept_once_and_as_they_were_first(
    store: RunStore, spec: Spec
) -> None:
    run_id = store.create(spec())
    store.append(run_id, [train(1, loss=0.5), {"step": 1, "split": "dev", "loss": 0.6}])
    store.append(run_id, [train(1, loss=9.0), train(2, loss=0.4)])
    assert [(e["step"], e["split"], e["loss"]) for e in store.events(run_id)] == [
        (1, "train", 0.5),
        (1, "dev", 0.6),
        (2, "train", 0.4),
    ]


def test_a_cursor_sees_every_event_once_among_those_of_other_runs(
    store: RunStore, spec: Spec
) -> None:
    first, second = store.create(spec()), store.create(spec())
    for step in range(25):
        store.append(first, [train(step)])
        store.append(second, [train(step)])
    seen, cursor = [], 0
    while events := store.events(first, after=cursor, limit=4):
        seen += [event["step"] for event in events]
        cursor = events[-1]["id"]
    assert seen == list(range(25))


def test_numbers_that_json_lacks_become_null(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    odd = [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")]
    store.append(run_id, [train(1, odd=odd, deep={"a": (math.nan, 1)}, plain=np.float32(0.5))])
    (event,) = store.events(run_id)
    assert event["odd"] == [None] * 5
    assert event["deep"] == {"a": [None, 1]}
    assert event["plain"] == 0.5


def test_texts_of_any_kind_come_back(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec(name="<b>é 好 \u2028</b>"))
    store.append(run_id, [train(1, text="\ud800 \0 '; DROP TABLE runs; -- 好")])
    assert store.events(run_id)[0]["text"] == "\ud800 \0 '; DROP TABLE runs; -- 好"
    assert store.get(run_id).name == "<b>é 好 \u2028</b>"


def test_deleting_takes_events_and_folder_along(store: RunStore, spec: Spec) -> None:
    kept, gone = store.create(spec()), store.create(spec())
    for run_id in (kept, gone):
        store.append(run_id, [train(1)])
    store.delete(gone)
    assert [run.id for run in store.list()] == [kept]
    assert steps(store, kept) == [1]
    assert not (store.home / "runs" / gone).exists()
    with sqlite3.connect(store.home / "runs.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_only_a_run_without_a_worker_is_queued_again(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    for state in ("queued", "stopped", "failed", "interrupted"):
        store.set_state(run_id, state, "why", code="x.y", details={"n": 1})
        assert store.queue(run_id)
        assert store.get(run_id) == Run(run_id, store.get(run_id).created, spec(), "queued")
    for state in ("running", "paused", "finished"):
        store.set_state(run_id, state)
        assert not store.queue(run_id)
        assert store.get(run_id).state == state


def test_taking_a_step_order_spares_other_orders(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    store.order(run_id, "step")
    assert store.take_step_order(run_id)
    assert store.read_order(run_id) == "pause"
    store.order(run_id, "stop")
    assert not store.take_step_order(run_id)
    assert store.read_order(run_id) == "stop"


def test_a_free_lock_makes_a_working_run_interrupted(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    assert store.settle(run_id).state == "queued"
    store.set_state(run_id, "running")
    store.set_progress(run_id, 12, 30)
    with store.folder(run_id).lock(timeout=0):
        assert store.settle(run_id).state == "running"
    settled = store.settle(run_id)
    assert settled.state == "interrupted"
    assert "step 12" in settled.reason
    assert (settled.code, settled.details) == ("runs.interrupted", {"step": 12})


def test_a_home_of_an_earlier_version_learns_of_nodes(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    store.close()
    earlier = sqlite3.connect(store.home / "runs.sqlite")
    earlier.execute("DROP VIEW kept")  # which cannot do without a column that it has seen
    earlier.execute("ALTER TABLE runs DROP COLUMN node")
    earlier.close()
    for _ in range(2):
        opened = RunStore(store.home)
        assert opened.get(run_id).spec == spec()
        opened.close()
    again = RunStore(store.home)
    assert again.get(run_id).node == ""
    again.set_node(run_id, "second")
    assert again.get(run_id).node == "second"
    again.close()


def test_threads_write_together(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())

    def write(first: int) -> None:
        for step in range(first, first + 100):
            store.append(run_id, [train(step)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(steps(store, run_id)) == list(range(800))


def test_processes_open_new_homes_together(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from playground.runs import RunStore

here = Path(sys.argv[1])
for turn in range(40):
    (here / f"{turn}-{sys.argv[2]}").touch()
    while len(list(here.glob(f"{turn}-*"))) < 3:  # all begin each turn at the same moment
        pass
    RunStore(here / f"home{turn}").close()
"""
    processes = [python(code, tmp_path, name) for name in "abc"]
    assert [process.wait(60) for process in processes] == [0] * 3


def test_two_processes_write_and_one_is_killed_in_the_middle(store: RunStore, spec: Spec) -> None:
    first, second = store.create(spec()), store.create(spec())
    kept, killed = (
        python(WRITE, store.home, first, 0, 4000),
        python(WRITE, store.home, second, 0, 1_000_000),
    )
    wait_until(lambda: store.get(second).step > 200)
    killed.kill()
    killed.wait()
    assert kept.wait(60) == 0
    assert steps(store, first) == list(range(4000))
    told = steps(store, second)
    assert told == list(range(len(told)))
    assert store.get(second).step in (len(told) - 1, len(told) - 2)
    assert is_sound(store)


def test_a_store_survives_one_kill_after_another(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    for kill in range(1, 5):
        writer = python(WRITE, store.home, run_id, 0, 1_000_000)  # tells again what was told before
        wait_until(lambda kill=kill: len(steps(store, run_id)) > kill * 137)
        writer.kill()
        writer.wait()
        assert is_sound(store)
    told = steps(store, run_id)
    assert told == list(range(len(told)))


def test_readers_go_on_while_a_writer_writes(store: RunStore, spec: Spec) -> None:
    run_id = store.create(spec())
    writer = python(WRITE, store.home, run_id, 0, 2000)
    seen: list[int] = []
    cursor = 0
    while writer.poll() is None or len(seen) < 2000:
        for event in store.events(run_id, after=cursor):
            seen.append(event["step"])
            cursor = event["id"]
    assert seen == list(range(2000))


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, st.sampled_from(["NA", "", "1", "01", "positive"])), max_size=5))
def test_tables_come_back_as_they_were(rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["text", "label"], dtype=str)
    with tempfile.TemporaryDirectory() as path:
        folder = RunFolder(Path(path))
        folder.write_table("train", table)
        read = folder.read_table("train")
    assert list(read.columns) == ["text", "label"]
    assert list(read.itertuples(index=False, name=None)) == rows


def test_a_table_that_cannot_be_written_leaves_no_run(store: RunStore, spec: Spec) -> None:
    class Broken(pd.DataFrame):
        def to_csv(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.create(spec(), {"train": Broken()})
    assert not store.list()
    assert not list((store.home / "runs").iterdir())


def test_the_page_pays_for_no_torch() -> None:
    code = (
        "import sys, playground.runs; print([m for m in ('torch', 'pandas') if m in sys.modules])"
    )
    process = python(code)
    assert process.communicate()[0].strip() == "[]"


def test_specs_refuse_what_they_do_not_know() -> None:
    known = {"method": "m", "model": "b", "template": "t", "verbalizer": {"a": ["x"]}}
    assert RunSpec.model_validate_json(json.dumps(known)).shots is None
    with pytest.raises(ValueError, match="extra"):
        RunSpec.model_validate({**known, "unknown": 1})


def test_ids_go_on_rising_when_the_clock_goes_back(
    store: RunStore, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = itertools.cycle([5_000_000_000, 4_000_000_000])
    monkeypatch.setattr("playground.runs.store.time.time_ns", lambda: next(times))
    ids = [store.create(spec()) for _ in range(6)]
    assert ids == sorted(ids)
