"""The figures in which the Runs tab lays curves over each other, empty: the browser fills them."""

from playground.page.figure_parts import Figure
from playground.page.run_figures import run_figures


def overlay_figures() -> dict[str, Figure]:
    """The frames of a run's loss and accuracy, without its lines."""
    frames = run_figures()
    return {
        "train_loss": {**frames["loss"], "data": []},
        "dev_accuracy": {**frames["accuracy"], "data": []},
    }
