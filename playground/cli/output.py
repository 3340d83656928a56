"""What the commands print."""

import csv
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Sequence


def say(sentence: str) -> None:
    """Tells the person something that is not part of the result."""
    print(sentence, file=sys.stderr, flush=True)


class StatusLine:
    """How far something is: on a terminal one line, rewritten; elsewhere one now and then.

    ``seconds``: at least so long between two lines where the last cannot be rewritten.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._line = ""
        self._drawn = 0.0

    def draw(self, line: str, *, last: bool = False) -> None:
        now = time.monotonic()
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1
            end = "\n" if last else ""
            print(f"\r{line[:width]}\x1b[K", end=end, file=sys.stderr, flush=True)
        elif line != self._line and (last or now - self._drawn >= self._seconds):
            say(line)
            self._line, self._drawn = line, now


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints rows of equally many cells, the heads first, in columns as wide as their widest."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        print("  ".join(cells).rstrip())


def print_csv(rows: Iterable[Sequence[object]]) -> None:
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


def one_line(text: str) -> str:
    """The text without what would break the line or steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _width(text: str) -> int:
    """Places that a text takes in a terminal: Chinese characters take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
