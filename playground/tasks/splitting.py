"""Setting rows aside that no training sees."""

import numpy as np
import pandas as pd

from playground.tasks.table import LABEL, SPLIT

TEST_ROWS = 1000  # at most: the standard error of a share over so many is 1.6 points
SEED = 13
PARTS = {"test": 0.25, "dev": 0.25}  # of each label; the rest is to learn from


def with_test_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column ``split`` that has test rows: at most a thousand, drawn by chance.

    A table that has some keeps them. Of one with dev rows alone, half of each label's become test
    rows; of one without either, a quarter of each label's rows become test rows and another quarter
    dev rows. The same table is always split the same way.
    """
    generator = np.random.default_rng(SEED)
    table = table.reset_index(drop=True)
    if SPLIT not in table.columns:
        table = table.assign(**{SPLIT: "train"})
    split = table[SPLIT].copy()
    if not (split == "test").any():
        source, parts = ("dev", {"test": 0.5}) if (split == "dev").any() else ("train", PARTS)
        for _, rows in table[split == source].groupby(LABEL, sort=True):
            order = generator.permutation(rows.index.to_numpy())
            for part, share in parts.items():
                taken, order = np.split(order, [round(share * len(rows))])
                split[taken] = part
    tested = split.index[split == "test"].to_numpy()
    if len(tested) > TEST_ROWS:
        split[generator.permutation(tested)[TEST_ROWS:]] = ""
    table = table.assign(**{SPLIT: split})
    return table[table[SPLIT] != ""].reset_index(drop=True)
