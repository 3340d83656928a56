"""Runs over several seeds: they share their places, their orders and their curve."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from processes import FakeExecutor, python, wait_for, wait_until, worker_of

from playground.errors import RunError
from playground.prompts import Template, Verbalizer
from playground.runs import Group, Runs, RunSpec, RunStore, is_group, plan_seeds
from playground.runs.plan import Plan
from tests import tiny

SEEDS = (13, 21, 42, 87, 100)


@pytest.fixture
def runs(store: RunStore) -> Iterator[Runs]:
    """Runs of which two are trained at a time."""
    runs = Runs(store.home, FakeExecutor(store, 2))
    yield runs
    for run in runs.list():
        runs.stop(run.id)
    runs.shutdown()
    wait_until(lambda: not any(run.alive for run in runs.list()))


@pytest.fixture
def plans(spec: Callable[..., RunSpec], rows: pd.DataFrame) -> Callable[..., list[Plan]]:
    """Plans that differ in their seed, also of the FakeTraining's walk."""

    def make(seeds: tuple[int, ...] = SEEDS, **settings: object) -> list[Plan]:
        return [
            Plan(
                spec(f"a group · {seed}", **settings, seed=seed).model_copy(update={"seed": seed}),
                *(rows, rows, rows.head(3)),
            )
            for seed in seeds
        ]

    return make


def states(runs: Runs, group_id: str) -> list[str]:
    return [run.state for run in runs.group(group_id).runs]


def working(runs: Runs) -> int:
    return len(runs.store.ids("running", "paused"))


def measured(store: RunStore, run_id: str, **event: object) -> None:
    store.append(run_id, [{"split": "dev", **event}])


# ---- the store and the plan --------------------------------------------------------------------


def test_a_spec_of_before_there_were_groups_is_read(spec: Callable[..., RunSpec]) -> None:
    old = spec().model_dump(exclude={"group"})
    assert RunSpec.model_validate(old).group == ""


def test_a_group_knows_its_runs_among_others(store: RunStore, spec: Callable[..., RunSpec]) -> None:
    first, second = store.new_group(), store.new_group()
    assert is_group(first)
    made = [store.create(spec().model_copy(update={"group": first})) for _ in range(3)]
    store.create(spec().model_copy(update={"group": second}))
    alone = store.create(spec())
    assert [run.id for run in store.group(first)] == made
    assert not is_group(alone)
    with pytest.raises(RunError) as caught:
        store.group("group-000000000000")
    assert caught.value.code == "runs.unknown"


def test_each_seed_draws_its_own_shots() -> None:
    asked = {
        "method": "p-tuning",
        "model": "pocket-bert",
        "template": Template("{text} It was [MASK]."),
        "verbalizer": Verbalizer({"negative": ["bad"], "positive": ["good"]}),
        "table": tiny.toy_rows(60),
        "dataset": "toy",
        "shots": 4,
        "settings": {"steps": 7},
    }
    first, second = plan_seeds([5, 6], **asked)
    assert (first.spec.seed, second.spec.seed) == (5, 6)
    assert first.spec.model_copy(update={"seed": 6, "name": second.spec.name}) == second.spec
    assert first.train["text"].tolist() != second.train["text"].tolist()
    (again,) = plan_seeds([6], **asked)
    assert again.train.equals(second.train)
    assert plan_seeds([5], **asked, name="mine")[0].spec.name == "mine · 5"


# ---- how a group stands ------------------------------------------------------------------------


