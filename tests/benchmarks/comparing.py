"""Comparing prompts: every template on every row, beside transformers' pipeline and OpenPrompt."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from transformers import pipeline

import playground as pg
from playground.methods import Comparison
from tests.benchmarks.machine import matrix_rate
from tests.benchmarks.openprompt import ENVIRONMENT, OpenPrompt
from tests.benchmarks.plain_loop import FOLDER, MODEL
from tests.benchmarks.timing import Figure, compared, digits, take_turns

PART = "comparing"
TEMPLATES = ("{text} It was [MASK].", "It was [MASK]. {text}", "{text} All in all, it was [MASK].")
# The pipeline takes one by one by default; it is told its precision, because the files of the
# built-in model hold halves, which it would compute in, and slowly.
SETTINGS = {
    "pipeline in float32, one by one": (torch.float32, 1),
    **{f"pipeline in float32, batches of {size}": (torch.float32, size) for size in (8, 16, 32)},
    **{f"pipeline in bfloat16, batches of {size}": (torch.bfloat16, size) for size in (8, 16, 32)},
}
OPENPROMPT = {f"OpenPrompt in batches of {size}": size for size in (8, 16, 32)}
ROWS = 64


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds.

    On one thread, which is what the app gives such a small model, and on all.
    """
    before = torch.get_num_threads()
    try:
        for threads in dict.fromkeys((1, before)):
            torch.set_num_threads(threads)
            yield from _measured(threads, max(1, round(10 * effort)))
    finally:
        torch.set_num_threads(before)


def _measured(threads: int, rounds: int) -> Iterator[Figure]:
    model = pg.load_model(MODEL)
    task = pg.load_task("reviews")
    rows = task.split("test").head(ROWS)
    templates = [pg.Template(source) for source in TEMPLATES]
    verbalizers = [start.verbalizer for start in task.verbalizers]
    words = sorted({word for verbalizer in verbalizers for word in verbalizer.all_words})
    scored = len(rows) * len(templates)

    logging.getLogger("transformers").setLevel(logging.ERROR)  # it advises, once a call
    peers: dict[Any, Any] = {
        dtype: pipeline("fill-mask", model=str(FOLDER), dtype=dtype)
        for dtype in (torch.float32, torch.bfloat16)
    }
    mask = peers[torch.float32].tokenizer.mask_token
    prompts = [
        source.replace("{text}", text).replace("[MASK]", mask)
        for source in TEMPLATES
        for text in rows["text"]
    ]

    def with_pipeline(dtype: torch.dtype, size: int) -> Callable[[int], object]:
        return lambda _: peers[dtype](prompts, targets=words, top_k=len(words), batch_size=size)

    def ours(_: int) -> object:
        model.encoder.tokens.forget()  # texts that a round before has read
        return pg.compare(model, templates, verbalizers, rows)

    candidates: dict[str, Callable[[int], object]] = {"ours": ours}
    candidates |= {name: with_pipeline(*setting) for name, setting in SETTINGS.items()}
    longest = max(len(ids) for ids in peers[torch.float32].tokenizer(prompts)["input_ids"])
    same = 0
    with _openprompt(rows["text"], words, length=longest, threads=threads) as other:
        if other is not None:
            candidates |= {name: _in_batches(other, size) for name, size in OPENPROMPT.items()}
            same = _same_labels(other, words, model, verbalizers[0], rows)
        seconds = take_turns(candidates, rounds, warm_up=1)
    work = _work(model, templates, verbalizers, rows)
    share = work / min(seconds["ours"]) / 1e9 / matrix_rate(model.precision)
    note = f"at best {digits(100 * share)} % of the rate of {model.precision} matrix products"
    if not OpenPrompt.is_there():
        note += f"; OpenPrompt was not measured, for there is no {ENVIRONMENT}"
    on = "one thread" if threads == 1 else f"{threads} threads"
    for name in _told(seconds):
        if name in OPENPROMPT:
            note = f"the same label for {same} of {scored} prompts; goal: 4 times as fast"
        yield compared(
            PART,
            f"{len(templates)} × {len(verbalizers)} prompts on {on}: {name}",
            "examples/s",
            seconds["ours"],
            seconds[name],
            lambda s: scored / s,
            note=note,
        )
        note = "goal: 3 times as fast"


def _told(seconds: dict[str, list[float]]) -> list[str]:
    """The pipeline's default, its best batches in each precision, and OpenPrompt's best."""
    told = [next(iter(SETTINGS))]
    for kind in ("pipeline in float32, batches", "pipeline in bfloat16, batches", "OpenPrompt"):
        names = [name for name in seconds if name.startswith(kind)]
        told += sorted(names, key=lambda name: float(np.median(seconds[name])))[:1]
    return told


def _openprompt(
    texts: Sequence[str], words: Sequence[str], *, length: int, threads: int
) -> AbstractContextManager[OpenPrompt | None]:
    """OpenPrompt, or None where it is not installed."""
    if not OpenPrompt.is_there():
        return nullcontext()
    return closing(OpenPrompt(FOLDER, TEMPLATES, texts, words, length=length, threads=threads))


def _in_batches(other: OpenPrompt, size: int) -> Callable[[int], object]:
    return lambda _: other.run(size)


def _same_labels(
    other: OpenPrompt,
    words: Sequence[str],
    model: pg.LanguageModel,
    verbalizer: pg.Verbalizer,
    rows: pd.DataFrame,
) -> int:
    """For how many prompts OpenPrompt's words choose the label that we choose."""
    scores = np.array(other.run(8))  # (templates, texts, words)
    of_label = [list(map(words.index, verbalizer.words[label])) for label in verbalizer.labels]
    means = [scores[..., own].mean(-1) for own in of_label]
    theirs = np.array(verbalizer.labels)[np.argmax(means, 0)]  # (templates, texts)
    templates = map(pg.Template, TEMPLATES)
    ours = [pg.classify(model, one, verbalizer, rows)["prediction"] for one in templates]
    return int((theirs == np.array(ours)).sum())


def _work(model: pg.LanguageModel, templates: Any, verbalizers: Any, rows: Any) -> float:
    """Multiplications and additions that the comparison cannot do without.

    Padding is left out, and of the last layer all but the keys and values of every token and the
    rest at the answer slots.
    """
    config = model.network.config
    *layers, last = model.network.base_model.encoder.layer
    all_but_last = sum(map(_weights, layers))
    keys_and_values = _weights(last.attention.self.key) + _weights(last.attention.self.value)
    comparison = Comparison(model, templates, verbalizers, rows)
    total = 0.0
    for scorer in comparison._scorers:
        for example in scorer.encode(rows.to_dict("records")):
            length, slots = len(example), len(example.answer)
            pairs = length * (len(layers) * length + slots)
            total += 2 * length * (all_but_last + keys_and_values)
            total += 2 * slots * (_weights(last) - keys_and_values)
            total += 2 * 2 * config.hidden_size * pairs
    return total


def _weights(module: nn.Module) -> int:
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Linear))
