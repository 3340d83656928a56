"""Comparing prompts: every template on every row, beside the pipeline that transformers has."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from transformers import pipeline

import playground as pg
from playground.methods import Comparison
from tests.benchmarks.machine import matrix_rate
from tests.benchmarks.plain_loop import FOLDER, MODEL
from tests.benchmarks.timing import Figure, compared, digits, take_turns

PART = "comparing"
TEMPLATES = ("{text} It was [MASK].", "It was [MASK]. {text}", "{text} All in all, it was [MASK].")
# The pipeline takes one by one by default; it is told its precision, because the files of the
# built-in model hold halves, which it would compute in, and slowly.
SETTINGS = {
    "float32, one by one": (torch.float32, 1),
    **{f"float32, batches of {size}": (torch.float32, size) for size in (8, 16, 32)},
    **{f"bfloat16, batches of {size}": (torch.bfloat16, size) for size in (8, 16, 32)},
}
ROWS = 64


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of rounds."""
    rounds = max(1, round(10 * effort))
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

    seconds = take_turns(
        {
            "ours": lambda _: pg.compare(model, templates, verbalizers, rows),
            **{name: with_pipeline(*setting) for name, setting in SETTINGS.items()},
        },
        rounds,
        warm_up=1,
    )
    work = _work(model, templates, verbalizers, rows)
    share = work / min(seconds["ours"]) / 1e9 / matrix_rate(model.precision)
    note = f"at best {digits(100 * share)} % of the rate of {model.precision} matrix products"
    for name in _told(seconds):
        yield compared(
            PART,
            f"{len(templates)} templates × {len(verbalizers)} verbalizers, pipeline in {name}",
            "examples/s",
            seconds["ours"],
            seconds[name],
            lambda s: scored / s,
            note=note,
        )
        note = ""


def _told(seconds: dict[str, list[float]]) -> list[str]:
    """The pipeline's default, and its best batches in each precision."""
    told = [next(iter(SETTINGS))]
    for precision in ("float32", "bfloat16"):
        names = [name for name in SETTINGS if name.startswith(f"{precision}, batches")]
        told.append(min(names, key=lambda name: sorted(seconds[name])[len(seconds[name]) // 2]))
    return told


def _work(model: pg.LanguageModel, templates: Any, verbalizers: Any, rows: Any) -> float:
    """Multiplications and additions that the comparison cannot do without, padding left out."""
    config = model.network.config
    layers = model.network.base_model.encoder
    weights = sum(part.weight.numel() for part in layers.modules() if isinstance(part, nn.Linear))
    comparison = Comparison(model, templates, verbalizers, rows)
    total = 0.0
    for scorer in comparison._scorers:
        for example in scorer.encode(rows.to_dict("records")):
            attention = 2 * config.num_hidden_layers * config.hidden_size * len(example)
            total += 2 * len(example) * (weights + attention)
    return total
