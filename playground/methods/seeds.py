"""The same training over several seeds: how much of a figure is the luck of the draw.

Few examples make a training's outcome swing with which they are. So few-shot papers repeat it and
report mean and standard deviation: Gao et al. 2021, "Making Pre-trained Language Models Better
Few-shot Learners" (LM-BFF), https://arxiv.org/abs/2012.15723, over the seeds 13, 21, 42, 87, 100.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.errors import SettingsError
from playground.methods.spread import Spread

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods.trained_prompt import TrainedPrompt
    from playground.models import LanguageModel
    from playground.prompts import Template, Verbalizer

MOST_SEEDS = 100
MEASURES = ("zero_shot_accuracy", "dev_accuracy", "dev_loss")


def chosen_seeds(seeds: int | Sequence[int], first: int) -> tuple[int, ...]:
    """The seeds meant by how many, ``first`` and those that follow it, or by themselves.

    Raises SettingsError for none, for too many, or for one named twice.
    """
    chosen = tuple(range(first, first + seeds) if isinstance(seeds, int) else seeds)
    if not 1 <= len(chosen) <= MOST_SEEDS or len(set(chosen)) < len(chosen):
        raise SettingsError(
            f"Give 1 to {MOST_SEEDS} seeds, and none of them twice.",
            field="seeds",
            code="settings.seeds",
            most=MOST_SEEDS,
        )
    return chosen


@dataclass(frozen=True)
class SeedsResult:
    """What the seeds have come to.

    ``prompts`` are in the order of the seeds. ``table`` has a row a seed, its index, with what the
    dev rows say: zero_shot_accuracy before training, dev_accuracy and dev_loss of the prompt.
    """

    prompts: "tuple[TrainedPrompt, ...]"
    table: "pd.DataFrame"

    @property
    def summary(self) -> "pd.DataFrame":
        """A row for each column of the table: mean, sd (over n − 1, none of one seed), seeds."""
        import pandas as pd

        spreads = {name: Spread.of(self.table[name].dropna()) for name in self.table}
        return pd.DataFrame(
            {
                name: {
                    "mean": None if spread is None else spread.mean,
                    "sd": None if spread is None else spread.deviation,
                    "seeds": 0 if spread is None else spread.count,
                }
                for name, spread in spreads.items()
            }
        ).T.astype({"mean": float, "sd": float, "seeds": int})

    @property
    def dev_accuracy(self) -> Spread | None:
        """Mean and deviation, as ``f"{result.dev_accuracy:.2f}"`` writes them: 0.74 ± 0.02."""
        return Spread.of(self.table["dev_accuracy"].dropna())

    @property
    def best(self) -> "TrainedPrompt":
        """The prompt of the highest accuracy on its dev rows, then of the lowest loss."""
        ranked = self.table.reset_index(drop=True).sort_values(
            ["dev_accuracy", "dev_loss"], ascending=[False, True], kind="stable"
        )
        return self.prompts[ranked.index[0]]


def train_seeds(
    method: str,
    model: "LanguageModel",
    template: "Template",
    verbalizer: "Verbalizer",
    table: "pd.DataFrame",
    *,
    seeds: int | Sequence[int] = 5,
    shots: int = 16,
    on_event: Callable[[dict[str, Any]], object] | None = None,
    **settings: Any,
) -> SeedsResult:
    """Trains once for each seed, one after the other; each draws its own rows of ``table``.

    ``seeds``: how many, 13 and those that follow it (or the setting ``seed`` and those that follow
    it), or which, such as LM-BFF's ``(13, 21, 42, 87, 100)``. ``shots`` rows a label are drawn to
    train on, and others to watch, as `few_shot` does; the rest are for methods that learn from
    texts without labels, too. ``on_event`` is called with each event of each training, with its
    "seed". Otherwise as `playground.train`, which says what is raised.
    """
    import pandas as pd

    from playground.methods.registry import method as find
    from playground.methods.training import start
    from playground.tasks import few_shot_and_rest

    first = find(method).settings.checked(settings).seed
    chosen = chosen_seeds(seeds, first)
    drawn = [few_shot_and_rest(table, shots, seed) for seed in chosen]
    prompts, rows = [], []
    for seed, (train, dev, rest) in zip(chosen, drawn, strict=True):
        found: dict[str, Any] = dict.fromkeys(MEASURES)
        training = start(
            *(method, model, template, verbalizer, train, dev),
            {**settings, "seed": seed},
            unlabelled=rest,
        )
        for event in training:
            if event is None:
                continue
            if event["split"] == "start":
                found["zero_shot_accuracy"] = event["zero_shot_accuracy"]
            if event["split"] == "dev":  # of the best, where that is kept
                measured = event.get("best", event)
                found |= {"dev_accuracy": measured["accuracy"], "dev_loss": measured["loss"]}
            if on_event is not None:
                on_event({**event, "seed": seed})
        prompts.append(training.trained_prompt())
        rows.append(found)
    index = pd.Index(chosen, name="seed")
    return SeedsResult(tuple(prompts), pd.DataFrame(rows, index, MEASURES, dtype=float))
