"""What the Runs tab's browser is answered: rows, choices, curves from where it was, sentences."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.page.history_answers import NO_STUDY, HistoryAnswers
from playground.page.setting_texts import setting_name, setting_text
from playground.runs import Runs, RunSpec
from playground.studies import Studies


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "home")
    yield runs
    runs.shutdown()
    runs.store.close()


@pytest.fixture
def answers(runs: Runs) -> HistoryAnswers:
    return HistoryAnswers(runs, Studies(runs))


def made(runs: Runs, name: str = "", **others: Any) -> str:
    words = {"negative": ["bad"], "positive": ["good"]}
    told = {"method": "p-tuning", "model": "m", "template": "{text} [MASK]", "verbalizer": words}
    return runs.store.create(RunSpec(**(told | {"name": name} | others)))


def told(step: int, split: str = "train") -> dict[str, Any]:
    return {"step": step, "split": split, "loss": 1 / step, "accuracy": 0.5}


def asked(**more: Any) -> dict[str, Any]:
    return {"language": "en", **more}


def test_rows_come_a_page_at_a_time(runs: Runs, answers: HistoryAnswers) -> None:
    ids = [made(runs) for _ in range(5)]
    first = answers.find(asked(limit=3))
    assert ([row["id"] for row in first["rows"]], first["more"]) == (ids[:1:-1], True)
    rest = answers.find(asked(limit=3, before=ids[2]))
    assert ([row["id"] for row in rest["rows"]], rest["more"]) == ([ids[1], ids[0]], False)


def test_a_study_is_a_filter_and_so_is_none(runs: Runs, answers: HistoryAnswers) -> None:
    alone, cell = made(runs), made(runs, study="000000000000")
    counted = answers.count(asked(study="000000000000"))
    assert (counted["found"], counted["all"]) == (1, 2)
    assert counted["choices"]["study"] == [
        [NO_STUDY, "In no study"],
        ["000000000000", "000000000000"],  # its runs have outlived it
    ]
    for study, run_id in (("000000000000", cell), (NO_STUDY, alone)):
        assert [row["id"] for row in answers.find(asked(study=study))["rows"]] == [run_id]


def test_choices_are_said_in_the_readers_language(runs: Runs, answers: HistoryAnswers) -> None:
    made(runs, method="lora")
    made(runs, kind="comparison", method="comparison")
    choices = answers.count({"language": "zh-CN"})["choices"]
    assert choices["method"] == [["comparison", "比较"], ["lora", "LoRA"]]
    assert choices["state"] == [["queued", "排队中"]]


def test_curves_go_on_from_what_was_seen(runs: Runs, answers: HistoryAnswers) -> None:
    run_id, gone = made(runs), made(runs)
    runs.delete(gone)
    runs.history.purge(gone)
    runs.store.append(run_id, [told(step) for step in (1, 2, 3)])
    (entry,) = answers.curves(asked(runs=[run_id, gone]))["entries"]
    assert entry["row"]["id"] == run_id
    (curves,) = entry["curves"]
    assert [step for step, *_ in curves["train"]["points"]] == [1, 2, 3]
    runs.store.append(run_id, [told(4), told(4, "dev")])
    (entry,) = answers.curves(asked(runs=[run_id], seen={run_id: {"train": [1, 3]}}))["entries"]
    (curves,) = entry["curves"]
    assert [step for step, *_ in curves["train"]["points"]] == [4]
    assert curves["dev"]["points"] == [(4, 0.25, 0.5)]


def test_a_comparison_has_no_curve(runs: Runs, answers: HistoryAnswers) -> None:
    run_id = made(runs, kind="comparison", method="comparison")
    (entry,) = answers.curves(asked(runs=[run_id]))["entries"]
    assert entry["curves"] == []


def test_what_cannot_be_done_is_a_sentence(runs: Runs, answers: HistoryAnswers) -> None:
    run_id = made(runs, "mine")
    answer = answers.change({"language": "zh-CN", "run": run_id, "what": "purge"})
    assert "没有被删除" in answer["error"]
    answer = answers.change(asked(run=run_id, what="rename", value="x" * 201))
    assert "201 characters" in answer["error"]
    answer = answers.change(asked(run="../../etc", what="delete"))
    assert "There is no run" in answer["error"]
    assert answers.change(asked(run=run_id, what="rename", value="ours"))["row"]["name"] == "ours"


def test_settings_stand_beside_each_other_in_words(runs: Runs, answers: HistoryAnswers) -> None:
    group = runs.store.new_group()
    for seed in (1, 2):
        made(runs, seed=seed, group=group, settings={"encoder": "lstm", "learning_rate": 1e-3})
    other = made(runs, seed=1, settings={"encoder": "none", "keep_best": True})
    answer = answers.settings(asked(runs=[group, other]))
    assert answer["ids"] == [group, other]
    rows = {row["name"]: row for row in answer["rows"]}
    assert rows["Seed"]["texts"] == ["1, 2", "1"]
    assert rows["Prompt encoder"]["texts"] == ["LSTM, published", "None"]
    assert rows["Learning rate"]["texts"] == ["0.001", ""]
    assert rows["Keep the best on dev"]["texts"] == ["", "yes"]
    assert rows["Method"]["same"]
    assert not rows["Seed"]["same"]
    assert rows["Verbalizer"]["texts"][0] == "negative: bad; positive: good"


def test_a_setting_without_a_name_is_called_by_its_own() -> None:
    assert setting_name("unheard_of", "zh-CN") == "unheard_of"
    assert setting_name("shots", "zh-CN") != "shots"
    assert setting_text("unheard_of", ["a", {"b": 1}], "en") == "a, b: 1"
