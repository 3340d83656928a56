"""Datasets of the Hugging Face Hub, as rows of text with a label.

Read as JSON from the Hub's dataset viewer (https://huggingface.co/docs/dataset-viewer), which has
most public datasets in one form: nothing that belongs to a dataset is ever run. What was fetched
is kept, and works offline from then on.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from playground.errors import DataError
from playground.settings import home_folder
from playground.tasks.table import LABEL, SPLIT

SERVER = "https://datasets-server.huggingface.co"
NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(:[\w.-]+)?")
SPLITS = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}
PAGE = 100  # the most rows that the viewer gives at a time
PAGES = 20  # of a split at most, spread over it: many datasets are sorted by label
SECONDS = 20.0
PARTS_SHOWN = 12


def is_dataset_name(name: str) -> bool:
    """Whether ``name`` could be a dataset of the Hub: ``owner/name`` or ``owner/name:part``."""
    return NAME.fullmatch(name) is not None and not name.endswith(".csv")


def load_dataset(name: str, home: Path | None = None) -> pd.DataFrame:
    """Up to 2,000 rows of each split of a dataset, such as ``nyu-mll/glue:sst2``.

    Columns of text, ``label`` and ``split`` (train, dev or test), as `read_csv` gives them; rows
    without a label are left out. The label is the column of that name, or the only one of classes.
    ``home`` is where it is kept: PLAYGROUND_HOME or the user's data folder.
    Raises DataError where there is no such dataset, it has no label, or it cannot be reached.
    """
    kept = (home or home_folder()) / "datasets" / f"{re.sub('[/:]', '--', name)}.csv"
    if not kept.exists():
        table = _fetch(name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(".new")
        table.to_csv(fresh, index=False, quoting=csv.QUOTE_ALL, lineterminator="\n")
        fresh.replace(kept)
    return pd.read_csv(kept, dtype=str, keep_default_na=False)


def _fetch(name: str) -> pd.DataFrame:
    dataset, _, part = name.partition(":")
    splits = _ask(dataset, "splits")["splits"]
    parts = list(dict.fromkeys(str(split["config"]) for split in splits))
    if not part and (len(parts) == 1 or "default" in parts):
        part = parts[0] if len(parts) == 1 else "default"
    if part not in parts:
        raise DataError(
            f"“{dataset}” is made of several parts. Write which one: "
            f"{', '.join(f'{dataset}:{one}' for one in parts[:PARTS_SHOWN])}.",
            code="data.which_part",
            dataset=dataset,
            parts=", ".join(f"{dataset}:{one}" for one in parts[:PARTS_SHOWN]),
        )
    rows = [
        {**row, SPLIT: SPLITS[split["split"]]}
        for split in splits
        if split["config"] == part and split["split"] in SPLITS
        for row in _rows(dataset, part, split["split"])
    ]
    if not rows:
        raise DataError(f"“{name}” has no rows with a label.", code="data.no_rows")
    return pd.DataFrame(rows)


def _rows(dataset: str, part: str, split: str) -> Iterator[dict[str, str]]:
    """The rows of a split that have a label; of a large one pages that are spread over it."""
    ask = partial(_ask, dataset, "rows", config=part, split=split, length=PAGE)
    page = ask(offset=0)
    columns = {feature["name"]: feature["type"] for feature in page["features"]}
    label = _label_column(dataset, columns)
    total = int(page["num_rows_total"])
    offsets: Sequence[int] = range(0, total, PAGE)
    if len(offsets) > PAGES:
        offsets = np.linspace(0, total - PAGE, PAGES).astype(int).tolist()
    for number, offset in enumerate(offsets):
        if number:
            page = ask(offset=offset)
        for found in page["rows"]:
            row = {name: _text(found["row"][name], kind) for name, kind in columns.items()}
            if row[label] is not None:
                texts = {name: cell or "" for name, cell in row.items() if _is_text(columns[name])}
                texts.pop(label)
                yield {**texts, LABEL: str(row[label])}


def _label_column(dataset: str, columns: Mapping[str, Any]) -> str:
    classes = [name for name, kind in columns.items() if _kind(kind) == "ClassLabel"]
    if LABEL in columns and _is_text(columns[LABEL]):
        return LABEL
    if len(classes) == 1:
        return classes[0]
    raise DataError(
        f"“{dataset}” has no column that is surely its label: no “{LABEL}”, and "
        f"{len(classes)} columns of classes. Its columns are: {', '.join(columns)}. Save it as CSV "
        f"with a column “{LABEL}” and upload that.",
        code="data.no_label_in_dataset",
        dataset=dataset,
        columns=", ".join(columns),
    )


def _kind(column: Any) -> str:
    """What the viewer calls the type of a column; of a list of values it has no name."""
    return str(column.get("_type", "")) if isinstance(column, dict) else ""


def _is_text(column: Any) -> bool:
    return _kind(column) in ("Value", "ClassLabel")


def _text(cell: Any, column: Any) -> str | None:
    """A cell as text: the name of a class, None for no class or no value."""
    if cell is None:
        return None
    if _kind(column) == "ClassLabel":
        return str(column["names"][cell]) if cell >= 0 else None
    return str(cell)


def _ask(dataset: str, what: str, **asked: object) -> Any:
    """One answer of the dataset viewer. Raises DataError where none can be had."""
    from huggingface_hub import get_session, get_token

    token = get_token()  # of a person who has one, for datasets that ask for it
    try:
        response = get_session().get(
            f"{SERVER}/{what}",
            params={"dataset": dataset, **{name: str(value) for name, value in asked.items()}},
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=SECONDS,
        )
        response.raise_for_status()
        return response.json()
    except Exception as error:  # of whichever HTTP client the hub's library is built on
        raise DataError(
            f"“{dataset}” could not be fetched from the Hugging Face Hub. Check the name and the "
            "connection; a dataset that was fetched once works offline.",
            code="data.not_on_hub",
            dataset=dataset,
        ) from error
