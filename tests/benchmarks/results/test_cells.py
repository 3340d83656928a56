"""What is measured anew when the model or a prompt changes, and what the page says meanwhile."""

from dataclasses import replace
from pathlib import Path

import pytest

import playground as pg
from playground.models import LanguageModel
from playground.prompts import Template
from tests.benchmarks.results.__main__ import Cells
from tests.benchmarks.results.cells import Cell, origin
from tests.benchmarks.results.page import EARLIER, page
from tests.benchmarks.results.ways import TASKS, WAYS

TASK, WAY = TASKS[0], WAYS[0]
OLD, NEW = Cell(0.5, 0.6, 0, 1.0), Cell(0.7, 0.8, 0, 1.0)


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return pg.load_model("pocket-bert")


def cells(file: Path, today: str) -> Cells:
    return Cells(file, {task.name: today for task in TASKS})


def test_cells_of_earlier_weights_count_as_not_measured(tmp_path):
    file = tmp_path / "cells.json"
    cells(file, "before").put(TASK, WAY, 13, None, OLD)
    today = cells(file, "today")
    assert today.get(TASK, WAY, 13, None) is None
    assert [cell.test for cell in today.earlier.row(TASK, WAY)] == [OLD.test]
    today.put(TASK, WAY, 13, None, NEW)
    assert [cell.test for cell in cells(file, "today").row(TASK, WAY)] == [NEW.test]
    assert today.earlier.row(TASK, WAY) == []


def test_the_page_marks_figures_of_before(tmp_path, model):
    file = tmp_path / "cells.json"
    cells(file, "before").put(TASK, WAY, 13, None, OLD)
    shown = page(model, cells(file, "today"))
    assert f"| {WAY.name}{EARLIER} | 60.0 (1 seeds) |" in shown
    assert f"{EARLIER.strip()} measured with earlier weights" in shown
    cells(file, "today").put(TASK, WAY, 13, None, NEW)
    shown = page(model, cells(file, "today"))
    assert f"| {WAY.name} | 80.0 (1 seeds) |" in shown
    assert EARLIER not in shown


def test_the_model_and_the_prompts_make_the_origin(model):
    known = origin(TASK, model)
    assert origin(TASK, pg.load_model("pocket-bert")) == known
    assert origin(TASK, pg.load_model("pocket-gpt")) != known
    assert origin(replace(TASK, template=Template("{text} Quite [MASK].")), model) != known
