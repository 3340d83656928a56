from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from processes import FakeExecutor, wait_until

from playground.runs import Runs, RunSpec, RunStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def spec() -> Callable[..., RunSpec]:
    """Makes specs; keywords become settings."""

    def make(name: str = "", **settings: object) -> RunSpec:
        return RunSpec(
            method="p-tuning",
            model="pocket-bert",
            template="{text} It was [MASK].",
            verbalizer={"negative": ["terrible", "bad"], "positive": ["great", "good"]},
            name=name,
            settings=settings,
        )

    return make


@pytest.fixture
def rows() -> pd.DataFrame:
    good, bad = ("fine", "lovely", "moving", "bright"), ("dull", "empty", "noisy", "tired")
    return pd.DataFrame(
        [(f"A {word} film.", "positive") for word in good]
        + [(f"A {word} film.", "negative") for word in bad],
        columns=["text", "label"],
    )


@pytest.fixture
def runs(store: RunStore) -> Iterator[Runs]:
    """Runs whose workers train a FakeTraining. What is still running at the end is stopped."""
    runs = Runs(store.home, FakeExecutor(store))
    yield runs
    for run in runs.list():
        runs.stop(run.id)
    runs.shutdown()
    wait_until(lambda: not any(run.alive for run in runs.list()))
