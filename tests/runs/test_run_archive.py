"""A run as one file: taken out, brought in, gone on with; and files that are refused."""

import itertools
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fake_worker import FakeTraining
from processes import wait_for, wait_until

from playground.errors import PlaygroundError
from playground.runs import Runs, RunSpec, export_run, import_run
from playground.runs import archive as limits

Spec = Callable[..., RunSpec]
Change = Callable[[dict[str, bytes]], object]


@pytest.fixture
def start(runs: Runs, spec: Spec, rows: pd.DataFrame) -> Callable[..., str]:
    return lambda **settings: runs.start(spec("mine", **settings), rows, rows, rows.head(3))


@pytest.fixture
def exported(runs: Runs, spec: Spec, rows: pd.DataFrame, tmp_path: Path) -> Path:
    """A file of a run that nobody ever worked at."""
    run_id = runs.store.create(spec("mine"), {"train": rows, "dev": rows})
    runs.store.append(run_id, [{"step": 1, "split": "train", "loss": 0.5}])
    return export_run(runs.history, run_id, tmp_path / "run.zip")


def changed(source: Path, change: Change) -> Path:
    """The same zip after ``change`` has had its entries."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return source


def told(**others: object) -> Change:
    """A change of what ``run.json`` says."""

    def change(entries: dict[str, bytes]) -> None:
        entries["run.json"] = json.dumps({**json.loads(entries["run.json"]), **others}).encode()

    return change


def refusal(runs: Runs, source: Path) -> str:
    """The code of the error; nothing may be left of the file."""
    kept = sorted((runs.store.home / "runs").iterdir())
    with pytest.raises(PlaygroundError) as caught:
        import_run(runs.history, source)
    assert sorted((runs.store.home / "runs").iterdir()) == kept
    assert len(runs.store.list()) == len(kept)
    return caught.value.code


def curve(runs: Runs, run_id: str) -> list[tuple[int, str, object]]:
    events = runs.events(run_id)["events"]
    return [(event["step"], event["split"], event.get("loss")) for event in events]


def test_a_run_goes_to_another_home_and_on_from_its_checkpoint(
    runs: Runs, start: Callable[..., str], tmp_path: Path
) -> None:
    half = start(steps=1000, seconds=0.02)
    wait_for(runs, half, "running")
    wait_until(lambda: runs.get(half).step >= 4)
    runs.stop(half)
    run = wait_for(runs, half, "stopped")
    runs.history.set_note(half, "half way")
    runs.history.set_tags(half, ["a", "电影"])
    file = export_run(runs.history, half, tmp_path / "half.zip")
    with zipfile.ZipFile(file) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {".json", ".jsonl", ".csv"}
        assert "worker.log" not in archive.namelist()

    again = import_run(runs.history, file)
    brought = runs.get(again)
    assert again != half
    assert (brought.spec, brought.state, brought.step) == (run.spec, "stopped", run.step)
    assert brought.created == run.created
    assert curve(runs, again) == curve(runs, half)
    assert runs.history.entry(again).note == "half way"
    assert runs.history.entry(again).tags == ("a", "电影")
    prompt = runs.prompt_folder(again)
    assert prompt is not None
    assert json.loads((prompt / "prompt.json").read_text()) == {"step": run.step}

    runs.resume(again)
    wait_for(runs, again, "running")
    reached = run.step + 3
    wait_until(lambda: runs.get(again).step >= reached)
    runs.stop(again)
    wait_for(runs, again, "stopped")
    walk = itertools.takewhile(lambda e: e is None or e["step"] < 100, FakeTraining(1000))
    whole = [(e["step"], e["split"], e.get("loss")) for e in walk if e]
    resumed = curve(runs, again)[: len(whole)]
    assert resumed == whole[: len(resumed)]
    assert len(resumed) > len(curve(runs, half))


def test_a_run_at_work_and_a_group_are_not_exported(
    runs: Runs, start: Callable[..., str], spec: Spec, tmp_path: Path
) -> None:
    run_id = start(steps=1000, seconds=0.02)
    wait_for(runs, run_id, "running")
    group_id = runs.store.new_group()
    runs.store.create(spec().model_copy(update={"group": group_id}))
    codes = []
    for one in (run_id, group_id, "000000000000"):
        with pytest.raises(PlaygroundError) as caught:
            export_run(runs.history, one, tmp_path / "run.zip")
        codes.append(caught.value.code)
    assert codes == ["runs.export_working", "runs.export_group", "runs.unknown"]
    assert not list(tmp_path.glob("run.zip*"))


def test_a_run_of_a_group_comes_back_alone(runs: Runs, spec: Spec, tmp_path: Path) -> None:
    group_id = runs.store.new_group()
    among = {"group": group_id, "study": "a study"}
    run_id = runs.store.create(spec("one · 13").model_copy(update=among))
    again = import_run(runs.history, export_run(runs.history, run_id, tmp_path / "one.zip"))
    assert runs.get(again).spec.group == runs.get(again).spec.study == ""
    assert [run.id for run in runs.group(group_id).runs] == [run_id]


@pytest.mark.parametrize(
    "name",
    [
        *("../outside.json", "/etc/passwd", "prompt/../../x.json", "prompt\\x.json", "C:/x.json"),
        *("checkpoint/state.pkl", "checkpoint/model.pt", "worker.log", "notes.txt", "x.csv"),
        *("prompt/", "prompt/.hidden.json", "prompt/a/b/c/d/e.json", "prompt/x.json\n"),
        "prompt/a.json/b.json",
    ],
)
def test_a_file_with_an_unknown_entry_is_refused(runs: Runs, exported: Path, name: str) -> None:
    def add(entries: dict[str, bytes]) -> None:
        entries[name] = b"{}"

    assert refusal(runs, changed(exported, add)) == "runs.import_unknown_entry"
    assert not (runs.store.home / "outside.json").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.pop("run.json"),
        lambda entries: entries.pop("events.jsonl"),
        lambda entries: entries.update({"run.json": b"{"}),
        lambda entries: entries.update({"run.json": b"\xff"}),
        lambda entries: entries.update({"prompt/A.json": b"", "prompt/a.json": b""}),
        told(format="another"),
        told(version=2),
        told(state="running"),
        told(step=-1),
        told(step=2**70),
        told(created="yesterday"),
        told(further=1),
        told(note="x" * 5000),
        told(spec={}),
        *(
            lambda entries, line=line: entries.update({"events.jsonl": line})
            for line in (
                *(b"[]\n", b"{\n", b"\n", b'{"step": 1}', b'{"step": true, "split": "dev"}'),
                *(b'{"step": -1, "split": "dev"}', b'{"step": 1, "split": "dev", "id": 3}'),
                *(b"[" * 100_000, b'{"step": 1, "split": "' + b"x" * 2**20 + b'"}'),
            )
        ),
    ],
)
def test_a_file_that_is_no_run_is_refused(runs: Runs, exported: Path, change: Change) -> None:
    assert refusal(runs, changed(exported, change)) == "runs.import_not_a_run"


def test_a_prompt_that_cannot_be_read_is_refused(runs: Runs, exported: Path) -> None:
    assert refusal(runs, changed(exported, told(tags=["a,b"]))) == "runs.bad_tags"
    spec: dict[str, Any] = {"method": "p-tuning", "model": "m", "verbalizer": {"a": ["b"]}}
    changed(exported, told(spec={**spec, "template": "{text"}))
    assert refusal(runs, exported) == "template.unclosed_brace"
    changed(exported, told(spec={**spec, "template": "{text} [MASK]"}))
    assert refusal(runs, exported).startswith("verbalizer.")


def test_damaged_files_are_refused(runs: Runs, exported: Path) -> None:
    whole = exported.read_bytes()
    for damaged in (b"", b"no zip", whole[: len(whole) // 2]):
        exported.write_bytes(damaged)
        assert refusal(runs, exported) == "runs.import_not_a_run"


def test_content_that_does_not_match_its_sum_is_refused(runs: Runs, exported: Path) -> None:
    changed(exported, lambda entries: entries.update({"prompt/prompt.json": b"find-me" * 9}))
    exported.write_bytes(exported.read_bytes().replace(b"find-me", b"find-it", 1))
    assert refusal(runs, exported) == "runs.import_not_a_run"


def test_what_is_too_large_is_refused(
    runs: Runs, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("RUN_BYTES", "EVENTS_BYTES", "ALL_BYTES", "MOST_ENTRIES"):
        with monkeypatch.context() as context:
            context.setattr(limits, limit, 3)
            assert refusal(runs, exported) == "runs.import_too_large"
    assert import_run(runs.history, exported)


def test_a_link_in_the_file_becomes_no_link(runs: Runs, exported: Path) -> None:
    link = zipfile.ZipInfo("prompt/prompt.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(exported, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    folder = runs.prompt_folder(import_run(runs.history, exported))
    assert folder is not None
    assert not (folder / "prompt.json").is_symlink()
    assert (folder / "prompt.json").read_text() == "/etc/passwd"
