"""A training that is over in no time, and a worker process that runs it instead of the engine's.

The spec's settings: "steps"; "seconds" a step; "loading" seconds; "fail_at" a step, with "how":
"sentence", "memory" or "bug".
"""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playground.errors import DataError
from playground.runs import worker
from playground.runs.folder import RunFolder, whole_folder
from playground.runs.spec import RunSpec


class FakePrompt:
    def __init__(self, step: int) -> None:
        self.step = step

    def save(self, folder: Path) -> None:
        (folder / "prompt.json").write_text(json.dumps({"step": self.step}))


class FakeTraining:
    """Its "loss" is a pseudo-random walk: the same from any checkpoint, unlike any other's."""

    def __init__(
        self,
        steps: int = 20,
        seconds: float = 0.0,
        fail_at: int | None = None,
        how: str = "bug",
        loading: float = 0.0,
        seed: int = 13,
    ) -> None:
        self.step = 0
        self.steps = steps
        self.looking = False
        self.seconds = seconds
        self.fail_at = fail_at
        self.how = how
        self.value = seed
        time.sleep(loading)

    def __iter__(self) -> Iterator[Mapping[str, Any] | None]:
        if self.step == 0:
            yield {"step": 0, "split": "start", "steps": self.steps}
        yield from self.look()
        while self.step < self.steps:
            for _ in range(4):
                time.sleep(self.seconds / 4)
                yield None
            if self.step + 1 == self.fail_at:
                if self.how == "sentence":
                    raise DataError("Row 3 is wrong. Mend it.", row=3, code="data.wrong")
                if self.how == "memory":
                    raise MemoryError
                raise ValueError("a bug")
            self.step += 1
            self.value = self.value * 1103515245 % 2147483647
            self.looking = True
            yield {"step": self.step, "split": "train", "loss": self.value}
            yield from self.look()
            self.looking = False
            yield None

    def look(self) -> Iterator[Mapping[str, Any] | None]:
        if self.step % 5 == 0:
            yield None
            accuracy = self.value % 1000 / 1000
            yield {"step": self.step, "split": "dev", "loss": -self.value, "accuracy": accuracy}

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        (folder / "step.json").write_text(json.dumps(self.step))
        (folder / "value.json").write_text(json.dumps(self.value))

    def load_checkpoint(self, folder: Path) -> None:
        self.step = json.loads((folder / "step.json").read_text())
        self.value = json.loads((folder / "value.json").read_text())

    def results(self) -> dict[str, FakePrompt]:
        return {"prompt": FakePrompt(self.step)}


def load(spec: RunSpec, folder: RunFolder) -> FakeTraining:
    training = FakeTraining(**spec.settings)
    checkpoint = whole_folder(folder.checkpoint)
    if checkpoint:
        training.load_checkpoint(checkpoint)
    return training


if __name__ == "__main__":
    worker.load = load
    worker.warm_up = lambda: None
    worker.CHECKPOINT_SECONDS = 0.1
    worker.main()
