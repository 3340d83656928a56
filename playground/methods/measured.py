"""A training that ends with a measurement on rows it has not seen: one cell of a study."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from playground.errors import PlaygroundError
from playground.methods.cloze import cloze_accuracy, cloze_texts
from playground.methods.learner import without_soft_slots
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.training import Event
from playground.methods.zero_shot import classify
from playground.tasks.metrics import accuracy, confusion_matrix, macro_f1
from playground.tasks.table import LABEL

if TYPE_CHECKING:
    from playground.methods.pet import Pet
    from playground.methods.training import Training


class MeasuredTraining:
    """Walks through ``training`` and measures what it leaves on the rows of ``test``.

    Events are those of the training, and last one of the split "test" with

    - ``accuracy`` and ``macro_f1``, and ``train_accuracy`` on the rows learned from;
    - ``zero_shot_accuracy`` of the model as it is, None where it cannot read the words;
    - ``seconds`` that the steps took, None where it was resumed after the last of them, and
      ``cell_seconds`` with all that was measured;
    - ``bytes``, what the saved prompt takes;
    - ``cloze_before`` and ``cloze_after``, how well the language model fills in words of other
      texts, see `cloze_accuracy`: both None where its weights are left as they are.
    """

    def __init__(
        self, training: "Training | Pet", train: pd.DataFrame, test: pd.DataFrame, dataset: str
    ) -> None:
        self.training = training
        self.train = train
        self.test = test
        self.dataset = dataset

    @property
    def step(self) -> int:
        return self.training.step

    @property
    def steps(self) -> int:
        return self.training.steps

    @property
    def looking(self) -> bool:
        return self.training.looking

    def __iter__(self) -> Iterator[Event | None]:
        begun = time.perf_counter()
        seconds, steps = 0.0, 0
        for event in self.training:
            if event is not None and event["split"] == "train":
                seconds, steps = seconds + event["seconds"], steps + 1
            yield event
        prompt = self.results()["prompt"]
        labels = prompt.verbalizer.labels
        yield None
        measured: Event = {"step": self.step, "split": "test", "rows": len(self.test)}
        measured |= _quality(prompt.classify(self.test), self.test, labels)
        yield None
        learned = _quality(prompt.classify(self.train), self.train, labels)
        yield None
        measured |= {
            # those before a resume were not seen; they took as long
            "seconds": seconds * self.step / steps if steps else None,
            "train_accuracy": learned["accuracy"],
            "zero_shot_accuracy": self._zero_shot(),
            "bytes": saved_bytes(prompt),
        }
        yield None
        measured |= self._forgotten(prompt)
        yield measured | {"cell_seconds": time.perf_counter() - begun}

    def _zero_shot(self) -> float | None:
        learner = self.training.learner
        plain = without_soft_slots(learner.template)
        try:
            table = classify(learner.base_model, plain, learner.verbalizer, self.test)
        except PlaygroundError:  # a head reads texts that suit no words
            return None
        return _quality(table, self.test, learner.verbalizer.labels)["accuracy"]

    def _forgotten(self, prompt: TrainedPrompt) -> dict[str, float | None]:
        if not prompt.tunes_model:
            return {"cloze_before": None, "cloze_after": None}
        field = prompt.template.fields[0]
        texts = cloze_texts(self.dataset, [str(text) for text in self.train[field]])
        before = cloze_accuracy(self.training.learner.base_model, texts)
        return {"cloze_before": before, "cloze_after": cloze_accuracy(prompt.model, texts)}

    # ---- keeping, as of the training ------------------------------------------------------------

    def results(self) -> dict[str, TrainedPrompt]:
        return self.training.results()

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        self.training.save_checkpoint(folder, last)

    def load_checkpoint(self, folder: Path) -> None:
        self.training.load_checkpoint(folder)


def _quality(
    classified: pd.DataFrame, rows: pd.DataFrame, labels: Sequence[str]
) -> dict[str, float]:
    """``accuracy`` and ``macro_f1`` of what `classify` says of ``rows``."""
    places = {label: place for place, label in enumerate(labels)}
    truth, predicted = (
        table.map(places).to_numpy() for table in (rows[LABEL], classified["prediction"])
    )
    confusion = confusion_matrix(truth, predicted, len(labels))
    return {"accuracy": float(accuracy(confusion)), "macro_f1": float(macro_f1(confusion))}


def saved_bytes(prompt: TrainedPrompt) -> int:
    """What a task costs to keep: the size of the prompt's files."""
    with tempfile.TemporaryDirectory() as folder:
        prompt.save(folder)
        return sum(file.stat().st_size for file in Path(folder).iterdir())
