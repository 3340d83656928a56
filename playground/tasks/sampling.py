"""Which rows are for what: few-shot sampling and evaluation, the same for the same seed."""

import numpy as np
import pandas as pd

from playground.errors import DataError, SettingsError
from playground.tasks.table import LABEL, SPLIT

# Rows a label of the dev set: enough for a readable curve, few enough to be measured often.
DEV_SHOTS = 32


def few_shot(
    table: pd.DataFrame, shots: int, seed: int, *, dev_shots: int = DEV_SHOTS
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draws ``shots`` rows a label to train on and up to ``dev_shots`` others to watch.

    With a column ``split`` the two come from its train and dev rows, else from the whole table.
    Raises DataError where a label has fewer rows than asked for, SettingsError for no shots.
    """
    train, dev, _ = few_shot_and_rest(table, shots, seed, dev_shots=dev_shots)
    return train, dev


def few_shot_and_rest(
    table: pd.DataFrame, shots: int, seed: int, *, dev_shots: int = DEV_SHOTS
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """As `few_shot`, and what is left of the table but for its test rows, in its order."""
    if shots < 1:
        raise SettingsError(
            "At least one example a label is needed to learn from.",
            field="shots",
            code="settings.shots",
        )
    generator = np.random.default_rng(seed)
    table = table.reset_index(drop=True)  # rows are told apart by it
    if SPLIT in table.columns:
        train, rest = table[table[SPLIT] == "train"], table[table[SPLIT] == "dev"]
        if train.empty:
            raise DataError(
                "The table has a column “split”, and no row in it says “train”. Name the rows to "
                "learn from so, or drop the column.",
                code="data.no_train_rows",
            )
        chosen = _draw(train, shots, generator)
        dev = _draw(rest, dev_shots, generator, at_most=True)
        table = table[table[SPLIT] != "test"]
    else:
        chosen = _draw(table, shots, generator)
        dev = _draw(table.drop(chosen.index), dev_shots, generator, at_most=True)
    left = table.drop(chosen.index.union(dev.index)).reset_index(drop=True)
    return chosen.reset_index(drop=True), dev.reset_index(drop=True), left


def evaluation_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to measure on, and those that may be shown to a model besides.

    With a column ``split`` its test rows (else its dev rows, else all) and its train rows, without
    one all rows and none.
    """
    if SPLIT not in table.columns:
        return table.reset_index(drop=True), table.head(0)
    parts = {name: table[table[SPLIT] == name] for name in ("test", "dev", "train")}
    rows = next((parts[name] for name in ("test", "dev") if len(parts[name])), table)
    return rows.reset_index(drop=True), parts["train"].reset_index(drop=True)


def draw(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """``count`` rows in a random order, or all of them where there are no more."""
    return table.sample(min(count, len(table)), random_state=seed).reset_index(drop=True)


def draw_each(table: pd.DataFrame, shots: int, seed: int) -> pd.DataFrame:
    """Up to ``shots`` rows a label in a random order. Raises DataError without labels."""
    table = table.reset_index(drop=True)  # rows are told apart by it
    drawn = _draw(table, shots, np.random.default_rng(seed), at_most=True)
    return drawn.reset_index(drop=True)


def _draw(
    table: pd.DataFrame, count: int, generator: np.random.Generator, *, at_most: bool = False
) -> pd.DataFrame:
    if LABEL not in table.columns:
        raise DataError(
            "The table has no column “label”, which training and measuring need.",
            code="data.no_label_column",
        )
    picked: list[int] = []
    for label in sorted(table[LABEL].unique()):
        index = table.index[table[LABEL] == label].to_numpy()
        if len(index) < count and not at_most:
            raise DataError(
                f"The label “{label}” has only {len(index)} rows to train on and {count} were "
                "asked for. Lower the number of shots.",
                code="data.too_few_rows",
                given=str(label),
                rows=len(index),
                shots=count,
            )
        picked.extend(generator.permutation(index)[:count].tolist())
    return table.loc[generator.permutation(np.array(picked, dtype=int))]
