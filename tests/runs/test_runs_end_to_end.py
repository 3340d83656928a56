"""Runs of the real engine: P-Tuning on the smallest built-in model, in processes of their own."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from processes import wait_for, wait_until, worker_of

from playground.methods import TrainedPrompt
from playground.models import load_model
from playground.runs import Runs, RunSpec
from playground.runs.executors import LocalExecutor

STEPS = 30
MEASURED = ("seconds", "tokens_per_second")  # times differ, whatever the seed


def spec(**fields: Any) -> RunSpec:
    return RunSpec(
        **{
            "method": "p-tuning",
            "model": "pocket-bert",
            "template": "{text} It was [MASK].",
            "verbalizer": {"negative": ["terrible", "bad"], "positive": ["great", "good"]},
            "dataset": "films",
            "settings": {"steps": STEPS, "dev_every": 10, "snapshot_every": 5, "batch_size": 8},
            **fields,
        }
    )


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    praise = ("a joy from start to finish", "warm and funny", "a moving story", "well played")
    blame = ("a waste of time", "dull and far too long", "an empty story", "badly played")
    rows = [(text, "positive") for text in praise] + [(text, "negative") for text in blame]
    return pd.DataFrame(rows * 4, columns=["text", "label"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("home"))
    runs.warm()
    yield runs
    for run in runs.list():
        runs.stop(run.id)
    runs.shutdown()


@pytest.fixture(scope="module")
def curve(runs: Runs, films: pd.DataFrame) -> list[dict[str, Any]]:
    """The events of a run that nobody disturbed."""
    run_id = runs.start(spec(), films, films.head(8))
    wait_for(runs, run_id, "finished", "failed", seconds=120)
    return events(runs, run_id)


def events(runs: Runs, run_id: str) -> list[dict[str, Any]]:
    """What a run has told, in the order of its steps, without its cursor and its times."""
    told = [
        {key: value for key, value in event.items() if key not in ("id", *MEASURED)}
        for event in runs.events(run_id)["events"]
    ]
    return sorted(told, key=lambda event: (event["step"], event["split"]))


def start_paused(runs: Runs, films: pd.DataFrame, after: int) -> str:
    """A run that has made ``after`` steps, one order each."""
    run_id = runs.start(spec(), films, films.head(8))
    for step in range(1, after + 1):
        runs.step(run_id)
        wait_until(lambda step=step: runs.get(run_id).step == step, 120)
        wait_for(runs, run_id, "paused")
    return run_id


def test_a_run_tells_everything_and_leaves_a_usable_prompt(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    splits = {split: [e for e in curve if e["split"] == split] for split in ("train", "dev")}
    assert [event["step"] for event in splits["train"]] == list(range(1, STEPS + 1))
    assert [event["step"] for event in splits["dev"]] == [0, 10, 20, 30]
    assert next(e for e in curve if e["split"] == "start")["labels"] == ["negative", "positive"]
    finished = next(run for run in reversed(runs.list()) if run.state == "finished")
    assert (finished.step, finished.steps) == (STEPS, STEPS)
    folder = runs.prompt_folder(finished.id)
    assert folder is not None
    prompt = TrainedPrompt.load(folder, load_model("pocket-bert"))
    assert set(prompt.classify(films.head(4))["prediction"]) <= {"negative", "positive"}


def test_the_same_seed_draws_the_same_curve(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    same = runs.start(spec(), films, films.head(8))
    other = runs.start(spec(seed=14), films, films.head(8))
    wait_for(runs, same, "finished", seconds=120)
    assert events(runs, same) == curve
    wait_for(runs, other, "finished", seconds=120)
    assert events(runs, other) != curve


def test_a_worker_that_has_trained_otherwise_draws_the_curve_of_a_new_one(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    assert isinstance(runs.executor, LocalExecutor)
    before = [
        spec(method="lora", settings={"steps": 3, "dropout": 0.2, "scored_by": "head"}),
        spec(method="p-tuning-v2", model="pocket-gpt", template="{text} It was [MASK]"),
        spec(method="prompt-fine-tuning", settings={"steps": 3}, seed=21),
        spec(),
    ]
    workers = set()
    for asked in before:
        run_id = runs.start(asked, films, films.head(8))
        workers |= runs.executor._busy.keys()
        assert wait_for(runs, run_id, "finished", "failed", seconds=120).state == "finished"
    assert len(workers) == 1
    assert events(runs, run_id) == curve


def test_a_killed_run_goes_on_along_the_same_curve(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    run_id = start_paused(runs, films, after=7)
    os.kill(worker_of(run_id, runs.store.home), signal.SIGKILL)
    assert wait_for(runs, run_id, "interrupted", seconds=3).step == 7
    runs.resume(run_id)
    wait_for(runs, run_id, "finished", seconds=120)
    assert events(runs, run_id) == curve


def test_a_run_killed_before_its_first_checkpoint_begins_again(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    run_id = runs.start(spec(), films, films.head(8))
    wait_until(lambda: runs.get(run_id).step >= 3, 120)
    os.kill(worker_of(run_id, runs.store.home), signal.SIGKILL)
    wait_for(runs, run_id, "interrupted", seconds=3)
    runs.resume(run_id)
    wait_for(runs, run_id, "finished", seconds=120)
    assert events(runs, run_id) == curve


def test_a_stop_is_answered_at_once_and_leaves_a_usable_prompt(
    runs: Runs, films: pd.DataFrame, curve: list[dict[str, Any]]
) -> None:
    run_id = runs.start(spec(), films, films.head(8))
    wait_until(lambda: runs.get(run_id).step >= 3, 120)
    begun = time.monotonic()
    runs.stop(run_id)
    wait_for(runs, run_id, "stopped")
    assert time.monotonic() - begun < 1  # a step of the engine, at most, on a busy machine
    folder = runs.prompt_folder(run_id)
    assert folder is not None
    assert TrainedPrompt.describe(folder)["step"] == runs.get(run_id).step < STEPS
    assert len(TrainedPrompt.load(folder, load_model("pocket-bert")).classify(films.head(2))) == 2
    runs.resume(run_id)
    wait_for(runs, run_id, "finished", seconds=120)
    assert events(runs, run_id) == curve


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"method": "no-such"}, "settings.no_such_method"),
        ({"settings": {"steps": -1}}, "settings.invalid"),
        ({"template": "{text} It was nothing."}, "template.no_answer_slot"),
        ({"template": "{txt} It was [MASK]."}, "template.unknown_field"),
        ({"model": "/no/such/model"}, "model.no_folder"),
    ],
)
def test_what_the_engine_refuses_is_the_runs_reason(
    runs: Runs, films: pd.DataFrame, fields: dict[str, Any], code: str
) -> None:
    run_id = runs.start(spec(**fields), films, films.head(8))
    failed = wait_for(runs, run_id, "failed", "finished", seconds=120)
    assert (failed.state, failed.code) == ("failed", code)
    assert failed.reason


def test_texts_without_labels_are_a_table_of_the_runs_own(runs: Runs, films: pd.DataFrame) -> None:
    short = {"steps": 2, "distillation_steps": 3, "batch_size": 2, "dev_every": 9}
    further = ["It was [MASK]. {text}"]
    asked = spec(method="pet", settings={**short, "further_templates": further})
    texts = films[["text"]]
    run_id = runs.start(asked, films, films.head(4), films.head(1), unlabelled=texts)
    ended = wait_for(runs, run_id, "finished", "failed", seconds=120)
    assert (ended.state, ended.step, ended.steps) == ("finished", 7, 7)
    kept = runs.store.folder(run_id).read_table("unlabelled")
    assert kept["text"].tolist() == texts["text"].tolist()
    assert list(kept.columns) == ["text"]
    folder = runs.prompt_folder(run_id)
    assert folder is not None
    prompt = TrainedPrompt.load(folder, load_model("pocket-bert"))
    assert prompt.head is not None
    assert len(prompt.classify(films.head(2))) == 2
