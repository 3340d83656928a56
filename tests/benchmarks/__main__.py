"""Measures the playground beside plain loops over transformers and prints a table."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.benchmarks.timing import Figure

PARTS = ("answers", "comparing", "steps", "training", "history", "startup")
QUICK = 0.2
HEADINGS = ("", "playground", "plain loop", "unit", "times as fast")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only", metavar="PART,…", default=",".join(PARTS), help=f"of {', '.join(PARTS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds, for a look")
    given = parser.parse_args(arguments)
    chosen = given.only.split(",")
    if unknown := [name for name in chosen if name not in PARTS]:
        parser.error(f"there is no part “{unknown[0]}”, only {', '.join(PARTS)}")

    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # read when transformers comes in
    from tests.benchmarks.machine import describe

    machine = describe()
    figures: list[Figure] = []
    try:
        for name in chosen:
            part = import_module(f"{__package__}.{name}")
            for figure in part.measure(QUICK if given.quick else 1.0):
                print(f"{figure.part}: {figure.name}", file=sys.stderr, flush=True)
                figures.append(figure)
    finally:  # what is there is told, even where a later part fails
        print(table(machine, figures))
    if given.json is not None:
        content = {"machine": machine, "figures": [figure.to_json() for figure in figures]}
        given.json.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return 0


def table(machine: dict[str, str], figures: Sequence[Figure]) -> str:
    """Medians with their quartiles, aligned; what is known beyond stands under its row."""
    width = max(map(len, machine))
    lines = [f"{name:<{width}}  {text}" for name, text in machine.items()]
    lines += ["", "Medians (with quartiles) of measurements that take turns."]
    rows = [
        (
            figure.name,
            str(figure.value),
            str(figure.plain or ""),
            figure.unit,
            str(figure.speedup or ""),
        )
        for figure in figures
    ]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    part = ""
    for figure, row in zip(figures, rows, strict=True):
        if figure.part != part:
            part = figure.part
            lines += ["", _aligned((part.upper(), *HEADINGS[1:]), widths)]
        lines.append(_aligned(row, widths))
        if figure.note:
            lines.append(f"    {figure.note}")
    return "\n".join(lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


if __name__ == "__main__":
    raise SystemExit(main())
