"""What the command line offers around a training: keeping the best of it, finding its rate."""

import csv
import io
import re
from pathlib import Path

import pytest

from playground.cli import main
from playground.methods import TrainedPrompt

Capture = pytest.CaptureFixture[str]
QUICK = ("--shots", "2", "--encoder", "none")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_best_step_is_kept_and_named(capsys: Capture) -> None:
    settings = ("--steps", "30", "--dev-every", "1", "--patience", "2", "--learning-rate", "0.05")
    assert main(["train", "p-tuning", *QUICK, *settings]) == 0
    printed = capsys.readouterr()
    found = re.search(
        r"finished at step (\d+) of 30, step (\d+) is kept with the best dev accuracy, (\d\.\d+)",
        printed.err,
    )
    assert found
    ended, kept = int(found[1]), int(found[2])
    assert ended == kept + 2 < 30
    assert TrainedPrompt.describe(printed.out.strip())["step"] == kept

    run_id = Path(printed.out.strip()).parent.name
    assert main(["runs", "events", run_id, "--format", "csv"]) == 0
    points = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    looks = [point for point in points if point["split"] == "dev"]
    best = max(looks, key=lambda look: (float(look["accuracy"]), -float(look["loss"])))
    assert (int(best["step"]), f"{float(best['accuracy']):.3f}") == (kept, found[3])
    assert "best" not in points[0]


def test_a_learning_rate_is_found_and_printed_as_options(capsys: Capture) -> None:
    command = ["train", "prompt-tuning", "--shots", "2", "--batch-size", "4", "--patience", "3"]
    assert main([*command, "--find-learning-rate"]) == 0
    printed = capsys.readouterr()
    assert ", learning rate " in printed.err
    flag, rate = printed.out.split()
    assert flag == "--learning-rate"
    assert 1e-6 < float(rate) <= 10

    assert main([*command, *printed.out.split(), "--steps", "1"]) == 0
    run_ids = [line.split()[0] for line in _lines(["runs", "list"], capsys)[1:]]
    assert len(run_ids) == 2
    points = list(csv.DictReader(_lines(["runs", "events", run_ids[1], "--format", "csv"], capsys)))
    rates = [float(point["learning_rate"]) for point in points]
    assert rates == sorted(rates)
    assert rates[0] < float(rate) < rates[-1]
    assert all(float(point["smoothed"]) > 0 for point in points)


def _lines(command: list[str], capsys: Capture) -> list[str]:
    capsys.readouterr()
    assert main(command) == 0
    return capsys.readouterr().out.splitlines()
