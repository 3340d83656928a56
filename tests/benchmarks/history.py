"""The Runs tab's answers over ten thousand runs, one of which has a hundred thousand events."""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playground.page.history_answers import HistoryAnswers
from playground.runs import Runs, RunSpec
from playground.runs.store import DIGITS
from playground.studies import Studies
from tests.benchmarks.timing import Figure, single, take_turns

PART = "history"
RUNS, EVENTS = 10_000, 100_000
SEEDS = 5  # of each hundred runs the first are one group
LOOKS = 10  # at the dev set, of each run but the long one
METHODS = ("p-tuning", "p-tuning-v2", "prompt-tuning", "lora", "head-fine-tuning")
DATASETS = ("reviews", "news", "sst2", "trec")
MODELS = ("pocket-bert", "pocket-gpt", "bert-base-uncased")
STATES = ("finished", "finished", "finished", "stopped", "failed")
FILES = ("train.csv", "dev.csv", "prompt/prompt.json", "prompt/prompt.safetensors")
BEGAN = 1_760_000_000_000  # milliseconds since 1970, when the first run was made


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder))
        try:
            fill(runs)
            yield from _answers(runs, max(5, round(40 * effort)))
        finally:
            runs.shutdown()
            runs.store.close()


def _answers(runs: Runs, rounds: int) -> Iterator[Figure]:
    """Each answer as it leaves for the browser, as JSON."""
    answers = HistoryAnswers(runs, Studies(runs))
    long, *others = (_id(number) for number in range(RUNS - 1, RUNS - 13, -1))
    middle = _id(RUNS // 2)

    def told(answer: Callable[[dict[str, Any]], object], **asked: Any) -> Callable[[int], str]:
        return lambda _: json.dumps(answer({"language": "en", **asked}))

    questions = {
        "the newest 50 runs": told(answers.find),
        "50 runs from the middle": told(answers.find, before=middle),
        "a word in few names": told(answers.find, text="9876"),
        "words in no name": told(answers.find, text="such a run"),
        "one method": told(answers.find, method="lora"),
        "one tag": told(answers.find, tag="tag 10"),
        "a model of none": told(answers.find, model="none"),
        "how many, and what to filter by": told(answers.count, text="news"),
        "disk used, once walked through": told(answers.disk),
        "a note": told(answers.change, run=middle, what="note", value="noted"),
        "settings of 12 runs": told(answers.settings, runs=[long, *others[:11]]),
        "curves of the long run": told(answers.curves, runs=[long]),
        "curves of 12 runs, the long one too": told(answers.curves, runs=[long, *others[:11]]),
        "a thousand events of the long run": lambda _: json.dumps(runs.events(long, 5 * RUNS)),
    }
    began = time.perf_counter()
    answers.disk({})
    first = 1000 * (time.perf_counter() - began)
    seconds = take_turns(questions, rounds)
    for name in questions:
        note = f"{first:.0f} ms the first time" if name.startswith("disk") else ""
        yield single(PART, name, "ms", [1000 * taken for taken in seconds[name]], note=note)


def fill(runs: Runs) -> None:
    """Keeps the runs, past the store's own way, which makes one at a time."""
    chance = random.Random(0)
    told: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    for number in range(RUNS):
        run_id, last = _id(number), number == RUNS - 1
        steps = EVENTS if last else 10 * LOOKS
        state = "finished" if last else STATES[number % len(STATES)]
        spec = _spec(number).model_dump_json()
        told.append((run_id, "2026-01-01T00:00:00+00:00", spec, state, steps, steps))
        for step in range(0, steps, 1000 if last else 10):
            events.append(_event(run_id, step, "dev", chance.random()))
        for name in FILES:
            file = runs.store.folder(run_id).path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b" " * 1000)
    events += (_event(_id(RUNS - 1), step, "train", chance.random()) for step in range(1, EVENTS))
    with runs.store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO runs (id, created, spec, state, step, steps) VALUES (?, ?, ?, ?, ?, ?)",
            told,
        )
        connection.executemany(
            "INSERT INTO events (run, step, split, payload) VALUES (?, ?, ?, ?)", events
        )
        connection.executemany(
            "INSERT INTO marks (run, tags) VALUES (?, ?)",
            [(_id(number), json.dumps([f"tag {number % 30}"])) for number in range(0, RUNS, 10)],
        )


def _id(number: int) -> str:
    """As the store would have made it a minute after the run before."""
    moment = BEGAN + 60_000 * number
    return "".join(DIGITS[moment >> shift & 31] for shift in range(40, -1, -5)) + "000"


def _spec(number: int) -> RunSpec:
    method = METHODS[number % len(METHODS)]
    dataset = DATASETS[number // 5 % len(DATASETS)]
    return RunSpec(
        method=method,
        model=MODELS[number // 20 % len(MODELS)],
        template="{text} It was [MASK].",
        verbalizer={"negative": ["terrible", "bad"], "positive": ["great", "good"]},
        dataset=dataset,
        shots=16,
        seed=13 + number % SEEDS,
        settings={"steps": 100, "learning_rate": 0.01 * (1 + number % 7), "batch_size": 16},
        name=f"{method} · {dataset} · {number}",
        group=f"group-{_id(number // 100 * 100)}" if number % 100 < SEEDS else "",
    )


def _event(run_id: str, step: int, split: str, accuracy: float) -> tuple[Any, ...]:
    more = {"learning_rate": 0.001, "tokens_per_second": 12345.6} if split == "train" else {}
    event = {"step": step, "split": split, "loss": 1 / (1 + step), "accuracy": accuracy, **more}
    return run_id, step, split, json.dumps(event)
