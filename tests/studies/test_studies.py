"""Studies of the real engine, in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from playground.errors import RunError
from playground.runs import Runs
from playground.studies import (
    Progress,
    Studies,
    StudyPlan,
    cells_table,
    points_table,
    run_study,
)
from tests.studies.conftest import VERBALIZER
from tests.workers import worker_of

Planned = Callable[..., StudyPlan]
PATIENCE = 250.0  # seconds: busy cores may be slow, a right answer is still right
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studies]:
    """Studies in a home of their own, whose cells are trained."""
    studies = Studies(Runs(tmp_path_factory.mktemp("home")))
    studies.warm()
    yield studies
    studies.shutdown()
    for run_id in studies.runs.store.ids("running", "queued", "paused"):
        studies.runs.stop(run_id)
    studies.runs.shutdown()


def finish(studies: Studies, study_id: str) -> Progress:
    progress = studies.wait(study_id, PATIENCE)
    assert progress.study.state == "finished"
    return progress


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def counted_once(progress: Progress) -> bool:
    """Whether each cell has one run, and each run one measurement."""
    runs = [cell.run.id for cell in progress.cells if cell.run is not None]
    return len(runs) == len(set(runs)) == len(progress.cells)


def test_from_a_plan_to_its_figures(studies: Studies, planned: Planned) -> None:
    study_id = studies.create(planned(seeds=(1, 2)))
    until(lambda: studies.progress(study_id).estimate.seconds is not None)
    foreseen = studies.progress(study_id)
    assert foreseen.study.state == "planned"
    assert foreseen.counts == {"waiting": 8}
    assert foreseen.estimate.seconds == foreseen.estimate.seconds_left > 0
    assert foreseen.estimate.bytes is not None
    assert foreseen.estimate.bytes > 4 * 20_000_000  # four times the whole model, in float32

    studies.start(study_id)
    progress = finish(studies, study_id)
    assert progress.counts == {"finished": 8}
    assert counted_once(progress)
    assert progress.estimate.seconds_left == 0

    cells = cells_table(progress)
    assert cells["accuracy"].between(0, 1).all()
    assert set(cells["zero_shot_accuracy"]) == {cells["zero_shot_accuracy"][0]}  # it is one model
    assert (cells["gap"] == cells["train_accuracy"] - cells["dev_accuracy"]).all()
    tuned = cells["method"] == "head-fine-tuning"
    assert (cells["bytes"][tuned] > 1000 * cells["bytes"][~tuned].max()).all()
    assert (cells["parameters"][tuned] > 1000 * cells["parameters"][~tuned].max()).all()
    assert cells["cloze_before"][tuned].between(0.05, 1).all()
    assert cells["cloze_before"][~tuned].isna().all()  # nothing of the model has changed
    assert (cells["forgetting"][~tuned] == 0).all()

    points = points_table(progress)
    assert list(points["seeds"]) == [2] * 4
    first = cells[:2]["accuracy"]
    assert points["accuracy"][0] == pytest.approx(first.mean())
    assert points["accuracy_sd"][0] == pytest.approx(first.std())

    for point, members in progress.points.items():  # which the page opens as one
        group = {cell.run.spec.group for cell in members if cell.run is not None}
        assert len(group) == 1
        assert [run.spec.seed for run in studies.runs.group(group.pop()).runs] == [1, 2], point


def test_a_paused_study_halts_and_goes_on(studies: Studies, planned: Planned) -> None:
    slow = {"prompt-tuning": {"steps": 1000}}
    study_id = studies.create(planned(methods=("prompt-tuning",), seeds=(1, 2), settings=slow))
    studies.start(study_id)
    until(lambda: any(cell.state == "running" for cell in studies.progress(study_id).cells))
    studies.pause(study_id)
    until(lambda: not any(run.alive for run in studies.store.runs_of(study_id)))
    halted = studies.progress(study_id)
    assert halted.study.state == "paused"
    assert halted.counts["waiting"] >= 2
    with pytest.raises(RunError) as told:
        studies.delete(study_id)
    assert told.value.code == "studies.delete_running"

    studies.start(study_id)
    stopped = [cell.run.id for cell in halted.cells if cell.state == "stopped"]
    assert stopped
    until(lambda: any(studies.runs.get(run_id).state == "running" for run_id in stopped))
    studies.cancel(study_id)
    until(lambda: not any(run.alive for run in studies.store.runs_of(study_id)))
    studies.delete(study_id)
    with pytest.raises(RunError) as gone:
        studies.progress(study_id)
    assert gone.value.code == "studies.unknown"
    left = [run for run in studies.runs.list() if run.spec.study == study_id]
    assert left == []


def test_a_study_that_is_resumed_at_once_loses_no_cell(studies: Studies, planned: Planned) -> None:
    some = {"prompt-tuning": {"steps": 30}}
    study_id = studies.create(planned(methods=("prompt-tuning",), settings=some))
    studies.start(study_id)
    until(lambda: any(cell.state == "running" for cell in studies.progress(study_id).cells))
    for _ in range(4):  # while its cells are about to stop, or have not heard of it
        studies.pause(study_id)
        studies.start(study_id)
        time.sleep(0.15)
    progress = finish(studies, study_id)
    assert progress.counts == {"finished": len(progress.cells)}
    assert counted_once(progress)


def test_it_is_extended_without_doing_anything_twice(studies: Studies, planned: Planned) -> None:
    study_id = studies.create(planned(methods=("prompt-tuning",)))
    studies.start(study_id)
    before = finish(studies, study_id)
    kept = {cell.cell: (cell.run.id, cell.measured) for cell in before.cells if cell.run}

    more = {"prototypical": {"steps": 2}}
    assert studies.extend(study_id, seeds=[14], methods=["prototypical"], settings=more) == 6
    after = finish(studies, study_id)
    assert counted_once(after)
    assert len(after.cells) == 8
    found = {cell.cell: (cell.run.id, cell.measured) for cell in after.cells if cell.run}
    assert {cell: found[cell] for cell in kept} == kept
    assert [len(cells) for cells in after.points.values()] == [2] * 4


def test_what_has_failed_says_why_and_can_be_tried_again(
    studies: Studies, planned: Planned, tmp_path: Path
) -> None:
    from playground.models.built_in import FOLDER

    model = tmp_path / "model"
    study_id = studies.create(
        planned(methods=("prompt-tuning",), shots=(1,), models=(str(model), "pocket-bert"))
    )
    studies.start(study_id)
    progress = finish(studies, study_id)
    assert progress.counts == {"failed": 1, "finished": 1}
    (failed,) = (cell for cell in progress.cells if cell.state == "failed")
    assert failed.run is not None
    assert str(model) in failed.run.reason
    assert failed.accuracy is None

    model.symlink_to(FOLDER / "pocket-bert")
    assert studies.retry(study_id) == 1
    assert finish(studies, study_id).counts == {"finished": 2}
    assert studies.retry(study_id) == 0


def test_a_cell_whose_worker_is_killed_is_tried_again(studies: Studies, planned: Planned) -> None:
    study_id = studies.create(
        planned(methods=("prompt-tuning",), settings={"prompt-tuning": {"steps": 60}})
    )
    studies.start(study_id)

    def at_work() -> str | None:
        for cell in studies.progress(study_id).cells:
            if cell.run is not None and cell.state == "running" and cell.run.step > 5:
                return cell.run.id
        return None

    until(at_work)
    run_id = at_work()
    assert run_id is not None
    os.kill(worker_of(run_id, studies.runs.store.home), signal.SIGKILL)
    progress = finish(studies, study_id)
    assert counted_once(progress)
    assert progress.counts == {"finished": 2}


APP = """
import sys
from playground.runs import Runs
from playground.studies import Studies
studies = Studies(Runs(sys.argv[1]))
studies.runs.warm()
studies.warm()
studies.wait(sys.argv[2])
"""


def test_another_app_goes_on_where_one_was_killed(tmp_path: Path, planned: Planned) -> None:
    home = tmp_path / "home"
    studies = Studies(Runs(home))
    study_id = studies.create(
        planned(methods=("prompt-tuning",), settings={"prompt-tuning": {"steps": 40}})
    )
    studies.runs.shutdown()
    studies.start(study_id)
    app = subprocess.Popen([sys.executable, "-c", APP, str(home), study_id], cwd=REPOSITORY)
    until(lambda: studies.progress(study_id).counts.get("running"))
    app.kill()
    app.wait()
    done: dict[str, Any] = studies.progress(study_id).counts
    assert done.get("finished", 0) < 2

    other = Studies(Runs(home))
    other.runs.warm()
    other.warm()
    progress = finish(other, study_id)
    other.shutdown()
    other.runs.shutdown()
    assert counted_once(progress)
    assert progress.counts == {"finished": 2}


def test_two_apps_do_not_train_the_same_cell(tmp_path: Path, planned: Planned) -> None:
    home = tmp_path / "home"
    pair = [Studies(Runs(home)), Studies(Runs(home))]
    study_id = pair[0].create(planned(methods=("prompt-tuning",), seeds=(1, 2)))
    pair[1].start(study_id)
    for studies in pair:
        studies.warm()
    progress = finish(pair[1], study_id)
    for studies in pair:
        studies.shutdown()
        studies.runs.shutdown()
    assert counted_once(progress)
    assert len([run for run in pair[0].store.runs_of(study_id) if run.spec.kind == "training"]) == 4


def test_what_is_no_study_is_unknown(studies: Studies) -> None:
    for unknown in ("study-000000000000", "../../etc", ""):
        with pytest.raises(RunError) as told:
            studies.progress(unknown)
        assert told.value.code == "studies.unknown"


def test_rows_are_those_of_the_plan(studies: Studies, planned: Planned) -> None:
    plan = planned()
    study_id = studies.create(plan)
    pd.testing.assert_frame_equal(studies.store.table(study_id), plan.table)
    studies.cancel(study_id)


def test_it_is_one_call_in_a_program(tmp_path: Path, films: pd.DataFrame) -> None:
    runs = Runs(tmp_path / "home")
    seen: list[dict[str, int]] = []
    progress = run_study(
        films,
        "{text} It was [MASK].",
        VERBALIZER,
        methods=["prompt-tuning"],
        shots=[2],
        seeds=1,
        settings={"prompt-tuning": {"steps": 2}},
        runs=runs,
        on_progress=lambda progress: seen.append(progress.counts),
    )
    runs.shutdown()
    assert progress.counts == {"finished": 1}
    assert seen  # it is told while the study goes on
    assert all(sum(counts.values()) == 1 for counts in seen)
    assert Studies(Runs(tmp_path / "home")).all()[0].state == "finished"