def test_the_mean_and_the_best_are_those_of_the_prompts_that_are_left(
    runs: Runs, plans: Callable[..., list[Plan]], store: RunStore
) -> None:
    group_id = store.new_group()
    first, second, third, fourth = (
        store.create(plan.spec.model_copy(update={"group": group_id})) for plan in plans()[:4]
    )
    assert runs.group(group_id).accuracy is None
    measured(store, first, step=0, accuracy=0.9, loss=0.1)
    measured(store, first, step=10, accuracy=0.5, loss=0.7)
    measured(store, second, step=10, accuracy=0.7, loss=0.6)
    # it keeps its best, and that is what it leaves
    measured(store, third, step=10, accuracy=0.1, loss=2, best={"accuracy": 0.7, "loss": 0.5})
    group = runs.group(group_id)
    assert group.accuracies == [0.5, 0.7, 0.7, None]
    assert group.accuracy is not None
    assert f"{group.accuracy:.3f}" == "0.633 ± 0.115"
    assert group.ranked == [third, second, first, fourth]
    assert runs.best(group_id) == third
    assert runs.prompt_folder(group_id) is None
    for run_id in (first, second):  # it has to have left a prompt
        store.folder(run_id).prompt.mkdir()
    assert runs.best(group_id) == second
    assert runs.prompt_folder(group_id) == store.folder(second).prompt
    assert runs.best(first) == first


@pytest.mark.parametrize(
    ("members", "state"),
    [
        (("queued", "queued"), "queued"),
        (("finished", "running", "queued"), "running"),
        (("paused", "queued", "finished"), "paused"),
        (("finished", "interrupted", "stopped"), "interrupted"),
        (("finished", "failed", "interrupted"), "failed"),
        (("finished", "finished"), "finished"),
    ],
)
def test_a_group_says_what_its_liveliest_run_says(
    members: tuple[str, ...],
    state: str,
    store: RunStore,
    spec: Callable[..., RunSpec],
) -> None:
    for member in members:
        run_id = store.create(spec(f"named · {13}"))
        store.set_state(run_id, member)  # type: ignore[arg-type]
    made = tuple(store.list())
    group = Group("group-x", made, (None,) * len(made))
    assert group.state == state
    assert group.name == "named"


# ---- with workers ------------------------------------------------------------------------------


def test_two_are_trained_at_a_time_and_all_in_the_end(
    runs: Runs, plans: Callable[..., list[Plan]]
) -> None:
    group_id = runs.start_group(plans(steps=12, seconds=0.02))
    members = [run.id for run in runs.group(group_id).runs]
    most, begun = 0, []
    while runs.standing(group_id).state != "finished":
        most = max(most, working(runs))
        begun += [run for run in runs.store.ids("running") if run not in begun]
        time.sleep(0.005)
    assert most == 2
    assert set(begun) == set(members)
    assert set(begun[:2]) == set(members[:2])
    assert (runs.standing(group_id).step, runs.standing(group_id).steps) == (60, 60)


def test_a_cursor_sees_every_point_of_every_run_once(
    runs: Runs, plans: Callable[..., list[Plan]]
) -> None:
    group_id = runs.start_group(plans(steps=10, seconds=0.01))
    seen, cursor = [], 0
    while True:
        told = runs.events(group_id, cursor)
        seen += told["events"]
        cursor = told["cursor"]
        if told["state"] == "finished" and not told["events"]:
            break
        time.sleep(0.01)
    members = told["members"]
    assert [member["seed"] for member in members] == list(SEEDS)
    assert all(member["dev_accuracy"] is not None for member in members)
    for member in members:
        own = [event for event in seen if event["run"] == member["run"]]
        assert [e["step"] for e in own if e["split"] == "train"] == list(range(1, 11))
        assert [e["step"] for e in own if e["split"] == "dev"] == [0, 5, 10]
        alone = runs.events(member["run"])["events"]
        assert [{**event, "run": member["run"]} for event in alone] == own


def test_long_curves_come_in_pieces(
    runs: Runs, plans: Callable[..., list[Plan]], store: RunStore
) -> None:
    group_id = store.new_group()
    for plan in plans()[:2]:
        run_id = store.create(plan.spec.model_copy(update={"group": group_id}))
        steps = range(1, 1501)
        store.append(run_id, [{"step": step, "split": "train", "loss": 1.0} for step in steps])
        store.append(run_id, [{"step": 1, "split": "snapshot"}])  # none of a curve's
    sizes, cursor = [], 0
    while events := runs.events(group_id, cursor)["events"]:
        sizes.append(len(events))
        cursor = events[-1]["id"]
    assert sizes == [1000, 1000, 1000]


