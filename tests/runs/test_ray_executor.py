"""Runs on a cluster of two nodes on this machine, one of which is killed under a run."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from processes import wait_for, wait_until
from ray.cluster_utils import Cluster

from playground.errors import SettingsError
from playground.methods import TrainedPrompt
from playground.models import load_model
from playground.runs import Runs, RunSpec, RunStore
from playground.runs.executors.ray import Bundle, RayExecutor

pytestmark = pytest.mark.ray

STEPS = 150
MEASURED = ("id", "seconds", "tokens_per_second")


@dataclass
class Machines:
    """The cluster, its node that is not the head, and the runs that go there."""

    cluster: Cluster
    second: Any
    runs: Runs


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    head = {"num_cpus": 1, "node_name": "first", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=1, node_name="second")
    store = RunStore(tmp_path_factory.mktemp("home"))
    runs = Runs(store.home, RayExecutor(store, cluster.address))
    yield Machines(cluster, second, runs)
    runs.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    praise = ("a joy from start to finish", "warm and funny", "a moving story", "well played")
    blame = ("a waste of time", "dull and far too long", "an empty story", "badly played")
    rows = [(text, "positive") for text in praise] + [(text, "negative") for text in blame]
    return pd.DataFrame(rows * 4, columns=["text", "label"])


def spec() -> RunSpec:
    return RunSpec(
        method="p-tuning",
        model="pocket-bert",
        template="{text} It was [MASK].",
        verbalizer={"negative": ["terrible", "bad"], "positive": ["great", "good"]},
        settings={"steps": STEPS, "dev_every": 30, "snapshot_every": 10, "batch_size": 8},
    )


def curve(runs: Runs, run_id: str) -> list[dict[str, Any]]:
    told = runs.events(run_id)["events"]
    bare = [{key: value for key, value in e.items() if key not in MEASURED} for e in told]
    return sorted(bare, key=lambda event: (event["step"], event["split"]))


def test_a_run_goes_on_with_the_next_app(
    machines: Machines, rows: pd.DataFrame, tmp_path: Path
) -> None:
    store = RunStore(tmp_path)
    mine, other = (store.create(spec(), {"train": rows, "dev": rows.head(8)}) for _ in range(2))
    for run_id in (mine, other):  # as an app leaves them that is killed
        store.set_state(run_id, "running")
    store.set_node(mine, "second")
    runs = Runs(tmp_path, RayExecutor(store, machines.cluster.address))
    assert [store.get(run_id).state for run_id in (mine, other)] == ["queued", "running"]
    runs.warm()
    wait_until(lambda: runs.get(mine).step > 2, 120)
    runs.shutdown()
    assert store.get(mine).state == "queued"
    assert 2 < store.get(mine).step < STEPS
    with store.folder(mine).lock(timeout=0):
        pass


def test_a_run_whose_node_is_killed_goes_on_elsewhere_along_the_same_curve(
    machines: Machines, rows: pd.DataFrame
) -> None:
    runs = machines.runs
    assert runs.executor.limit == 2
    ids = [runs.start(spec(), rows, rows.head(8)) for _ in range(2)]
    for run_id in ids:
        runs.pause(run_id)
    for run_id in ids:
        wait_for(runs, run_id, "paused", seconds=120)
    by_node = {runs.get(run_id).node: run_id for run_id in ids}
    assert set(by_node) == {"first", "second"}
    whole, lost = by_node["first"], by_node["second"]

    waits = runs.start(spec(), rows, rows.head(8))
    assert runs.get(waits).state == "queued"
    runs.resume(whole)
    wait_for(runs, whole, "finished", seconds=120)
    runs.stop(waits)  # on its way, or just begun
    wait_for(runs, waits, "stopped", seconds=120)

    begun = runs.get(lost).step
    for step in (begun + 1, begun + 2):
        runs.step(lost)
        wait_until(lambda step=step: runs.get(lost).step == step)
        wait_for(runs, lost, "paused")
    runs.resume(lost)
    wait_until(lambda: runs.get(lost).step > begun + 10, 60)
    machines.cluster.remove_node(machines.second, allow_graceful=False)
    assert runs.get(lost).step < STEPS
    assert wait_for(runs, lost, "finished", seconds=120).node == "first"
    assert curve(runs, lost) == curve(runs, whole)
    wait_until(lambda: runs.executor.limit == 1, 120)
    folder = runs.prompt_folder(lost)
    assert folder is not None
    assert len(TrainedPrompt.load(folder, load_model("pocket-bert")).classify(rows.head(2))) == 2


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"“127.0.0.1:1” cannot be reached") as caught:
        RayExecutor(RunStore(tmp_path), "127.0.0.1:1")
    assert caught.value.code == "settings.ray_address"


def test_without_ray_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"pip install -r requirements-ray\.txt") as caught:
        RayExecutor(RunStore(tmp_path))
    assert caught.value.code == "settings.no_ray"


@pytest.mark.parametrize(
    ("bundle", "node", "workers"),
    [
        (Bundle(), {"CPU": 4.0}, 4),
        (Bundle(cpus=0.5), {"CPU": 1.0}, 2),
        (Bundle(cpus=3), {"CPU": 2.0}, 0),
        (Bundle(cpus=1, gpus=1), {"CPU": 8.0, "GPU": 2.0}, 2),
        (Bundle(cpus=1, gpus=1), {"CPU": 8.0}, 0),
    ],
)
def test_a_node_has_room_for_as_many_workers_as_its_resources(
    bundle: Bundle, node: dict[str, float], workers: int
) -> None:
    assert bundle.fits(node) == workers
