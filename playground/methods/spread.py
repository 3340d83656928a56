"""Several measurements of one thing: their mean, and how far they lie apart."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Spread:
    """``deviation`` is the sample standard deviation (over ``count`` − 1), None of one value."""

    mean: float
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Self | None:
        """Of those ``values`` that are there; None where none is."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        deviation = statistics.stdev(known) if len(known) > 1 else None
        return cls(statistics.fmean(known), deviation, len(known))

    def __format__(self, digits: str) -> str:
        """``f"{spread:.2f}"`` is "0.74 ± 0.02", or "0.74" of one value."""
        mean = format(self.mean, digits)
        return mean if self.deviation is None else f"{mean} ± {format(self.deviation, digits)}"
