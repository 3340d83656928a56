"""Steps: one of P-Tuning and of P-Tuning v2 beside PEFT, OpenPrompt and a loop by hand.

All see the same rows, with as many tokens, in the same precision, the model frozen.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import playground as pg
from playground.methods import start
from playground.models import LanguageModel
from playground.runs import RunSpec
from playground.runs.store import RunStore
from tests.benchmarks.openprompt import ENVIRONMENT, OpenPromptTraining
from tests.benchmarks.peft_loop import Kind, PeftLoop
from tests.benchmarks.plain_loop import FOLDER, MODEL, PlainPTuning
from tests.benchmarks.timing import Figure, compared, single, take_turns

PART = "steps"
TEMPLATE = pg.Template("[SOFT*3] {text} It was [SOFT*3] [MASK].")
IN_FRONT = pg.Template("[SOFT*6] {text} It was [MASK].")
PLAIN, PLAIN_FORM = pg.Template("{text} It was [MASK]."), "{text} It was {mask}."
PREFIX = 16
RATE, SEED = 1e-3, 13
BATCH_SIZES = (16, 32)
PRECISIONS = ("float32", "bfloat16")
# no look at dev or pinned examples comes between those that are timed
NEVER = {"steps": 100_000, "dev_every": 100_000, "snapshot_every": 100_000}

Step = Callable[[int], float]


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds."""
    task = pg.load_task("reviews")
    verbalizer = task.verbalizers[0].verbalizer
    rounds = max(3, round(30 * effort))
    for size in BATCH_SIZES:
        # as many rows as a batch holds, so that all see the same ones in every step
        rows, _ = pg.few_shot(task.table, size // len(verbalizer.labels), SEED)
        for precision in PRECISIONS:
            model = pg.load_model(MODEL, precision=precision)
            yield from _beside_peft(model, verbalizer, rows, rounds)
        yield from _in_the_text(verbalizer, rows, rounds)
        yield _told(verbalizer, rows, rounds)


def _beside_peft(
    model: LanguageModel, verbalizer: pg.Verbalizer, rows: pd.DataFrame, rounds: int
) -> Iterator[Figure]:
    kinds: tuple[tuple[str, dict[str, Any], pg.Template, Kind, int], ...] = (
        ("p-tuning", {"encoder": "lstm"}, IN_FRONT, "LSTM", 6),
        ("p-tuning", {"encoder": "mlp"}, IN_FRONT, "MLP", 6),
        ("p-tuning-v2", {"prefix_length": PREFIX}, PLAIN, "prefix", PREFIX),
    )
    for method, settings, template, kind, tokens in kinds:
        peer = PeftLoop(kind, tokens, verbalizer, precision=model.precision, rate=RATE)
        examples, targets = peer.prepare(rows, PLAIN_FORM)
        ours = _ours(method, model, template, verbalizer, rows, settings)
        seconds = take_turns(
            {"ours": ours, "peft": lambda _, peer=peer, at=(examples, targets): peer.step(*at)},
            rounds,
        )
        how = kind if method == "p-tuning" else f"{PREFIX} positions"
        precision = str(model.precision).removeprefix("torch.")
        yield _compared(
            f"{method}, {how}, {len(rows)} examples, {precision}, PEFT",
            seconds["ours"],
            seconds["peft"],
            "goal: twice as fast",
        )


def _in_the_text(verbalizer: pg.Verbalizer, rows: pd.DataFrame, rounds: int) -> Iterator[Figure]:
    """With soft tokens before the text and before the answer, which PEFT cannot say."""
    plain = PlainPTuning("lstm", verbalizer, rate=RATE, seed=SEED)
    examples, targets = plain.prepare(rows)
    steps: dict[str, Step] = {
        f"ours in {precision}": _ours(
            "p-tuning",
            pg.load_model(MODEL, precision=precision),
            TEMPLATE,
            verbalizer,
            rows,
            {"encoder": "lstm"},
        )
        for precision in PRECISIONS
    }
    steps["a loop by hand"] = lambda _: plain.step(examples, targets)
    missing = "" if OpenPromptTraining.is_there() else f"OpenPrompt: there is no {ENVIRONMENT}"
    with _openprompt(verbalizer, rows, max(map(len, examples))) as other:
        if other is not None:
            steps["OpenPrompt"] = lambda _: other.step()
        seconds = take_turns(steps, rounds)
    for peer in list(steps)[len(PRECISIONS) :]:  # in float32, as they come
        for precision in PRECISIONS:
            note = missing
            if peer == "OpenPrompt" and precision == "float32":
                note = "goal: 4 times as fast"
            yield _compared(
                f"p-tuning, slots in the text, {len(rows)} examples, {precision}, {peer}",
                seconds[f"ours in {precision}"],
                seconds[peer],
                note,
            )


def _told(verbalizer: pg.Verbalizer, rows: pd.DataFrame, rounds: int) -> Figure:
    """What it costs a worker to tell the store of a step, from where the page draws it."""
    model = pg.load_model(MODEL)
    settings = {**NEVER, "learning_rate": RATE, "batch_size": len(rows)}
    training = start("p-tuning", model, TEMPLATE, verbalizer, rows, rows.head(0), settings)
    events = (event for event in training if event is not None and event["split"] == "train")
    with tempfile.TemporaryDirectory() as home:
        store = RunStore(Path(home))
        spec = RunSpec.of_prompt(TEMPLATE, verbalizer, method="p-tuning", model=MODEL)
        run_id = store.create(spec)

        shares = []
        for _ in range(rounds):
            began = time.perf_counter()
            event = next(events)
            between = time.perf_counter()
            store.append(run_id, [event])
            store.set_progress(run_id, event["step"], training.steps)
            shares.append(100 * (time.perf_counter() - between) / (between - began))
    return single(
        PART,
        f"telling of a step, {len(rows)} examples, of the step's time",
        "%",
        shares,
        note="goal: under 3 %",
    )


def _ours(
    method: str,
    model: LanguageModel,
    template: pg.Template,
    verbalizer: pg.Verbalizer,
    rows: pd.DataFrame,
    settings: dict[str, Any],
) -> Step:
    """The next step of a training."""
    chosen = {**NEVER, **settings, "learning_rate": RATE, "batch_size": len(rows), "seed": SEED}
    training = start(method, model, template, verbalizer, rows, rows.head(0), chosen)
    losses = (e["loss"] for e in training if e is not None and e["split"] == "train")
    return lambda _: next(losses)


def _openprompt(
    verbalizer: pg.Verbalizer, rows: pd.DataFrame, length: int
) -> AbstractContextManager[OpenPromptTraining | None]:
    """OpenPrompt on as many threads as we have, or None where it is not installed."""
    if not OpenPromptTraining.is_there():
        return nullcontext()
    other = OpenPromptTraining(
        FOLDER, verbalizer, rows, length=length, threads=torch.get_num_threads(), rate=RATE
    )
    return closing(other)


def _compared(name: str, ours: list[float], theirs: list[float], note: str = "") -> Figure:
    return compared(PART, name, "ms", ours, theirs, lambda s: 1000 * s, note=note)
