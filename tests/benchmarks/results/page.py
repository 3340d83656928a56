"""The page: one table a set, a row a method; at the end, prompting beside head fine-tuning."""

from statistics import mean, median, stdev
from typing import Literal, Protocol

from playground.models import LanguageModel
from playground.models.pretraining.benchmarks import SEEDS
from tests.benchmarks.results.cells import Cell
from tests.benchmarks.results.ways import FEW, LOOKS, MANY, TASKS, WAYS, Task, Trial, Way

EARLIER = " \\*"  # marks what was measured before the weights or the prompt changed


class Cells(Protocol):
    """What has been measured."""

    def row(self, task: Task, way: Way) -> list[Cell]: ...
    def best_trial(self, task: Task, way: Way) -> Trial | None: ...
    @property
    def earlier(self) -> "Cells": ...


def page(model: LanguageModel, cells: Cells) -> str:
    """Markdown. A method that was not measured on all seeds says on how many; one that was not
    since the weights or the prompt changed has the figures of before, marked.
    """
    slow = " and ".join(way.name for way in WAYS if way.slow and way.rates)
    lines = [
        "# What every method makes of sixteen examples a label",
        "",
        "Written by `python -m tests.benchmarks.results --benchmarks FOLDER`: "
        f"{model.name} ({model.parameters:,} parameters) on the K = 16 splits of Gao et al. 2021 "
        f"(LM-BFF), seeds {', '.join(map(str, SEEDS))}; percent right on at most a thousand test "
        "rows, mean ± standard deviation over the seeds. A training of batches of 16 looks "
        f"{LOOKS} times at the dev split, which is as large as the training split, and keeps what "
        "was best. The step size, one of three, and for methods that leave the model frozen the "
        f"number of batches, {FEW} or {MANY}, are those that are best on the dev split of the "
        f"first seed (for {slow}: of {TASKS[0].title}'s). Seconds are those of the processor, on "
        "one thread, in the median; they include the looks at the dev split.",
    ]
    tables: list[str] = []
    for task in TASKS:
        tables += [
            "",
            f"## {task.title}",
            "",
            f"`{task.template}`, or with soft slots `{task.soft}`.",
            "",
            "| method | right | trained numbers | step size | batches | seconds |",
            "|---|---|---|---|---|---|",
            *(_row(cells, task, way) for way in WAYS),
        ]
    if any(EARLIER in line for line in tables):
        lines += ["", f"{EARLIER.strip()} measured with earlier weights or an earlier prompt."]
    return "\n".join([*lines, *tables, *_paradigms(cells)]) + "\n"


def _paradigms(cells: Cells) -> list[str]:
    """Does prompting beat head fine-tuning, and what is it that makes the difference?"""
    ways = {way.name: way for way in WAYS}
    head, prompt = ways["head fine-tuning"], ways["prompt fine-tuning"]
    letters, lora = ways["prompt fine-tuning, letters for label words"], ways["LoRA"]
    untrained = ways["as it is, calibrated on the texts"]
    return [
        "",
        "## Prompting beside head fine-tuning",
        "",
        "Differences are taken seed by seed, on the same sixteen examples. Letters stand for the "
        "label words in the fourth column: the same training, but *a*, *b*, *c* … are what the "
        "model reads the labels by, so that it can't use what it knows of the words.",
        "",
        "| set | untrained, calibrated | prompt − head fine-tuning | with letters − head "
        "fine-tuning | what the label words give | LoRA − head fine-tuning |",
        "|---|---|---|---|---|---|",
        *(
            f"| {task.title} | {_right(cells.row(task, untrained))} "
            f"| {_gain(cells, task, head, prompt)} | {_gain(cells, task, head, letters)} "
            f"| {_gain(cells, task, letters, prompt)} | {_gain(cells, task, head, lora)} |"
            for task in TASKS
        ),
        "",
        "Prompting is ahead on all three sets, and without the label words nothing of the lead is "
        "left: they, not the place of the slot, carry it. Which words, matters. On TREC two vague "
        "ones a label, with earlier weights, left prompt and head fine-tuning within each other's "
        "spread; with the words of TREC's finer classes the untrained model already is right more "
        "often, and prompting leads. LoRA is as good or better there than tuning every weight.",
    ]


def _right(row: list[Cell]) -> str:
    """Percent right over the seeds: mean, and standard deviation if there are several."""
    return _mean([100 * cell.test for cell in row]) if row else "not measured"


def _gain(cells: Cells, task: Task, old: Way, new: Way) -> str:
    """Points that the new way is ahead of the old one, seed by seed; both need all seeds."""
    for measured, mark in ((cells, ""), (cells.earlier, EARLIER)):
        before, after = measured.row(task, old), measured.row(task, new)
        if len(before) == len(after) == len(SEEDS):
            pairs = zip(before, after, strict=True)
            gains = [100 * (gained.test - had.test) for had, gained in pairs]
            return _mean(gains, sign="+") + mark
    return "not measured"


def _mean(figures: list[float], sign: Literal["+", "-"] = "-") -> str:
    spread = f" ± {stdev(figures):.1f}" if len(figures) > 1 else ""
    return f"{mean(figures):{sign}.1f}{spread}"


def _row(cells: Cells, task: Task, way: Way) -> str:
    measured, mark = (cells, "") if cells.row(task, way) else (cells.earlier, EARLIER)
    row = measured.row(task, way)
    if not row:
        return f"| {way.name} | {_right(row)} | | | | |"
    missing = "" if len(row) == len(SEEDS) else f" ({len(row)} seeds)"
    trial = measured.best_trial(task, way)
    columns = (
        f"{way.name}{mark}",
        f"{_right(row)}{missing}",
        f"{row[0].trained:,}",
        "" if trial is None else f"{trial.rate:g}",
        "" if trial is None else f"{trial.batches}",
        f"{median(cell.seconds for cell in row):.1f}",
    )
    return f"| {' | '.join(columns)} |"
