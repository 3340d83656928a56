"""``train --seeds``: runs over several seeds from the command line, with real models."""

import os
import re
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from playground.cli import main
from playground.methods import TrainedPrompt
from playground.runs import Plan, Runs

REPOSITORY = Path(__file__).parents[1]
Capture = pytest.CaptureFixture[str]
TRAIN = ("train", "p-tuning", "--shots", "2", "--encoder", "none", "--dev-every", "2")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test, and a terminal too wide to break sentences."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "home"


def test_the_mean_over_the_seeds_and_the_best_prompt(tmp_path: Path, capsys: Capture) -> None:
    saved = str(tmp_path / "prompt")
    seeds = ("--seeds", "21,13,42", "--steps", "4", "--name", "mine", "--save", saved)
    assert main([*TRAIN, *seeds]) == 0
    printed = capsys.readouterr()
    heads, *rows, mean, folder = printed.out.splitlines()
    assert heads.split() == ["SEED", "RUN", "STATE", "STEP", "DEV", "ACCURACY"]
    members = [row.split() for row in rows]
    assert [(m[0], m[2], m[3]) for m in members] == [
        (seed, "finished", "4/4") for seed in ("21", "13", "42")
    ]
    values = [float(member[-1]) for member in members]
    found = re.fullmatch(r"dev accuracy (\d\.\d{3}) ± (\d\.\d{3}) over 3 seeds", mean)
    assert found
    assert float(found[1]) == pytest.approx(statistics.fmean(values), abs=1e-3)
    assert float(found[2]) == pytest.approx(statistics.stdev(values), abs=1e-3)
    assert folder == saved
    assert "mine over 3 seeds" in printed.err
    best = max(values)
    seed = TrainedPrompt.describe(saved)["settings"]["seed"]
    assert seed in [int(m[0]) for m, at in zip(members, values, strict=True) if at == best]

    group = re.search(r"Group (group-\w+):", printed.err)
    assert group
    assert main(["runs", "show", group[1]]) == 0
    assert capsys.readouterr().out.splitlines() == [heads, *rows, mean]
    assert main(["runs", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == ["ID", group[1]]
    assert listed[1].split()[-2:] == ["3", "mine"]
    assert main(["runs", "resume", group[1]]) == 2
    assert "is finished" in capsys.readouterr().err
    assert main(["runs", "delete", group[1]]) == 0
    assert not Runs().list()


def test_a_count_takes_the_seeds_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Plan] = []

    def start(_: Runs, plans: list[Plan]) -> str:
        asked.extend(plans)
        raise KeyboardInterrupt  # that is all that is wanted

    monkeypatch.setattr(Runs, "start_group", start)
    assert main([*TRAIN, "--seeds", "2", "--seed", "7"]) == 130
    assert [plan.spec.seed for plan in asked] == [7, 8]
    assert asked[0].train["text"].tolist() != asked[1].train["text"].tolist()


def test_ctrl_c_stops_what_runs_and_what_waits() -> None:
    command = [sys.executable, "-m", "playground", *TRAIN, "--steps", "100000"]
    training = subprocess.Popen(
        [*command, "--seeds", "3", "--at-once", "1"],
        cwd=REPOSITORY,
        env=os.environ.copy(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert training.stderr is not None
    while not training.stderr.readline().startswith("step "):
        assert training.poll() is None
    training.send_signal(signal.SIGINT)
    out, _ = training.communicate(timeout=120)
    assert training.returncode == 130
    rows = out.splitlines()[1:4]
    assert [row.split()[2] for row in rows] == ["stopped"] * 3
    assert Path(out.splitlines()[-1], "prompt.json").is_file()


def test_a_seed_that_fails_is_named(capsys: Capture) -> None:
    labels = "negative=bad;positive=龘龘"
    assert main([*TRAIN, "--labels", labels, "--seeds", "2", "--at-once", "2"]) == 2
    printed = capsys.readouterr()
    assert "Seed 13: " in printed.err
    assert "does not know the word" in printed.err
    assert [row.split()[2] for row in printed.out.splitlines()[1:]] == ["failed", "failed"]


@pytest.mark.parametrize("wrong", ["0", "many", "1,x", "-3"])
def test_what_are_no_seeds_ends_with_2(wrong: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as end:
        main([*TRAIN, f"--seeds={wrong}"])
    assert end.value.code == 2
    assert f"“{wrong}”" in capsys.readouterr().err


def test_mistakes_start_no_run(capsys: Capture) -> None:
    for seeds in ("101", "13,13", "-1,5"):
        assert main([*TRAIN, f"--seeds={seeds}"]) == 2
    told = capsys.readouterr().err
    assert "none of them twice" in told
    assert "“seed”" in told
    assert not Runs().list()
