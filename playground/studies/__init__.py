"""Studies: the same task by several methods, shots, seeds, templates and models, measured alike."""

from playground.studies.grid import Cell, Point, cells_of
from playground.studies.plan import StudyPlan, plan_study
from playground.studies.progress import CellProgress, Estimate, Progress
from playground.studies.report import export_study
from playground.studies.running import run_study
from playground.studies.spec import (
    DEFAULT_METHODS,
    DEFAULT_SEEDS,
    DEFAULT_SHOTS,
    SHOTS,
    StudySpec,
)
from playground.studies.store import Study, StudyStore
from playground.studies.studies import Studies
from playground.studies.tables import cells_table, points_table

__all__ = [
    "DEFAULT_METHODS",
    "DEFAULT_SEEDS",
    "DEFAULT_SHOTS",
    "SHOTS",
    "Cell",
    "CellProgress",
    "Estimate",
    "Point",
    "Progress",
    "Studies",
    "Study",
    "StudyPlan",
    "StudySpec",
    "StudyStore",
    "cells_of",
    "cells_table",
    "export_study",
    "plan_study",
    "points_table",
    "run_study",
]
