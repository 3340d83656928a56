"""One cell of the results: a method on one split of one set, with one step size."""

import time
from dataclasses import dataclass
from hashlib import blake2b

import pandas as pd

import playground as pg
from playground.methods import start
from playground.methods.calibration import texts_prior
from playground.methods.searches import start_search
from playground.methods.trained_prompt import fingerprint
from playground.methods.zero_shot import label_scores
from playground.models import LanguageModel
from playground.models.pretraining.benchmarks import Benchmark
from playground.tasks.table import LABEL
from tests.benchmarks.results.ways import Task, Trial, Way


@dataclass(frozen=True)
class Cell:
    """``dev`` and ``test``: share of right answers. ``trained``: how many numbers were learned.

    ``seconds`` of the processor, on one thread, until the prompt was there. ``origin`` is what was
    asked of whom, see `origin`.
    """

    dev: float
    test: float
    trained: int
    seconds: float
    origin: str = ""


def origin(task: Task, model: LanguageModel) -> str:
    """A digest of the model and the prompts of a task; a change of either makes what was measured
    before a thing of the past.
    """
    prompts = (task.template, task.soft, *task.further, task.verbalizer.to_labels())
    asked = "\n".join(map(str, (fingerprint(model), *prompts)))
    return blake2b(asked.encode(), digest_size=6).hexdigest()


def measure(
    model: LanguageModel, way: Way, task: Task, rows: Benchmark, seed: int, trial: Trial | None
) -> Cell:
    """Finds the prompt on the split of the seed and asks it for the test rows."""
    train, dev = rows.train[seed], rows.dev[seed]
    began = time.process_time()
    trained = 0
    if way.kind == "asking":
        return Cell(
            _asked(model, way, task, train, dev),
            _asked(model, way, task, train, rows.test),
            trained,
            time.process_time() - began,
        )
    template = task.soft if way.soft else task.template
    settings = way.settings_at(trial, task, seed)
    given = (way.method, model, template, way.verbalizer(task), train, dev, settings)
    if way.kind == "search":
        search = start_search(*given)
        for _ in search:
            pass
        prompt = search.trained_prompt()
    else:
        training = start(*given, unlabelled=_texts_of_other_splits(rows, seed))
        for event in training:
            if event is not None and event["split"] == "start":
                trained = max(trained, event["parameters"])
        prompt = training.trained_prompt()
    seconds = time.process_time() - began
    return Cell(_right(prompt, dev), _right(prompt, rows.test), trained, seconds)


def _right(prompt: pg.TrainedPrompt, rows: pd.DataFrame) -> float:
    return float((prompt.classify(rows)["prediction"] == rows[LABEL]).mean())


def _asked(
    model: LanguageModel, way: Way, task: Task, train: pd.DataFrame, rows: pd.DataFrame
) -> float:
    prompt = (model, task.template, task.verbalizer)
    scores = label_scores(*prompt, rows)  # (rows, labels)
    if way.method == "calibrated":
        scores = scores - texts_prior(label_scores(*prompt, train))
    predicted = [task.verbalizer.labels[at] for at in scores.argmax(1).tolist()]
    return float((predicted == rows[LABEL].to_numpy()).mean())


def _texts_of_other_splits(rows: Benchmark, seed: int) -> pd.DataFrame:
    """Texts of the set that the split of this seed does not have, without labels."""
    own = {*rows.train[seed]["text"], *rows.dev[seed]["text"]}
    every = pd.concat([*rows.train.values(), *rows.dev.values()])[["text"]]
    return every[~every["text"].isin(own)].drop_duplicates().reset_index(drop=True)
