"""From what a person asked for to a study that can start: its grid and its rows, all checked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.prompts import Template, Verbalizer
from playground.runs import Plan, plan
from playground.studies.grid import Cell, Point, line_name
from playground.studies.spec import StudySpec

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class StudyPlan:
    """What `Studies.create` takes: ``table`` holds the rows of all cells."""

    spec: StudySpec
    table: "DataFrame"


def plan_study(*, verbalizer: Verbalizer, table: "DataFrame", **asked: Any) -> StudyPlan:
    """Checks a grid and its rows; ``asked`` are the fields of `StudySpec` by name.

    Every cell is measured on the same test rows, see `with_test_rows`. Whether the models know the
    words is not asked here. Raises SettingsError, TemplateError, VerbalizerError or DataError.
    """
    from playground.tasks import require_labels, with_test_rows

    spec = StudySpec.checked(verbalizer, **asked)
    require_labels(table, verbalizer.labels)
    planned = StudyPlan(spec, with_test_rows(table))
    require_cells(planned)
    return planned


def require_cells(planned: StudyPlan) -> None:
    """Raises what planning any of the cells would raise: the most shots are asked for most."""
    spec = planned.spec
    for method in spec.methods:
        for template in spec.templates:
            point = Point(method, template, spec.models[0], max(spec.shots))
            plan_cell(spec, Cell(point, spec.seeds[0]), planned.table)


def plan_cell(spec: StudySpec, cell: Cell, table: "DataFrame") -> Plan:
    """The training of a cell, which draws its rows by its seed. Raises as `plan`."""
    point = cell.point
    return plan(
        method=point.method,
        model=point.model,
        template=Template(point.template, truncation=spec.truncation),
        verbalizer=spec.read_verbalizer(),
        table=table,
        dataset=spec.dataset,
        shots=point.shots,
        settings=spec.settings_of(point.method, cell.seed),
        name=cell_name(spec, cell),
    )


def cell_name(spec: StudySpec, cell: Cell) -> str:
    """What lists call the run of a cell: its seed stands last, as in a group."""
    told = (spec.name or spec.dataset, line_name(spec, cell.point), f"K={cell.point.shots}")
    return " · ".join([*told, str(cell.seed)])
