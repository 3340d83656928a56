"""Timing side by side: what is compared takes turns, so a busy machine slows all of it alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np

WARM_UP = 3  # rounds that nobody times


@dataclass(frozen=True)
class Spread:
    """The median of some measurements, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        low, median, high = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
        return cls(median, low, high)

    def __str__(self) -> str:
        if self.low == self.high:
            return digits(self.median)
        return f"{digits(self.median)} ({digits(self.low)} to {digits(self.high)})"


def digits(value: float) -> str:
    """Three digits that matter: 0.0123, 4.56, 78.9, 1234."""
    if abs(value) >= 99.95:
        return f"{value:.0f}"
    return f"{value:#.3g}"


@dataclass(frozen=True)
class Figure:
    """One row of the table: a value of ours and, where there is a peer, its value and the ratio.

    ``speedup`` is the peer's time over ours, taken round by round: 2 is twice as fast.
    """

    part: str
    name: str
    unit: str
    value: Spread
    plain: Spread | None = None
    speedup: Spread | None = None
    note: str = ""

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def single(part: str, name: str, unit: str, values: Sequence[float], *, note: str = "") -> Figure:
    """A figure that has no peer."""
    return Figure(part, name, unit, Spread.of(values), note=note)


def compared(
    part: str,
    name: str,
    unit: str,
    seconds: Sequence[float],
    plain_seconds: Sequence[float],
    shown: Callable[[float], float],
    *,
    note: str = "",
) -> Figure:
    """A figure from paired times in seconds; ``shown`` turns a time into the unit."""
    return Figure(
        part,
        name,
        unit,
        Spread.of([shown(value) for value in seconds]),
        Spread.of([shown(value) for value in plain_seconds]),
        Spread.of([b / a for a, b in zip(seconds, plain_seconds, strict=True)]),
        note,
    )


def take_turns(
    candidates: Mapping[str, Callable[[int], object]], rounds: int, *, warm_up: int = WARM_UP
) -> dict[str, list[float]]:
    """Calls each candidate once a round, with the round's number; returns their times in seconds.

    The order turns from round to round, so that none always follows the same other.
    """
    names = list(candidates)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_up, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            began = time.perf_counter()
            candidates[name](number)
            taken = time.perf_counter() - began
            if number >= 0:
                seconds[name].append(taken)
    return seconds
