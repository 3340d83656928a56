"""What a study is taken away as; its figures are made up, and nothing is trained."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from PIL import Image

from playground.cli import main
from playground.runs import Run, Runs
from playground.studies import (
    Studies,
    StudyPlan,
    StudySpec,
    cells_of,
    cells_table,
    export_study,
    points_table,
)
from playground.studies.plan import plan_cell
from playground.studies.report import report

Planned = Callable[..., StudyPlan]
ACCURACY = {1: (0.5, 0.6), 4: (0.7, 0.9)}  # by the shots, of each seed


@pytest.fixture
def studies(tmp_path: Path) -> Iterator[Studies]:
    studies = Studies(Runs(tmp_path / "home"))
    yield studies
    studies.runs.store.close()


@pytest.fixture
def told(studies: Studies, planned: Planned) -> Callable[..., str]:
    """Keeps a study whose cells have all come to what ACCURACY says, but for the last, failed."""

    def keep(**fields: Any) -> str:
        plan = planned(methods=("prompt-tuning", "head-fine-tuning"), seeds=(1, 2), **fields)
        study_id = studies.store.create(plan.spec, plan.table)
        studies.store.set_state(study_id, "finished")
        cells = cells_of(plan.spec)
        for cell in cells:
            spec = plan_cell(plan.spec, cell, plan.table).spec.model_copy(
                update={"study": study_id, "group": "group-000000000000"}
            )
            failed = cell is cells[-1]
            run = Run(
                id="",
                created="2026-01-01T00:00:00+00:00",
                spec=spec,
                state="failed" if failed else "finished",
                reason="The <b>rows</b> are `gone` | lost." if failed else "",
            )
            studies.runs.store.keep(run, lambda folder: None, [] if failed else events(cell))
        return study_id

    def events(cell: Any) -> list[dict[str, Any]]:
        accuracy = ACCURACY[cell.point.shots][cell.seed - 1]
        tuned = cell.point.method == "head-fine-tuning"
        return [
            {"step": 0, "split": "start", "parameters": 5_000_000 if tuned else 2048},
            {"step": 2, "split": "dev", "accuracy": 0.25, "loss": 1.0},
            {
                "step": 2,
                "split": "test",
                "rows": 8,
                "accuracy": accuracy,
                "macro_f1": accuracy,
                "train_accuracy": 1.0,
                "zero_shot_accuracy": 0.625,
                "seconds": 4.0,
                "cell_seconds": 5.0,
                "bytes": 20_000_000 if tuned else 9000,
                "cloze_before": 0.5 if tuned else None,
                "cloze_after": 0.25 if tuned else None,
            },
        ]

    return keep


def test_tables_have_a_row_a_cell_and_a_row_a_point(
    studies: Studies, told: Callable[..., str]
) -> None:
    progress = studies.progress(told())
    cells, points = cells_table(progress), points_table(progress)
    assert len(cells) == 8
    assert list(cells["state"]).count("failed") == 1
    prompts = points[points["method"] == "prompt-tuning"].set_index("shots")
    assert prompts["accuracy"].to_dict() == pytest.approx({1: 0.55, 4: 0.8})
    assert prompts["accuracy_sd"][4] == pytest.approx(0.2 / 2**0.5)
    assert list(prompts["forgetting"]) == [0, 0]
    tuned = points[points["method"] == "head-fine-tuning"].set_index("shots")
    assert list(tuned["forgetting"]) == [0.25, 0.25]
    assert list(tuned["gap"]) == [0.75, 0.75]
    assert dict(tuned["seeds"]) == {1: 1, 4: 2} or dict(tuned["seeds"]) == {1: 2, 4: 1}


def test_what_is_done_says_how_long_the_rest_takes(
    studies: Studies, told: Callable[..., str]
) -> None:
    study_id = told()
    spec = studies.store.get(study_id).spec
    studies.store.set_spec(study_id, spec.model_copy(update={"seeds": (1, 2, 3)}))
    estimate = studies.progress(study_id).estimate
    assert estimate.seconds == 5.0 * 12
    assert estimate.seconds_left == 5.0 * 4  # those of the third seed; the failed one waits
    assert estimate.bytes == 6 * 20_000_000 + 6 * 9000


def test_an_export_is_whole(studies: Studies, told: Callable[..., str], tmp_path: Path) -> None:
    study_id = told()
    folder = export_study(studies, study_id, tmp_path / "out" / "deep")
    names = {"report.md", "study.json", "rows.csv", "cells.csv", "points.csv"}
    assert {file.name for file in folder.iterdir()} == {*names, "accuracy.svg", "accuracy.png"}
    spec = studies.store.get(study_id).spec
    assert StudySpec.from_json((folder / "study.json").read_text("utf-8")) == spec
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "rows.csv", dtype=str), studies.store.table(study_id)
    )
    assert len(pd.read_csv(folder / "cells.csv")) == 8
    with Image.open(folder / "accuracy.png") as image:
        assert image.width > 1000
    texts = [
        text.strip()
        for text in ElementTree.parse(folder / "accuracy.svg").getroot().itertext()
        if text.strip()
    ]
    assert {"prompt-tuning", "head-fine-tuning", "zero-shot", "test accuracy"} <= set(texts)
    again = export_study(studies, study_id, tmp_path / "again")
    for file in folder.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_report_has_figures_settings_seeds_and_what_to_type(
    studies: Studies, told: Callable[..., str]
) -> None:
    text = report(studies.progress(told()), "python -m playground study run --spec study.json")
    assert "7 of 8 cells are done" in text
    assert "| prompt-tuning | 0.550 ± 0.071 | 0.800 ± 0.141 |" in text
    assert "Seeds: 1, 2" in text
    assert "`{text} It was [MASK].`" in text
    assert "steps=2" in text
    assert "Zero-shot, with the first template: pocket-bert 0.625." in text
    assert "python -m playground study run --spec study.json" in text


def test_nothing_that_was_typed_means_anything_in_the_report(
    studies: Studies, told: Callable[..., str]
) -> None:
    name = "<script>alert(1)</script> | [x](y) `z`"
    text = report(studies.progress(told(name=name, templates=("{text} `` [MASK]",))), "x")
    assert "<script>" not in text
    assert "<b>rows" not in text
    assert r"\<script\>" in text
    assert "``` {text} `` [MASK] ```" in text


def test_commands_show_list_export_and_delete(
    studies: Studies,
    told: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(studies.runs.store.home))
    study_id = told()
    assert main(["study", "list"]) == 0
    heads, row = capsys.readouterr().out.splitlines()
    assert heads.split() == ["STUDY", "STATE", "DONE", "NAME"]
    assert row.split() == [study_id, "finished", "7", "of", "8", "films"]
    assert main(["study", "show", study_id]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", shown[1]) == ["prompt-tuning", "0.550 ± 0.071", "0.800 ± 0.141"]
    assert main(["study", "export", study_id, str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "study.json").read_text())["dataset"] == "films"
    assert main(["study", "delete", study_id]) == 0
    assert main(["study", "show", study_id]) == 2
    assert "There is no study" in capsys.readouterr().err


def test_what_cannot_be_asked_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ("steps=3", "prompt-tuning.=3", "prompt-tuning.steps"):
        assert main(["study", "run", "--set", given]) == 2
        assert "p-tuning.steps=50" in capsys.readouterr().err
    assert main(["study", "run", "--methods", "none-such"]) == 2
    assert "none-such" in capsys.readouterr().err
