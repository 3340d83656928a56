"""Comparisons as runs: planned without a model, walked through by a worker, and kept."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from processes import wait_for, wait_until, worker_of

from playground.errors import DataError, RunError, SettingsError, TemplateError
from playground.methods.comparison_result import ComparisonResult, read_comparison
from playground.prompts import Template, Verbalizer
from playground.runs import ComparisonPlan, Runs, RunSpec, RunStore, plan_comparison
from playground.tasks import read_csv
from tests import tiny

TEMPLATES = [Template("{text} It was [MASK]."), Template("so [MASK]: {text}")]
VERBALIZERS = [
    Verbalizer({"positive": ["great", "good"], "negative": ["terrible"]}, {"positive": "#123456"}),
    Verbalizer({"positive": ["wonderful"], "negative": ["bad"]}),
]


def plan(table: pd.DataFrame, **changes: Any) -> ComparisonPlan:
    asked = {
        "model": "pocket-bert",
        "templates": TEMPLATES,
        "verbalizers": VERBALIZERS,
        "dataset": "films",
        **changes,
    }
    return plan_comparison(table=table, **asked)


def split_table() -> pd.DataFrame:
    return tiny.toy_rows(300).assign(split=["train"] * 200 + ["dev"] * 40 + ["test"] * 60)


# ---- planning ----------------------------------------------------------------------------------


def test_the_split_says_which_rows_are_for_what():
    planned = plan(split_table())
    assert set(planned.rows["split"]) == {"test"}
    assert len(planned.rows) == 60
    assert set(planned.train["split"]) == {"train"}
    assert planned.train["label"].value_counts().to_dict() == {"positive": 64, "negative": 64}


def test_without_a_split_demonstrations_are_drawn_from_the_rows():
    table = tiny.toy_rows(30)
    assert plan(table).train.empty
    planned = plan(table, demonstrations=4)
    assert len(planned.rows) == 30
    assert set(planned.train["text"]) <= set(planned.rows["text"])


def test_examples_limit_the_rows():
    planned = plan(split_table(), examples=10, seed=5)
    assert len(planned.rows) == 10
    assert planned.rows.equals(plan(split_table(), examples=10, seed=5).rows)
    assert len(plan(split_table(), examples=1000).rows) == 60


def test_a_spec_says_all_that_was_asked():
    spec = plan(split_table(), demonstrations=2, calibration="texts", seed=7).spec
    assert (spec.kind, spec.method, spec.seed) == ("comparison", "comparison", 7)
    assert (spec.template, spec.colours["positive"]) == (str(TEMPLATES[0]), "#123456")
    assert spec.verbalizer == {"positive": ["great", "good"], "negative": ["terrible"]}
    assert spec.settings["templates"] == list(map(str, TEMPLATES))
    assert spec.settings["verbalizers"][1]["labels"] == {
        "positive": ["wonderful"],
        "negative": ["bad"],
    }
    assert (spec.settings["demonstrations"], spec.settings["calibration"]) == (2, "texts")
    assert spec.settings["truncations"] == ["balanced", "balanced"]
    assert spec.name == "2 × 2 · films · 7"
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"templates": TEMPLATES * 5}, SettingsError, "settings.comparison_size"),
        ({"templates": [Template("{txt} [MASK]")]}, TemplateError, "template.unknown_field"),
        ({"demonstrations": 9}, SettingsError, "settings.invalid"),
        ({"verbalizers": [Verbalizer({"a": "b", "c": "d"})]}, DataError, "data.unknown_label"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(change, error, code):
    with pytest.raises(error) as caught:
        plan(split_table(), **change)
    assert caught.value.code == code


def test_a_row_at_fault_is_named_as_the_table_counts_it():
    table = split_table()
    table.loc[270, "text"] = None
    with pytest.raises(DataError) as caught:
        plan(table)
    assert (caught.value.code, caught.value.row) == ("data.missing_value_in_row", 271)


def test_a_table_of_a_hundred_thousand_rows_is_planned_in_no_time(tmp_path):
    tiny.toy_rows(100_000).to_csv(tmp_path / "large.csv", index=False)
    table = read_csv(tmp_path / "large.csv")
    store = RunStore(tmp_path / "home")
    began = time.process_time()
    planned = plan(table, demonstrations=8)
    store.create(planned.spec, {"rows": planned.rows, "train": planned.train})
    assert time.process_time() - began < 3
    store.close()


# ---- the list ----------------------------------------------------------------------------------


def test_runs_are_listed_by_kind(store, spec):
    older = store.create(spec())
    comparison = store.create(plan(split_table()).spec)
    newer = store.create(spec())
    # as a home had it before there were comparisons
    without_kind = "UPDATE runs SET spec = json_remove(spec, '$.kind') WHERE id = ?"
    store.database.write(without_kind, (older,))

    def ids(*given: Any, **named: Any) -> list[str]:
        return [run.id for run in store.list(*given, **named)]

    assert store.get(older).spec.kind == "training"
    assert ids() == [newer, comparison, older]
    assert ids(kind="training") == [newer, older]
    assert ids(kind="comparison") == [comparison]
    assert ids(1, kind="training") == [newer]
    assert ids(10, before=newer, kind="training") == [older]
    assert ids(10, before=comparison) == [older]


# ---- the worker --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save_model(tmp_path_factory.mktemp("model"), "bert", initializer_range=0.5))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("home"))
    runs.warm()
    yield runs
    for run in runs.list():
        runs.stop(run.id)
    runs.shutdown()


@pytest.fixture(scope="module")
def planned(model: str) -> ComparisonPlan:
    """Enough batches to be stopped among: 1,600 rows, two templates."""
    return plan(tiny.toy_rows(1600), model=model, calibration="contextual")


def left_by(runs: Runs, run_id: str) -> ComparisonResult:
    folder = runs.comparison_folder(run_id)
    assert isinstance(folder, Path)
    return read_comparison(folder)


@pytest.fixture(scope="module")
def whole(runs: Runs, planned: ComparisonPlan) -> tuple[str, ComparisonResult]:
    """A comparison that nobody disturbed."""
    run_id = runs.start_comparison(planned)
    run = wait_for(runs, run_id, "finished", "failed", seconds=120)
    assert (run.state, run.reason) == ("finished", "")
    return run_id, left_by(runs, run_id)


def start_paused(runs: Runs, planned: ComparisonPlan, after: int) -> str:
    run_id = runs.start_comparison(planned)
    for step in range(1, after + 1):
        runs.step(run_id)
        wait_until(lambda step=step: runs.get(run_id).step == step, 120)
        wait_for(runs, run_id, "paused")
    return run_id


def final_cells(runs: Runs, run_id: str) -> dict[tuple[int, int], dict[str, Any]]:
    events = runs.events(run_id)["events"]
    assert {event["split"] for event in events} == {"compare"}
    told = [cell for event in events for cell in event["cells"] if cell["done"]]
    return {(cell["template"], cell["verbalizer"]): cell for cell in told}


def test_a_comparison_tells_and_leaves_what_it_has_found(runs, planned, whole):
    run_id, result = whole
    run = runs.get(run_id)
    assert run.step == run.steps == 2 * (50 + 1)  # batches of 32, and one without content
    assert result.templates == tuple(map(str, TEMPLATES))
    assert result.log_probabilities.shape == (2, 2, 1600, 2)
    assert not np.isnan(result.log_probabilities).any()
    cells = final_cells(runs, run_id)
    assert set(cells) == {(t, v) for t in range(3) for v in range(2)}
    assert cells == {place: result.measure(*place) for place in cells}
    assert runs.prompt_folder(run_id) is None
    kept = runs.store.folder(run_id).read_table("rows")
    assert kept["text"].tolist() == planned.rows["text"].tolist()


def test_a_stop_leaves_what_is_done_and_a_resume_goes_on(runs, planned, whole):
    run_id = start_paused(runs, planned, after=5)
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    part = left_by(runs, run_id)
    assert part.done(0, 0).sum() == 4 * 32
    assert not part.done(1, 0).any()
    runs.resume(run_id)
    wait_for(runs, run_id, "finished", seconds=120)
    np.testing.assert_array_equal(
        left_by(runs, run_id).log_probabilities, whole[1].log_probabilities
    )
    assert final_cells(runs, run_id) == final_cells(runs, whole[0])


def test_a_killed_comparison_goes_on_to_the_same_results(runs, planned, whole):
    run_id = start_paused(runs, planned, after=3)
    os.kill(worker_of(run_id, runs.store.home), signal.SIGKILL)
    assert wait_for(runs, run_id, "interrupted", seconds=3).step == 3
    assert runs.comparison_folder(run_id) is None
    runs.resume(run_id)
    wait_for(runs, run_id, "finished", seconds=120)
    np.testing.assert_array_equal(
        left_by(runs, run_id).log_probabilities, whole[1].log_probabilities
    )
    assert final_cells(runs, run_id) == final_cells(runs, whole[0])


def test_what_the_model_refuses_is_the_runs_reason(runs, model):
    unknown = Verbalizer({"positive": ["\U00013000"], "negative": ["bad"]})
    planned = plan(tiny.toy_rows(8), model=model, verbalizers=[VERBALIZERS[0], unknown])
    failed = wait_for(runs, runs.start_comparison(planned), "failed", seconds=60)
    assert (failed.code, failed.details["verbalizer"]) == ("verbalizer.unknown_word", 1)


def test_there_is_no_comparison_of_a_run_that_is_not(runs):
    with pytest.raises(RunError):
        runs.comparison_folder("nothing")
