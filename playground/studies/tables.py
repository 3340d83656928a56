"""What a study has come to, as tables: a row a cell, or a row a point."""

from typing import TYPE_CHECKING

from playground.methods.spread import Spread
from playground.studies.progress import CellProgress, Progress

if TYPE_CHECKING:
    from pandas import DataFrame

WHERE = ("method", "model", "template", "shots")
# of each cell; at a point the mean over its seeds, and of the first the deviation too
FIGURES = (
    *("accuracy", "macro_f1", "train_accuracy", "dev_accuracy", "gap", "zero_shot_accuracy"),
    *("cloze_before", "cloze_after", "forgetting", "parameters", "bytes", "seconds"),
)


def cells_table(progress: Progress) -> "DataFrame":
    """A row a cell, in the order of the figure's lines; what is not known yet is missing.

    ``accuracy`` and ``macro_f1`` are on the test rows, ``gap`` is train minus dev accuracy,
    ``forgetting`` cloze accuracy before minus after, ``seconds`` what the steps took.
    """
    import pandas as pd

    rows = [
        {
            **point._asdict(),
            "seed": cell.cell.seed,
            "state": cell.state,
            **{name: figure(cell, name) for name in FIGURES},
            "run": cell.run.id if cell.run else "",
            "reason": cell.run.reason if cell.run else "",
        }
        for point, cells in progress.points.items()
        for cell in cells
    ]
    order = [*WHERE, "seed", "state", *FIGURES, "run", "reason"]
    return pd.DataFrame(rows, columns=order).astype(dict.fromkeys(FIGURES, float))


def points_table(progress: Progress) -> "DataFrame":
    """A row a point: the mean of each figure over the seeds that are done, and how many are.

    ``accuracy_sd`` is the sample standard deviation over the seeds, missing where it is of one.
    """
    import pandas as pd

    rows = []
    for point, cells in progress.points.items():
        spreads = {name: Spread.of(figure(cell, name) for cell in cells) for name in FIGURES}
        accuracy = spreads["accuracy"]
        rows.append(
            {
                **point._asdict(),
                "seeds": 0 if accuracy is None else accuracy.count,
                "accuracy_sd": None if accuracy is None else accuracy.deviation,
                **{name: None if at is None else at.mean for name, at in spreads.items()},
            }
        )
    order = [*WHERE, "seeds", "accuracy", "accuracy_sd", *FIGURES[1:]]
    numbers = dict.fromkeys(("accuracy_sd", *FIGURES), float)
    return pd.DataFrame(rows, columns=order).astype(numbers)


def figure(cell: CellProgress, name: str) -> float | None:
    """One of FIGURES of a cell, None before it is known."""
    if name == "parameters":
        return cell.parameters
    if name == "dev_accuracy":
        return None if cell.dev is None else cell.dev["accuracy"]
    if name in ("gap", "forgetting"):
        found: float | None = getattr(cell, name)
        return found
    return None if cell.measured is None else cell.measured[name]
