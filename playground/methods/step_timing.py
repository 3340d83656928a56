"""What a training would cost in time and room: a few steps of it, timed."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from playground.methods.measured import saved_bytes
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.training import Event

if TYPE_CHECKING:
    from playground.methods.pet import Pet
    from playground.methods.training import Training

STEPS = 4  # of which the first, in which memory is fetched, does not count
ROWS = 32  # read to time the reading


class StepTiming:
    """Makes the first steps of ``training`` and says how long they take; nothing is left of it.

    Its last event is of the split "timing": ``step_seconds``, the median time of a step, and
    ``row_seconds``, the time to classify one row; what would come of them if all steps were made
    and the rest measured as `MeasuredTraining` does: ``seconds`` of all ``steps`` and
    ``cell_seconds`` with all else; ``bytes`` of the prompt that it would leave; and ``parameters``,
    as at a training's start.
    """

    def __init__(
        self,
        training: "Training | Pet",
        train: pd.DataFrame,
        dev: pd.DataFrame,
        test: pd.DataFrame,
    ) -> None:
        self.training = training
        self.train = train
        self.dev = dev
        self.test = test
        self.steps = min(STEPS, training.steps)
        self.step = 0
        self.looking = False

    def __iter__(self) -> Iterator[Event | None]:
        begun = time.perf_counter()
        opening = 0.0
        seconds: list[float] = []
        parameters = None
        walked = iter(self.training)
        while len(seconds) < self.steps:
            event = next(walked)
            if event is None:
                yield None
            elif event["split"] == "start":
                parameters = event["parameters"]
            elif event["split"] == "train":
                opening = opening or time.perf_counter() - begun
                seconds.append(event["seconds"])
                self.step = len(seconds)
        prompt = self.training.results()["prompt"]
        yield None
        some = self.test.head(ROWS)
        begun = time.perf_counter()
        prompt.classify(some)
        row_seconds = (time.perf_counter() - begun) / len(some)
        step_seconds = statistics.median(seconds[1:] or seconds)
        steps = self.training.steps
        looks = steps // self.training.settings.dev_every
        read = looks * len(self.dev) + 2 * len(self.test) + len(self.train)
        yield {
            "step": self.step,
            "split": "timing",
            "steps": steps,
            "step_seconds": step_seconds,
            "row_seconds": row_seconds,
            "seconds": steps * step_seconds,
            "cell_seconds": opening + steps * step_seconds + read * row_seconds,
            "bytes": saved_bytes(prompt),
            "parameters": parameters,
        }

    def results(self) -> dict[str, TrainedPrompt]:
        return {}

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """Nothing is kept: the timing begins anew."""

    def load_checkpoint(self, folder: Path) -> None:
        """Begins anew."""
