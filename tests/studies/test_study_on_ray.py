"""A study on a cluster of two nodes on this machine, one of which is killed in the middle of it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from playground.runs import Run, Runs, RunStore
from playground.runs.executors.ray import RayExecutor
from playground.studies import Studies, StudyPlan, cells_table

pytestmark = pytest.mark.ray

PATIENCE = 250.0  # seconds: busy cores may be slow, a right answer is still right
STEPS = 60


def cells(studies: Studies, study_id: str) -> list[Run]:
    """Every run that was made for a cell."""
    return [run for run in studies.store.runs_of(study_id) if run.spec.kind != "timing"]


def test_of_a_study_whose_node_is_killed_no_cell_is_lost_and_none_counted_twice(
    tmp_path: Path, planned: Callable[..., StudyPlan]
) -> None:
    head = {"num_cpus": 1, "node_name": "first", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=1, node_name="second")
    store = RunStore(tmp_path)
    studies = Studies(Runs(tmp_path, RayExecutor(store, cluster.address)))
    try:
        studies.warm()
        plan = planned(
            methods=("prompt-tuning",), seeds=(1, 2), settings={"prompt-tuning": {"steps": STEPS}}
        )
        study_id = studies.create(plan)
        studies.start(study_id)
        end = time.monotonic() + PATIENCE
        while not any(
            run.node == "second" and run.state == "running" and run.step > 3
            for run in cells(studies, study_id)
        ):
            assert time.monotonic() < end, "no cell came to the second node"
            time.sleep(0.02)
        cluster.remove_node(second, allow_graceful=False)

        progress = studies.wait(study_id, PATIENCE)
        assert progress.counts == {"finished": 4}
        runs = [cell.run for cell in progress.cells if cell.run is not None]
        assert len({run.id for run in runs}) == len(runs) == 4
        assert {run.id for run in cells(studies, study_id)} == {run.id for run in runs}
        assert cells_table(progress)["accuracy"].between(0, 1).all()
        for run in runs:
            told = [(e["step"], e["split"]) for e in store.events(run.id, limit=10_000)]
            assert len(told) == len(set(told))
            assert [step for step, split in sorted(told) if split == "train"] == [
                *range(1, STEPS + 1)
            ]
    finally:
        studies.shutdown()
        studies.runs.shutdown()
        cluster.shutdown()
