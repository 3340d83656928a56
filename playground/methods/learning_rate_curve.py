"""What a learning-rate finder has measured, and the rate that it suggests. Needs no torch."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

SMOOTHING = 0.9  # how much of the smoothed loss stays at each step
CLEAR = 3.0  # standard errors: what falls by less may be noise


@dataclass
class LearningRateCurve:
    """The loss at each learning rate, from the lowest to where the training was broken off.

    ``settings`` are the method's own rates, by name, as they were set: all were scaled alike, and
    ``rates`` are those of ``learning_rate``. ``smoothed`` is the exponential moving average of
    ``losses``, without its pull towards zero at the start.
    """

    method: str
    settings: Mapping[str, float]
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)

    def add(self, rate: float, loss: float) -> None:
        """The loss before the step that was made at this rate."""
        self.rates.append(rate)
        self.losses.append(loss)
        weight = 1 - SMOOTHING ** len(self.losses)  # of all losses so far in the average
        earlier = self.smoothed[-1] * (weight - (1 - SMOOTHING)) if self.smoothed else 0.0
        self.smoothed.append((earlier + (1 - SMOOTHING) * loss) / weight)

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls most steeply; None where it does not clearly fall.

        fastai's rule "steep" (Howard & Gugger 2020), but over a whole tenfold of rates, for small
        batches are noisy: the middle of that tenfold along which the straight line through the
        losses falls most, of those up to the tenfold with the lowest loss.
        """
        places = [math.log10(rate) for rate in self.rates]
        lines, middles = [], []
        for start, place in enumerate(places):
            end = bisect_left(places, place + 1)  # the first rate that is ten times as high
            if end == len(places):
                break
            lines.append(_Line.through(places[start : end + 1], self.losses[start : end + 1]))
            middles.append((place + places[end]) / 2)
        lowest = min(range(len(lines)), key=lambda at: lines[at].mean, default=-1)
        falling = [at for at in range(lowest + 1) if lines[at].falls]
        if not falling:
            return None
        steepest = min(falling, key=lambda at: lines[at].slope)
        return float(f"{10 ** middles[steepest]:.2g}")

    def settings_at(self, rate: float) -> dict[str, float]:
        """Every rate of the method where ``learning_rate`` is ``rate``, to two digits."""
        scale = rate / self.settings["learning_rate"]
        return {name: float(f"{own * scale:.2g}") for name, own in self.settings.items()}

    def table(self) -> "pd.DataFrame":
        """``learning_rate``, ``loss`` and ``smoothed``, a row a step."""
        import pandas as pd

        columns = {"learning_rate": self.rates, "loss": self.losses, "smoothed": self.smoothed}
        return pd.DataFrame(columns)


class _Line(NamedTuple):
    """The straight line with the least squared distance from some points."""

    mean: float
    slope: float
    error: float  # the slope's standard error

    @classmethod
    def through(cls, x: list[float], y: list[float]) -> "_Line":
        mean_x, mean = sum(x) / len(x), sum(y) / len(y)
        spread = sum((a - mean_x) ** 2 for a in x)
        slope = sum((a - mean_x) * (b - mean) for a, b in zip(x, y, strict=True)) / spread
        rest = sum((b - mean - slope * (a - mean_x)) ** 2 for a, b in zip(x, y, strict=True))
        return cls(mean, slope, math.sqrt(rest / max(1, len(x) - 2) / spread))

    @property
    def falls(self) -> bool:
        return self.slope < -CLEAR * self.error - 1e-9  # which rounding alone may make
