"""What a learning-rate finder has measured, and the rate that it suggests. Needs no torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SMOOTHING = 0.9  # how much of the smoothed loss stays at each step
LEAST_FALL = 0.01  # of the loss, over a tenfold of rates: less is no fall


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
        """The rate at which the loss falls most steeply; None where it does not fall.

        fastai's rule "steep" (Howard & Gugger 2020), but over a whole tenfold of rates, for small
        batches are noisy: the middle of that tenfold along which the straight line through the
        losses falls most. It ends at the lowest smoothed loss at the latest.
        """
        lowest = min(range(len(self.smoothed)), key=self.smoothed.__getitem__, default=-1)
        places = [math.log10(rate) for rate in self.rates]
        steepest, found = 0.0, None
        for start in range(lowest + 1):
            end = next((i for i in range(start, lowest + 1) if places[i] >= places[start] + 1), 0)
            if end:
                losses = self.losses[start : end + 1]
                slope = _slope(places[start : end + 1], losses)
                if slope < min(steepest, -LEAST_FALL * sum(losses) / len(losses)):
                    steepest, found = slope, (places[start] + places[end]) / 2
        return None if found is None else float(f"{10**found:.2g}")

    def settings_at(self, rate: float) -> dict[str, float]:
        """Every rate of the method where ``learning_rate`` is ``rate``, to two digits."""
        scale = rate / self.settings["learning_rate"]
        return {name: float(f"{own * scale:.2g}") for name, own in self.settings.items()}

    def table(self) -> "pd.DataFrame":
        """``learning_rate``, ``loss`` and ``smoothed``, a row a step."""
        import pandas as pd

        columns = {"learning_rate": self.rates, "loss": self.losses, "smoothed": self.smoothed}
        return pd.DataFrame(columns)


def _slope(x: list[float], y: list[float]) -> float:
    """That of the straight line with the least squared distance from the points."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)
