"""The labelled sets that the models are measured on. Nothing is ever learned from their test rows.

A benchmark folder holds tab-separated tables with a header (``text``, ``label``), laid out as the
constants below say. The K = 16 splits are those of Gao et al. 2021 (LM-BFF, section 3).
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from playground.errors import DataError

SEEDS = (13, 21, 42, 87, 100)
TESTS = {"sst-2": "sst2/dev.tsv", "agnews": "agnews/test.tsv", "trec": "trec6/test.tsv"}
SPLIT = "kshot16/{name}/{seed}/{part}.tsv"


@dataclass(frozen=True)
class Benchmark:
    """The rows to measure on, and by seed those to learn from and to choose by."""

    test: pd.DataFrame
    train: dict[int, pd.DataFrame]
    dev: dict[int, pd.DataFrame]


def read_benchmark(
    folder: Path, name: str, *, seeds: tuple[int, ...] = SEEDS, rows: int | None = None
) -> Benchmark:
    """Reads the set ``name``; with ``rows`` only so many test rows, spread evenly.

    Raises DataError where a table is missing.
    """
    test = _read(folder / TESTS[name])
    parts = {
        part: {seed: _read_part(folder, name, seed, part) for seed in seeds}
        for part in ("train", "dev")
    }
    if rows is not None:
        test = test.iloc[:: -(-len(test) // rows)].reset_index(drop=True)
    return Benchmark(test, parts["train"], parts["dev"])


def _read_part(folder: Path, name: str, seed: int, part: str) -> pd.DataFrame:
    """A table of a split, its labels named as the test's.

    LM-BFF numbers the kinds of TREC's questions, and where names were put to its numbers in
    another order, “Where is …?” asks for a number there. Such a table gets the two names back.
    """
    rows = _read(folder / SPLIT.format(name=name, seed=seed, part=part))
    if name == "trec":
        where = rows["label"][rows["text"].str.startswith("Where ")]
        if (where == "numeric").mean() > 0.5:
            rows["label"] = rows["label"].replace({"location": "numeric", "numeric": "location"})
    return rows


def _read(file: Path) -> pd.DataFrame:
    if not file.is_file():
        raise DataError(
            f"There is no file “{file}”. Give the folder of the benchmarks with --benchmarks.",
            code="data.no_file",
            path=str(file),
        )
    # quotation marks are part of the texts
    return pd.read_csv(file, sep="\t", quoting=csv.QUOTE_NONE, dtype=str, keep_default_na=False)
