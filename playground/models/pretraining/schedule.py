"""Warm-up, a stable phase of any length, decay: when each comes, by steps or by the clock.

As the stable phase knows no end, a training can be prolonged from there, and decayed into a
finished model at any time (Hu et al. 2024, “MiniCPM”, section 4; Hägele et al. 2024, “Scaling laws
and compute-optimal training beyond fixed training durations”, for the shape of the decay).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from playground.errors import SettingsError
from playground.models.pretraining.recipe import Recipe


@dataclass
class Progress:
    """How far a training has come. ``seconds`` were spent training, ``decayed`` runs 0 to 1.

    ``batches_before`` were drawn for the model that a training began with, if it did with one.
    """

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    decayed: float = 0.0
    batches_before: int = 0

    @property
    def batch(self) -> int:
        """The number of the batch to come."""
        return self.batches_before + self.step

    @property
    def finished(self) -> bool:
        return self.decayed >= 1

    def decays(self, recipe: Recipe, left: float) -> bool:
        """Whether a step belongs to the decay, with ``left`` to come including it.

        It begins where the steps left are the recipe's share of all.
        """
        return self.decayed > 0 or left <= recipe.decay_share * (self.step + left)

    def advance(self, recipe: Recipe, left: float) -> None:
        """Counts a step. How far the decay is follows from what is left, so that a training that
        was held up still ends in time.
        """
        if left <= 1:
            self.decayed = 1.0
        elif self.decays(recipe, left):
            self.decayed += (1 - self.decayed) / left
        self.step += 1

    def rate(self, recipe: Recipe) -> float:
        """The factor of the learning rates."""
        warm = min(1.0, (self.step + 1) / recipe.warmup_steps)
        return warm * (1 - math.sqrt(self.decayed))


# Steps left, by what was done and how many seconds a step takes.
Budget = Callable[[Progress, float], float]


def until_step(last: int) -> Budget:
    """Ends after so many steps in all."""
    return lambda progress, _: last - progress.step


def until_time(moment: float, clock: Callable[[], float] = time.time) -> Budget:
    """Ends at a moment, in seconds since the epoch."""
    return lambda _, seconds: (moment - clock()) / max(seconds, 1e-6)


def parse_time(given: str, now: datetime) -> float:
    """The next moment at which clocks show ``HH:MM``, in seconds since the epoch.

    Raises SettingsError for anything else.
    """
    try:
        clock = datetime.strptime(given, "%H:%M").time()
    except ValueError as error:
        raise SettingsError(
            f"“{given}” is no time of day. Write hours and minutes, such as 18:30.",
            field="--until",
            code="pretraining.time",
            value=given,
        ) from error
    moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return (moment if moment > now else moment + timedelta(days=1)).timestamp()
