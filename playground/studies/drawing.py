"""The figure of a study as a file: accuracy over the shots, a line and a band for each method."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playground.methods.spread import Spread
from playground.studies.grid import Point, line_name
from playground.studies.progress import CellProgress, Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by the colour-blind too: Okabe & Ito 2008, "Color Universal Design",
# https://jfly.uni-koeln.de/color/, without its yellow, which is too pale for a line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":")
WIDTH, HEIGHT = 6.4, 4.0  # inches
DOTS = 200  # an inch, of a PNG


def draw(progress: Progress, *targets: Path) -> None:
    """Writes the figure into each of ``targets``, whose endings (svg, png, pdf) say how.

    The same study gives the same file.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(
        {
            "svg.hashsalt": progress.study.id,
            "svg.fonttype": "none",
            "font.size": 10,
            "text.parse_math": False,  # a model's name may have dollars in it
        }
    ):
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        _draw_lines(axes, progress)
        _draw_zero_shot(axes, progress)
        axes.set_xscale("log", base=2)
        shots = progress.study.spec.shots
        axes.set_xticks(shots, [str(each) for each in shots])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("examples a label (K)")
        axes.set_ylabel("test accuracy")
        axes.grid(axis="y", color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9)
        for target in targets:
            # without the time of its making, which would make each file another
            stamp = {"svg": {"Date": None}, "png": {"Software": None}}
            figure.savefig(target, dpi=DOTS, metadata=stamp.get(target.suffix[1:], {}))


def lines_of(progress: Progress) -> Mapping[str, Sequence[tuple[Point, Spread]]]:
    """By its name each line of the figure: the points that are known, and their accuracy."""
    spec = progress.study.spec
    lines: dict[str, list[tuple[Point, Spread]]] = {}
    for point, cells in progress.points.items():
        line = lines.setdefault(line_name(spec, point), [])
        accuracy = Spread.of(cell.accuracy for cell in cells)
        if accuracy is not None:
            line.append((point, accuracy))
    return lines


def _draw_lines(axes: "Axes", progress: Progress) -> None:
    methods = progress.study.spec.methods
    drawn: dict[str, int] = {}  # how many lines each method has
    for name, line in lines_of(progress).items():
        if not line:
            continue
        method = line[0][0].method
        place = drawn[method] = drawn.get(method, -1) + 1
        colour = COLOURS[methods.index(method) % len(COLOURS)]
        dash = DASHES[place % len(DASHES)]
        shots = [point.shots for point, _ in line]
        means = [accuracy.mean for _, accuracy in line]
        deviations = [accuracy.deviation or 0.0 for _, accuracy in line]
        axes.plot(shots, means, dash, color=colour, marker="o", markersize=4, label=name)
        low = [mean - sd for mean, sd in zip(means, deviations, strict=True)]
        high = [mean + sd for mean, sd in zip(means, deviations, strict=True)]
        axes.fill_between(shots, low, high, color=colour, alpha=0.15, linewidth=0)


def _draw_zero_shot(axes: "Axes", progress: Progress) -> None:
    for name, accuracy in zero_shot(progress.cells).items():
        label = "zero-shot" if len(progress.study.spec.models) == 1 else f"zero-shot · {name}"
        axes.axhline(accuracy, color="0.5", linestyle=":", linewidth=1, label=label)


def zero_shot(cells: Sequence[CellProgress]) -> dict[str, float]:
    """By the model, the accuracy of its first template before any training, where it is known."""
    found: dict[str, float] = {}
    for cell in cells:
        if cell.measured is not None and cell.measured["zero_shot_accuracy"] is not None:
            found.setdefault(cell.cell.point.model, cell.measured["zero_shot_accuracy"])
    return found