def test_a_killed_worker_makes_place_and_its_run_goes_on_with_the_group(
    runs: Runs, plans: Callable[..., list[Plan]]
) -> None:
    group_id = runs.start_group(plans((1, 2, 3), steps=30, seconds=0.02))
    first, second, third = (run.id for run in runs.group(group_id).runs)
    wait_until(lambda: runs.get(first).step > 5 and runs.get(second).step > 0)
    os.kill(worker_of(first, runs.store.home), signal.SIGKILL)
    wait_for(runs, first, "interrupted")
    wait_for(runs, third, "running")
    wait_until(lambda: not runs.standing(group_id).alive)
    assert runs.standing(group_id).state == "interrupted"
    answer = runs.events(group_id)
    assert answer["code"] == "runs.interrupted"
    runs.resume(group_id)
    wait_until(lambda: runs.standing(group_id).state == "finished")
    with pytest.raises(RunError) as caught:
        runs.resume(group_id)
    assert caught.value.code == "runs.finished"


def test_an_app_that_was_killed_is_taken_over_with_its_runs_and_its_limit(
    runs: Runs, plans: Callable[..., list[Plan]], tmp_path: Path
) -> None:
    app = """
import sys, time
from pathlib import Path
sys.path[:0] = [".", "tests/runs"]
from processes import FakeExecutor
from playground.runs import Runs, RunSpec, RunStore
from playground.runs.plan import Plan
import pandas as pd

rows = pd.DataFrame({"text": ["a"], "label": ["b"]})
specs = [RunSpec.model_validate_json(line) for line in Path(sys.argv[2]).read_text().splitlines()]
store = RunStore(Path(sys.argv[1]))
runs = Runs(store.home, FakeExecutor(store, 2))
print(runs.start_group([Plan(spec, rows, rows, rows) for spec in specs]), flush=True)
time.sleep(60)
"""
    asked = tmp_path / "specs"
    lines = [plan.spec.model_dump_json() for plan in plans(steps=40, seconds=0.02)]
    asked.write_text("\n".join(lines))
    process = python(app, runs.store.home, asked)
    assert process.stdout is not None
    group_id = process.stdout.readline().strip()
    wait_until(lambda: working(runs) == 2)
    process.kill()
    process.wait()
    runs.warm()
    most = 0
    while runs.standing(group_id).state != "finished":
        most = max(most, working(runs))
        time.sleep(0.005)
    assert most == 2


def test_stopping_a_group_stops_what_runs_and_what_waits(
    runs: Runs, plans: Callable[..., list[Plan]]
) -> None:
    group_id = runs.start_group(plans(steps=1000, seconds=0.02))
    wait_until(lambda: working(runs) == 2)
    runs.stop(group_id)
    wait_until(lambda: states(runs, group_id) == ["stopped"] * 5)
    time.sleep(0.5)
    assert states(runs, group_id) == ["stopped"] * 5
    left = [runs.prompt_folder(run.id) for run in runs.group(group_id).runs]
    assert [folder is not None for folder in left] == [True, True, False, False, False]
    runs.stop(group_id)  # no matter
    with pytest.raises(RunError) as caught:
        runs.pause(group_id)
    assert caught.value.code == "runs.not_running"


def test_a_group_pauses_goes_on_and_is_deleted(
    runs: Runs, plans: Callable[..., list[Plan]]
) -> None:
    group_id = runs.start_group(plans((1, 2), steps=60, seconds=0.02))
    wait_until(lambda: runs.standing(group_id).step > 4)
    runs.pause(group_id)
    wait_until(lambda: states(runs, group_id) == ["paused"] * 2)
    with pytest.raises(RunError) as caught:
        runs.delete(group_id)
    assert caught.value.code == "runs.delete_running"
    assert len(runs.group(group_id).runs) == 2
    runs.resume(group_id)
    wait_until(lambda: runs.standing(group_id).state == "finished")
    runs.delete(group_id)
    assert not runs.list()
    for call in (runs.group, runs.events, runs.stop, runs.resume, runs.prompt_folder):
        with pytest.raises(RunError) as caught:
            call(group_id)
        assert caught.value.code == "runs.unknown"
