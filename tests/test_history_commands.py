"""What the command line does with runs that are kept: finding, naming, deleting, exporting them."""

import zipfile
from pathlib import Path

import pytest

from playground.cli import main
from playground.runs import Runs, RunSpec

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def made(name: str, **others: object) -> str:
    spec = RunSpec(
        method="p-tuning",
        model="pocket-bert",
        template="{text} It was [MASK].",
        verbalizer={"negative": ["bad"], "positive": ["good"]},
        name=name,
    ).model_copy(update=others)
    runs = Runs()
    run_id = runs.store.create(spec)
    runs.store.set_state(run_id, "finished")
    runs.store.close()
    return run_id


def lines(capsys: Capture, *command: str) -> list[str]:
    assert main(["runs", *command]) == 0
    return capsys.readouterr().out.splitlines()


def listed(capsys: Capture, *options: str) -> list[str]:
    return [line.split()[0] for line in lines(capsys, "list", *options)[1:]]


def refused(capsys: Capture, *command: str) -> str:
    assert main(["runs", *command]) == 2
    return capsys.readouterr().err


def test_runs_are_found_by_what_they_are_and_what_was_noted(capsys: Capture) -> None:
    one, two = made("first try", dataset="news"), made("second", method="lora")
    assert listed(capsys) == [two, one]
    assert listed(capsys, "--search", "TRY first") == listed(capsys, "--dataset", "news") == [one]
    assert listed(capsys, "--method", "lora", "--state", "finished") == [two]
    assert listed(capsys, "--limit", "1") == [two]
    assert listed(capsys, "--before", two) == [one]
    assert lines(capsys, "tag", one, "kept", "电影") == ["kept", "电影"]
    assert lines(capsys, "tag", one, "late", "--remove", "kept") == ["late", "电影"]
    assert lines(capsys, "note", one, "Try it with\nmore shots.") == ["Try it with", "more shots."]
    assert lines(capsys, "note", one) == ["Try it with", "more shots."]
    assert listed(capsys, "--tag", "late") == listed(capsys, "--search", "shots") == [one]
    table = lines(capsys, "list", "--disk")
    assert table[0].split()[-3:] == ["DISK", "TAGS", "NAME"]
    assert "0.0 MB" in table[1]
    assert lines(capsys, "note", one, "") == []
    assert main(["runs", "list", "--search", "nothing like it"]) == 0
    assert capsys.readouterr().err == "No run is so.\n"
    assert "without a comma" in refused(capsys, "tag", one, "a,b")


def test_a_run_is_renamed(capsys: Capture) -> None:
    run_id = made("first")
    assert lines(capsys, "rename", run_id, "the best") == [f"{run_id} is called 'the best'."]
    assert lines(capsys, "list")[1].endswith("the best")


def test_a_deleted_run_comes_back_until_it_is_purged(home: Path, capsys: Capture) -> None:
    run_id = made("first")
    assert main(["runs", "delete", run_id]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{run_id} is deleted.\n"
    assert f"runs restore {run_id}" in printed.err
    assert listed(capsys, "--deleted") == [run_id]
    assert "There is no run" in refused(capsys, "show", run_id)
    assert lines(capsys, "restore", run_id) == [f"{run_id} is restored."]
    assert listed(capsys) == [run_id]
    assert "is not deleted" in refused(capsys, "purge", run_id)
    assert lines(capsys, "purge") == ["0 deleted runs are forgotten for good."]
    assert lines(capsys, "delete", run_id)
    assert lines(capsys, "purge", run_id) == ["1 deleted run is forgotten for good."]
    assert not list((home / "runs").iterdir())
    assert "There is no run" in refused(capsys, "restore", run_id)


def test_the_difference_of_runs_is_a_table(capsys: Capture) -> None:
    one = made("one", settings={"steps": 10})
    two = made("two", settings={"steps": 20, "patience": 3})
    assert [line.split() for line in lines(capsys, "diff", one, two)] == [
        ["SETTING", one, two],
        ["steps", "10", "20"],
        ["patience", "–", "3"],
    ]
    assert main(["runs", "diff", one, one]) == 0
    assert capsys.readouterr().err == "They differ in no setting.\n"


def test_a_run_goes_through_a_file(tmp_path: Path, capsys: Capture) -> None:
    run_id = made("first")
    lines(capsys, "tag", run_id, "kept")
    file = tmp_path / "run.zip"
    assert lines(capsys, "export", run_id, str(file)) == [str(file)]
    assert zipfile.is_zipfile(file)
    (again,) = lines(capsys, "import", str(file))
    assert again != run_id
    assert listed(capsys, "--tag", "kept") == [again, run_id]
    file.write_text("no zip")
    assert "does not hold a run" in refused(capsys, "import", str(file))
    assert "No such file" in refused(capsys, "import", str(tmp_path / "none.zip"))
