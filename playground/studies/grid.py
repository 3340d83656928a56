"""The cells of a study, and the order in which they are trained."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from playground.runs import Run, RunSpec
from playground.studies.spec import StudySpec


class Point(NamedTuple):
    """Cells that differ in nothing but their seed: one point of the figure."""

    method: str
    template: str
    model: str
    shots: int


class Cell(NamedTuple):
    """One training of a study."""

    point: Point
    seed: int

    @classmethod
    def of(cls, spec: RunSpec) -> Self:
        """The cell that a run of a study is of."""
        return cls(Point(spec.method, spec.template, spec.model, spec.shots or 0), spec.seed)


def line_name(spec: StudySpec, point: Point) -> str:
    """What a point's line is called: its method, its model and template if there are more."""
    told = [point.method]
    if len(spec.models) > 1:
        told.append(point.model)
    if len(spec.templates) > 1:
        told.append(f"template {spec.templates.index(point.template) + 1}")
    return " · ".join(told)


def cells_of(spec: StudySpec) -> list[Cell]:
    """All cells, so ordered that the figure has its shape early.

    The first seed goes through the whole grid before the second; the shots come from far apart to
    close by; at each of them every method has its turn before the next shots.
    """
    return [
        Cell(Point(method, template, model, shots), seed)
        for seed in spec.seeds
        for shots in spread(spec.shots)
        for model in spec.models
        for template in spec.templates
        for method in spec.methods
    ]


def runs_of_cells(spec: StudySpec, runs: Iterable[Run]) -> dict[Cell, Run | None]:
    """All cells in the order of their training, each with its run, None before it has one."""
    known = {Cell.of(run.spec): run for run in runs if run.spec.kind == "training"}
    return {cell: known.get(cell) for cell in cells_of(spec)}


def spread(values: Sequence[int]) -> list[int]:
    """The ends first, then always the middle of the widest stretch that is left."""
    places = list(dict.fromkeys((len(values) - 1, 0)))[: len(values)]
    places += [place for place in _middles(0, len(values) - 1) if place not in places]
    return [values[place] for place in places]


def _middles(low: int, high: int) -> Iterator[int]:
    stretches = [(low, high)]
    for low, high in stretches:  # which grows meanwhile
        if high - low > 1:
            middle = (low + high) // 2
            yield middle
            stretches += [(low, middle), (middle, high)]
