"""``study``: from the command line with real models."""

import re
from pathlib import Path

import pytest

from playground.cli import main

GRID = ("--methods", "prompt-tuning", "--shots", "1,2", "--seeds", "1", "--set")


def test_a_study_is_run_extended_and_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    steps = "prompt-tuning.steps=2"
    folder = tmp_path / "out"
    assert main(["study", "run", *GRID, steps, "--export", str(folder)]) == 0
    told = capsys.readouterr()
    heads, row, written = told.out.splitlines()
    assert heads.split() == ["K=1", "K=2"]
    name, *accuracies = row.split()
    assert name == "prompt-tuning"
    assert all(0 <= float(accuracy) <= 1 for accuracy in accuracies)
    assert written == str(folder)
    assert "It takes about" in told.err
    found = re.search(r"Study (study-\w+): 2 cells", told.err)
    assert found

    assert main(["study", "extend", found[1], "--shots", "4"]) == 0
    told = capsys.readouterr()
    assert "New cells: 1." in told.err
    assert told.out.splitlines()[1].split()[:3] == [name, *accuracies]

    assert main(["study", "run", "--spec", str(folder / "study.json")]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [name, *accuracies]
