"""Searches as runs: planned without a model, walked through by a worker, and kept."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from processes import wait_for, wait_until, worker_of

from playground.errors import DataError, RunError, SettingsError, TemplateError
from playground.methods import TrainedPrompt
from playground.methods.search_result import SearchResult, read_search
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from playground.runs import Runs, RunSpec, SearchPlan, plan_search
from tests import tiny

TEMPLATE = Template("{text} It was [MASK].", truncation="head")
VERBALIZER = Verbalizer(
    {"positive": ["great", "good"], "negative": ["terrible"]}, {"positive": "#123456"}
)
AUTOPROMPT = {"iterations": 12, "triggers": 2, "candidates": 6, "batch_size": 8}


def plan(**changes: Any) -> SearchPlan:
    asked: dict[str, Any] = {
        "method": "autoprompt",
        "model": "pocket-bert",
        "template": TEMPLATE,
        "verbalizer": VERBALIZER,
        "table": tiny.toy_rows(60),
        "dataset": "films",
        "shots": 8,
        "settings": AUTOPROMPT,
        **changes,
    }
    return plan_search(**asked)


def test_a_plan_draws_rows_and_keeps_all_that_was_asked():
    planned = plan(settings={**AUTOPROMPT, "seed": 7})
    assert planned.train["label"].value_counts().to_dict() == {"positive": 8, "negative": 8}
    assert len(planned.dev) == 44
    assert not set(planned.train.index) - set(range(16))
    spec = planned.spec
    assert (spec.kind, spec.method, spec.seed, spec.shots) == ("search", "autoprompt", 7, 8)
    assert spec.settings["candidates"] == 6
    assert spec.settings["loss_over"] == "vocabulary"
    assert (spec.truncation, spec.colours["positive"]) == ("head", "#123456")
    assert spec.name == "autoprompt · films · K=8 · 7"
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
    again = plan(settings={**AUTOPROMPT, "seed": 7})
    pd.testing.assert_frame_equal(again.train, planned.train)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"method": "p-tuning"}, SettingsError, "settings.no_such_method"),
        ({"settings": {"candidates": 0}}, SettingsError, "settings.invalid"),
        ({"template": Template("{txt} [MASK]")}, TemplateError, "template.unknown_field"),
        ({"template": Template("{text} [SOFT] [MASK]")}, TemplateError, "search.soft_slots"),
        ({"verbalizer": Verbalizer({"a": "b", "c": "d"})}, DataError, "data.unknown_label"),
        ({"shots": 100}, DataError, "data.too_few_rows"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(change, error, code):
    with pytest.raises(error) as caught:
        plan(**change)
    assert caught.value.code == code


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


def left_by(runs: Runs, run_id: str) -> SearchResult:
    folder = runs.search_folder(run_id)
    assert folder is not None
    return read_search(folder)


def finish(runs: Runs, run_id: str) -> None:
    run = wait_for(runs, run_id, "finished", "failed", seconds=120)
    assert (run.state, run.reason) == ("finished", "")


@pytest.fixture(scope="module")
def whole(runs: Runs, model: str) -> str:
    """A search for triggers that nobody disturbed."""
    run_id = runs.start_search(plan(model=model))
    finish(runs, run_id)
    return run_id


def events(runs: Runs, run_id: str) -> list[dict[str, Any]]:
    told = runs.events(run_id)["events"]
    return [{n: v for n, v in event.items() if n not in ("id", "seconds")} for event in told]


def start_paused(runs: Runs, planned: SearchPlan, after: int) -> str:
    run_id = runs.start_search(planned)
    for step in range(1, after + 1):
        runs.step(run_id)
        wait_until(lambda step=step: runs.get(run_id).step == step, 120)
        wait_for(runs, run_id, "paused")
    return run_id


def test_triggers_are_told_and_left(runs, model, whole):
    run = runs.get(whole)
    assert run.step == run.steps == 12
    assert run.spec.kind == "search"
    told = events(runs, whole)
    assert [event["split"] for event in told[:3]] == ["start", "dev", "search"]
    assert len([event for event in told if event["split"] == "search"]) == 12
    result = left_by(runs, whole)
    best = [event["best"] for event in told if event["split"] == "dev"][-1]
    assert [trigger["id"] for trigger in result.triggers] == [one["id"] for one in best["triggers"]]
    assert result.dev_accuracy == best["accuracy"]
    prompt = TrainedPrompt.load(runs.prompt_folder(whole), load_model(model, precision="float32"))
    assert prompt.template == result.read_template()
    assert prompt.template.truncation == "head"


def test_label_words_are_told_and_left(runs, model):
    run_id = runs.start_search(plan(model=model, method="label-word-search", settings={"words": 2}))
    finish(runs, run_id)
    result = left_by(runs, run_id)
    verbalizer = result.read_verbalizer()
    assert verbalizer.colours == VERBALIZER.colours
    assert [len(words) for words in verbalizer.words.values()] == [2, 2]
    best = result.table().groupby("label").first()["word"].to_dict()
    assert best == {label: words[0] for label, words in verbalizer.words.items()}
    assert TrainedPrompt.describe(runs.prompt_folder(run_id))["method"] == "label-word-search"


def test_a_stop_leaves_the_best_and_a_resume_goes_on(runs, model, whole):
    run_id = start_paused(runs, plan(model=model), after=5)
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    assert left_by(runs, run_id).step == 5
    assert runs.prompt_folder(run_id) is not None
    runs.resume(run_id)
    finish(runs, run_id)
    assert left_by(runs, run_id) == left_by(runs, whole)
    assert events(runs, run_id) == events(runs, whole)


def test_a_killed_search_goes_on_to_the_same_triggers(runs, model, whole):
    run_id = start_paused(runs, plan(model=model), after=3)
    os.kill(worker_of(run_id, runs.store.home), signal.SIGKILL)
    assert wait_for(runs, run_id, "interrupted", seconds=3).step == 3
    assert runs.search_folder(run_id) is None
    runs.resume(run_id)
    finish(runs, run_id)
    assert left_by(runs, run_id) == left_by(runs, whole)
    assert events(runs, run_id) == events(runs, whole)


def test_what_the_model_refuses_is_the_runs_reason(runs, model):
    unknown = Verbalizer({"positive": ["\U00013000"], "negative": ["bad"]})
    failed = wait_for(
        runs, runs.start_search(plan(model=model, verbalizer=unknown)), "failed", seconds=60
    )
    assert failed.code == "verbalizer.unknown_word"


def test_searches_are_listed_by_kind(runs, whole):
    assert whole in [run.id for run in runs.list(kind="search")]
    assert not runs.list(kind="training")
    with pytest.raises(RunError):
        runs.search_folder("nothing")
