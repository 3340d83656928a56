"""Tables that people bring: a CSV file becomes rows of text, every mistake named by its row."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from playground.errors import DataError

LABEL = "label"
SPLIT = "split"
MAX_BYTES = 20_000_000
MAX_ROWS = 200_000


def read_csv(path: str | Path) -> pd.DataFrame:
    """Reads a CSV with a header into a DataFrame of strings; its columns become template fields.

    UTF-8 (with or without a byte-order mark) or GB 18030; comma, semicolon or tab between cells.
    Raises DataError, with the row counted from 1 below the header, for a row of the wrong length.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"There is no file “{path}”.", code="data.no_file", path=str(path))
    if path.stat().st_size > MAX_BYTES:
        raise DataError(
            f"The file is larger than {MAX_BYTES // 1_000_000} MB. Take a part of it.",
            code="data.too_large",
            megabytes=MAX_BYTES // 1_000_000,
        )
    return parse_csv(_decode(path.read_bytes()))


def parse_csv(text: str) -> pd.DataFrame:
    """As `read_csv`, from the text itself."""
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    # a cell of Python's default limit (128 kB) or more is an unclosed quotation mark
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"Row {len(rows) + 1} has {len(cells)} cells and the header has {len(header)}. "
                    "Put quotation marks around cells that hold the separator.",
                    row=len(rows) + 1,
                    code="data.row_length",
                    cells=len(cells),
                    columns=len(header),
                )
            rows.append(cells)
            if len(rows) > MAX_ROWS:
                raise DataError(
                    f"The table has more than {MAX_ROWS:,} rows. Take a part of it.",
                    code="data.too_many_rows",
                    rows=MAX_ROWS,
                )
    except csv.Error as error:
        raise DataError(
            f"Row {len(rows) + 1} cannot be read: {error}.",
            row=len(rows) + 1,
            code="data.bad_row",
            reason=str(error),
        ) from error
    if not rows:
        raise DataError("The table has a header but no rows.", code="data.no_rows")
    table = pd.DataFrame(rows, columns=header)
    for name in (LABEL, SPLIT):
        if name in table.columns:
            table[name] = table[name].str.strip()
    return table


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DataError(
        "The file is neither UTF-8 nor GB 18030 text. Save it as CSV in UTF-8.",
        code="data.encoding",
    )


def _check_header(header: list[str]) -> None:
    if not any(header):
        raise DataError("The file is empty.", code="data.empty")
    for position, name in enumerate(header, start=1):
        if not name:
            raise DataError(
                f"Column {position} has no name. The first line must name every column.",
                code="data.unnamed_column",
                column=position,
            )
        if header.index(name) != position - 1:
            raise DataError(
                f"Two columns are called “{name}”.", code="data.column_twice", column=name
            )


def fields_of(table: pd.DataFrame) -> list[str]:
    """The columns that a template may name: all but the label and the split."""
    return [str(name) for name in table.columns if name not in (LABEL, SPLIT)]


def without_labels(table: pd.DataFrame) -> pd.DataFrame:
    """The texts alone: the rows from 0 on, without the columns ``label`` and ``split``."""
    return table.drop(columns=[LABEL, SPLIT], errors="ignore").reset_index(drop=True)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries by the columns' names."""
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def require_labels(table: pd.DataFrame, labels: tuple[str, ...]) -> None:
    """Raises DataError unless every row carries one of the verbalizer's ``labels``."""
    if LABEL not in table.columns:
        raise DataError(
            "The table has no column “label”, which training and measuring need.",
            code="data.no_label_column",
        )
    known = set(labels)
    for row, label in enumerate(table[LABEL], start=1):
        if label not in known:
            raise DataError(
                f"Row {row} has the label “{label}”, which the verbalizer does not have "
                f"({', '.join(labels)}).",
                row=row,
                code="data.unknown_label",
                given=str(label),
                labels=", ".join(labels),
            )


def require_values(table: pd.DataFrame, fields: Iterable[str]) -> None:
    """Raises DataError where one of the columns ``fields`` lacks a value; "" is one."""
    for field in fields:
        missing = table[field].isna().to_numpy()
        if missing.any():
            row = int(missing.argmax()) + 1
            raise DataError(
                f"Row {row} has no value in the column “{field}”. Fill it in or drop the row.",
                row=row,
                code="data.missing_value_in_row",
                field=field,
            )
