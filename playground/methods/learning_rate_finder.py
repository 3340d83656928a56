"""The learning-rate finder: a short training whose learning rate grows until the loss diverges.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks",
https://arxiv.org/abs/1506.01186, section 3.3, where the rate grows linearly; here it grows by the
same factor at every step, as in fastai (Howard & Gugger 2020, https://arxiv.org/abs/2002.04688).
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from playground.errors import RunError
from playground.methods.checkpoint import unreadable
from playground.methods.learner import Learner
from playground.methods.learning_rate_curve import LearningRateCurve
from playground.methods.pet_settings import PetSettings
from playground.methods.registry import method
from playground.methods.training import Event, Training, drawn
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer

COUNT = 100  # rates
LOWEST, HIGHEST = 1e-6, 10.0
DIVERGED = 4.0  # times the lowest smoothed loss, where fastai breaks off, too

_LOSSES = "losses.json"


class LearningRateFinder(Training):
    """A training that measures what its steps do at each learning rate, from low to high.

    Batches, loss, gradient and optimizer are those of the training. It tries ``count`` rates from
    ``lowest`` to ``highest``, or to the most that the settings allow: those of the setting
    ``learning_rate``; where other parts have a rate of their own, all are scaled alike. Ends at the
    highest, or where the smoothed loss is four times its lowest value.

    Events: "train" as in a training, with the loss ``smoothed`` besides; last a "suggestion" with
    ``learning_rate``, ``settings`` (each rate of the method at that point), both None where the
    loss nowhere clearly falls, and whether it ``diverged``.
    """

    def __init__(
        self,
        method: str,
        learner: Learner,
        train: pd.DataFrame,
        unlabelled: pd.DataFrame | None = None,
        *,
        lowest: float = LOWEST,
        highest: float = HIGHEST,
        count: int = COUNT,
    ) -> None:
        nothing = train.head(0)
        super().__init__(method, learner, train, nothing, nothing, unlabelled)
        self.steps = count
        self.lowest = lowest
        self.highest = min(highest, self.settings.highest_rate)
        self.curve = LearningRateCurve(method, self.settings.rates)
        self._overflowed = False  # the loss was no number any more

    @property
    def diverged(self) -> bool:
        """Whether the loss has grown out of hand."""
        smoothed = self.curve.smoothed
        return self._overflowed or (bool(smoothed) and smoothed[-1] > DIVERGED * min(smoothed))

    @property
    def ended(self) -> bool:
        return self.step == self.steps or self.diverged

    # ---- walking through -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | None]:
        try:
            yield from super().__iter__()
        except RunError:  # what a training reports as its failure is what is looked for here
            self._overflowed = True
        suggestion = self.curve.suggestion
        yield {
            "step": self.step,
            "split": "suggestion",
            "learning_rate": suggestion,
            "settings": None if suggestion is None else self.curve.settings_at(suggestion),
            "diverged": self.diverged,
        }

    def _opening(self) -> Iterator[Event | None]:
        for event in super()._opening():
            if event is None or event["split"] == "start":
                yield event and {**event, "lowest": self.lowest, "highest": self.highest}

    def _look(self) -> Iterator[Event | None]:
        yield from ()

    def _advance(self) -> Event:
        event = super()._advance()
        self.curve.add(event["learning_rate"], event["loss"])
        return {**event, "smoothed": self.curve.smoothed[-1]}

    def _schedule(self, step: int) -> float:
        """The rate of a step, as a multiple of the setting's."""
        place = step / max(1, self.steps - 1)
        rate = self.lowest * (self.highest / self.lowest) ** place
        return rate / self.settings.learning_rate

    # ---- keeping -------------------------------------------------------------------------------

    def results(self) -> dict[str, Any]:
        """What a run leaves: nothing but its events."""
        return {}

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """Writes everything that the next step depends on."""
        super().save_checkpoint(folder, last)
        (folder / _LOSSES).write_text(json.dumps(self.curve.losses), encoding="utf-8")

    def load_checkpoint(self, folder: Path) -> None:
        """Goes back to a checkpoint. Call it before iterating. Raises RunError."""
        super().load_checkpoint(folder)
        try:
            losses = json.loads((folder / _LOSSES).read_text(encoding="utf-8"))
            for step, loss in enumerate(losses):
                self.curve.add(self.settings.learning_rate * self._schedule(step), float(loss))
        except (OSError, ValueError, TypeError) as error:
            raise unreadable(error) from error


def start_finder(
    name: str,
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    train: pd.DataFrame,
    settings: dict[str, Any],
    unlabelled: pd.DataFrame | None = None,
    **sweep: Any,
) -> LearningRateFinder:
    """Sets a finder up for the method ``name``; iterate over it. ``sweep``: what it takes by name.

    ``settings`` are the method's; how many steps it would make, and what it would keep, does not
    matter. Of PET it is the rate of a template's training, with the prompt's own template.
    Raises SettingsError, TemplateError, VerbalizerError or DataError before any step is made.
    """
    chosen = method(name)
    checked = chosen.settings.checked(settings)
    if isinstance(checked, PetSettings):
        chosen, checked = method("prompt-fine-tuning"), checked.of_template()
    checked = checked.model_copy(update={"patience": 0, "keep_best": False})
    learner = chosen.learner(model, template, verbalizer, checked)
    return LearningRateFinder(name, learner, train, drawn(unlabelled, checked), **sweep)


def find_learning_rate(
    method: str,
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    train: pd.DataFrame,
    *,
    unlabelled: pd.DataFrame | None = None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    count: int = COUNT,
    on_event: Callable[[Event], object] | None = None,
    **settings: Any,
) -> LearningRateCurve:
    """Trains at ``count`` learning rates from low to high, and returns what the loss was at each.

    The curve has a ``suggestion``, and ``settings_at`` gives it as settings for `playground.train`.
    All else is as there; see `LearningRateFinder` for the events. Nothing that was trained is left.
    """
    finder = start_finder(
        *(method, model, template, verbalizer, train, settings, unlabelled),
        lowest=lowest,
        highest=highest,
        count=count,
    )
    for event in finder:
        if event is not None and on_event is not None:
            on_event(event)
    return finder.curve
