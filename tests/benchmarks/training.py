"""Training: a hundred steps of P-Tuning with a frozen model, in this process and as a run."""

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd

import playground as pg
from playground.runs import Runs, RunSpec
from tests.benchmarks.plain_loop import MODEL, PlainPTuning
from tests.benchmarks.timing import Figure, compared, single, take_turns

PART = "training"
METHOD = "p-tuning"
TEMPLATE = pg.Template("[SOFT*3] {text} It was [SOFT*3] [MASK].")
SHOTS, STEPS, DEV_EVERY, BATCH = 16, 100, 10, 16
RATE, SEED = 1e-3, 13
WARM_UP = 20.0  # seconds that the next run's worker gets to be ready ahead of it, as on the page


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds."""
    model = pg.load_model(MODEL)
    task = pg.load_task("reviews")
    verbalizer = task.verbalizers[0].verbalizer
    train, dev = pg.few_shot(task.table, SHOTS, SEED)
    rounds = max(1, round(3 * effort))
    yield _whole_training(model, verbalizer, train, dev, rounds)
    yield _run_in_worker(verbalizer, train, dev, rounds)


def _whole_training(
    model: pg.LanguageModel,
    verbalizer: pg.Verbalizer,
    train: pd.DataFrame,
    dev: pd.DataFrame,
    rounds: int,
) -> Figure:
    """From the rows to a trained prompt; every look that a run takes is in it."""
    accuracies: dict[str, float] = {}

    def ours(_: int) -> None:
        def keep(event: dict[str, Any]) -> None:
            if event["split"] == "dev":
                accuracies["ours"] = event["accuracy"]

        settings = _settings()
        pg.train(METHOD, model, TEMPLATE, verbalizer, train, dev, on_event=keep, **settings)

    def theirs(_: int) -> None:
        plain = PlainPTuning("lstm", verbalizer, rate=RATE, seed=SEED)
        accuracies["plain"] = plain.train(train, dev, steps=STEPS, batch=BATCH, dev_every=DEV_EVERY)

    seconds = take_turns({"ours": ours, "plain": theirs}, rounds, warm_up=0)
    return compared(
        PART,
        f"{STEPS} steps, K = {SHOTS}, in this process",
        "s",
        seconds["ours"],
        seconds["plain"],
        lambda s: s,
        note=f"ours also with snapshots; dev accuracy {accuracies['ours']:.3f}, "
        f"the loop's {accuracies['plain']:.3f}",
    )


def _run_in_worker(
    verbalizer: pg.Verbalizer, train: pd.DataFrame, dev: pd.DataFrame, rounds: int
) -> Figure:
    """The same through a worker process and the store: from the order to the finished prompt."""
    spec = RunSpec(
        method=METHOD,
        model=MODEL,
        template=str(TEMPLATE),
        verbalizer={label: list(verbalizer.words[label]) for label in verbalizer.labels},
        seed=SEED,
        settings=_settings(),
    )
    seconds = []
    with tempfile.TemporaryDirectory() as home:
        runs = Runs(home)
        try:
            for _ in range(rounds):
                runs.warm()
                time.sleep(WARM_UP)
                began = time.perf_counter()
                run_id = runs.start(spec, train, dev)
                while (run := runs.get(run_id)).alive:
                    time.sleep(0.02)
                seconds.append(time.perf_counter() - began)
                if run.state != "finished":
                    raise RuntimeError(f"The run ended {run.state}: {run.reason}")
        finally:
            runs.shutdown()
    return single(
        PART,
        f"{STEPS} steps, K = {SHOTS}, as a run",
        "s",
        seconds,
        note="goal: under 20 s, from the order to the prompt, in a warm worker",
    )


def _settings() -> dict[str, Any]:
    return {
        "encoder": "lstm",
        "steps": STEPS,
        "learning_rate": RATE,
        "batch_size": BATCH,
        "seed": SEED,
        "dev_every": DEV_EVERY,
    }
