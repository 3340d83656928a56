from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pytest
from torch import Tensor

from playground.methods import Event, Training, start
from playground.models import LanguageModel, load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

SHORT: dict[str, Any] = {
    "steps": 6,
    "batch_size": 4,
    "dev_every": 2,
    "snapshot_every": 3,
}
OWN: dict[str, dict[str, Any]] = {
    "p-tuning": {"soft_tokens": 3},
    "prompt-tuning": {"soft_tokens": 4},
    "p-tuning-v2": {"prefix_length": 4},
    "lora": {"rank": 3},
    "soft-verbalizer": {"soft_tokens": 3},
    "prototypical": {"width": 8},
    "prompt-fine-tuning": {"demonstration_sets": 2},
}


@dataclass(frozen=True)
class Toy:
    """A tiny random model and a task that one word gives away."""

    model: LanguageModel
    template: Template
    verbalizer: Verbalizer
    train: pd.DataFrame
    dev: pd.DataFrame

    def start(self, method: str = "p-tuning", **settings: Any) -> Training:
        """A training of six steps, or what ``settings`` make of it."""
        return start(
            method,
            self.model,
            self.template,
            self.verbalizer,
            self.train,
            self.dev,
            SHORT | OWN.get(method, {}) | settings,
        )

    @contextmanager
    def in_float64(self) -> Iterator[None]:
        """The model's weights in float64 for as long as this lasts; then they are as before."""
        self.model.network.double()
        yield
        self.model.network.float()


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    folder = tiny.save_model(tmp_path_factory.mktemp("toy"), "bert", initializer_range=0.5)
    return Toy(
        load_model(str(folder), precision="float32"),
        Template("{text} It was [MASK]."),
        Verbalizer({"positive": ["great", "good"], "negative": ["terrible"]}),
        tiny.toy_rows(24, seed=1),
        tiny.toy_rows(70, seed=2),  # more than a batch of the dev measure
    )


@pytest.fixture
def weights(toy: Toy) -> Callable[[], dict[str, Tensor]]:
    """A copy of all weights of the toy model as they are now."""

    def copy() -> dict[str, Tensor]:
        return {name: value.clone() for name, value in toy.model.network.state_dict().items()}

    return copy


@pytest.fixture
def comparable() -> Callable[[list[Event | None]], list[Event]]:
    """The events without the breaths in between and without what the clock says."""

    def strip(events: list[Event | None]) -> list[Event]:
        clock = ("seconds", "tokens_per_second")
        return [
            {name: value for name, value in event.items() if name not in clock}
            for event in events
            if event is not None
        ]

    return strip
