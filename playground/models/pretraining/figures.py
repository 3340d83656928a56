"""Measured figures: each with a confidence interval, printed as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """What came out of a measure.

    ``value`` lies between ``low`` and ``high`` with a confidence of 95 %. ``spread`` is the
    standard deviation over the seeds, where there are several. ``examples`` counts what was
    resampled: rows of a test set, or documents.
    """

    measure: str
    unit: Literal["%", "perplexity", "ratio"]
    value: float
    low: float
    high: float
    spread: float | None
    seeds: int
    examples: int

    def __str__(self) -> str:
        digits = 2 if self.unit == "ratio" else 1
        value, low, high = (f"{one:.{digits}f}" for one in (self.value, self.low, self.high))
        spread = "" if self.spread is None else f" ± {self.spread:.{digits}f}"
        return f"{value}{spread} ({low} to {high})"


def accuracy(measure: str, right: Values) -> Figure:
    """Percent of right answers, from ones and zeros (seeds, examples)."""
    return _figure(measure, "%", 100 * right, np.ones(right.shape[1]))


def accuracy_by_document(measure: str, right: Values, asked: Values) -> Figure:
    """Percent of right answers, from how many there are in each document (documents,)."""
    return _figure(measure, "%", 100 * right[None], asked)


def perplexity(measure: str, nats: Values, words: Values) -> Figure:
    """Perplexity a word, from the surprise and the number of words of each document (documents,).

    The exponential of the mean surprise a word, in nats.
    """
    return _figure(measure, "perplexity", nats[None], words, exponential=True)


def perplexity_ratio(measure: str, nats: Values, other: Values, words: Values) -> Figure:
    """One perplexity over another on the same documents (documents,), resampled together."""
    return _figure(measure, "ratio", (nats - other)[None], words, exponential=True)


def _figure(
    measure: str,
    unit: Literal["%", "perplexity", "ratio"],
    totals: Values,
    sizes: Values,
    *,
    exponential: bool = False,
) -> Figure:
    """The mean of ``totals`` (seeds, examples) for each unit of ``sizes`` (examples,)."""
    estimates = np.array([totals.mean(0).sum() / sizes.sum(), *_interval(totals, sizes)])
    value, low, high = np.exp(estimates) if exponential else estimates
    seeds, examples = totals.shape
    spread = float((totals.sum(1) / sizes.sum()).std(ddof=1)) if seeds > 1 else None
    return Figure(measure, unit, float(value), float(low), float(high), spread, seeds, examples)


def _interval(totals: Values, sizes: Values) -> tuple[float, float]:
    """The percentile bootstrap (Efron & Tibshirani 1993, chapter 13), over seeds and examples."""
    chance = np.random.default_rng(0)
    seeds, examples = totals.shape
    estimates = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = np.bincount(chance.integers(examples, size=examples), minlength=examples)
        lot = np.bincount(chance.integers(seeds, size=seeds), minlength=seeds) / seeds
        estimates[index] = lot @ totals @ drawn / (sizes @ drawn)
    low, high = np.quantile(estimates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def as_markdown(figures: Mapping[str, Sequence[Figure]]) -> str:
    """A table with a line a measure and a column a model, by the models' names."""
    cells = {
        (figure.measure, model): str(figure) for model, found in figures.items() for figure in found
    }
    measures = dict.fromkeys(measure for measure, _ in cells)
    lines = [["measure", *figures], ["---", *["---"] * len(figures)]]
    lines += [
        [measure, *(cells.get((measure, model), "–") for model in figures)] for measure in measures
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\n{_legend(figures)}"


def _legend(figures: Mapping[str, Sequence[Figure]]) -> str:
    seeds = max((figure.seeds for found in figures.values() for figure in found), default=1)
    spread = f" ± is the standard deviation over {seeds} seeds." if seeds > 1 else ""
    return (
        f"Percent right, unless a perplexity.{spread} In brackets stands the 95 % interval of a "
        "percentile bootstrap over the examples (documents for running text) and the seeds."
    )


def as_json(figures: Mapping[str, Sequence[Figure]]) -> str:
    """All that the table says, and the numbers of seeds and examples, by model."""
    plain = {model: [asdict(figure) for figure in found] for model, found in figures.items()}
    return json.dumps(plain, ensure_ascii=False, indent=2)
