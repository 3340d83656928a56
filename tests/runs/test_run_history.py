"""Names, notes and tags, search, deleting with undo, and in what runs differ."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.errors import RunError
from playground.runs import (
    Filter,
    Group,
    History,
    Runs,
    RunSpec,
    RunStore,
    differences,
    settings_of,
)
from playground.runs.folder import replace_folder

Spec = Callable[..., RunSpec]
MANY = 10_000


@pytest.fixture
def history(store: RunStore) -> History:
    return History(store)


def made(store: RunStore, spec: RunSpec, **others: object) -> str:
    return store.create(spec.model_copy(update=others))


def found(history: History, *, before: str | None = None, limit: int = 50, **wanted: object):
    return [entry.id for entry in history.search(Filter(**wanted), before, limit)]


def code(call: Callable[[], object]) -> str:
    with pytest.raises(RunError) as caught:
        call()
    return caught.value.code


def test_a_run_gets_a_name_a_note_and_tags(store: RunStore, spec: Spec, history: History) -> None:
    run_id, other = store.create(spec("first", steps=7)), store.create(spec("second"))
    history.rename(run_id, "  the   best  of all 好 ")
    history.set_note(run_id, " Try again\nwith more shots. ")
    history.set_tags(run_id, ["kept ", "a", "kept", "", "电影"])
    entry = history.entry(run_id)
    assert store.get(run_id).name == entry.standing.name == "the best of all 好"
    assert store.get(run_id).spec.settings == {"steps": 7}
    assert (entry.note, entry.tags) == ("Try again\nwith more shots.", ("a", "kept", "电影"))
    assert (history.entry(other).note, history.entry(other).tags) == ("", ())
    history.set_tags(run_id, [])
    assert history.entry(run_id).tags == ()
    assert history.entry(run_id).note


def test_what_is_too_long_or_no_tag_is_refused(
    store: RunStore, spec: Spec, history: History
) -> None:
    run_id = store.create(spec("first"))
    assert code(lambda: history.rename(run_id, "x" * 201)) == "runs.long_text"
    assert code(lambda: history.set_note(run_id, "x" * 4001)) == "runs.long_text"
    for tags in (["a,b"], ["x" * 41], [str(number) for number in range(21)]):
        assert code(lambda tags=tags: history.set_tags(run_id, tags)) == "runs.bad_tags"
    assert history.entry(run_id).tags == ()
    assert store.get(run_id).name == "first"


@pytest.mark.parametrize("run_id", ["000000000000", "group-000000000000", "", "../../etc"])
def test_what_is_not_there_is_a_sentence(history: History, run_id: str) -> None:
    for call in (history.entry, history.hide, history.restore, history.purge, history.bytes_of):
        assert code(lambda call=call: call(run_id)) == "runs.unknown"
    for set_it in (history.rename, history.set_note, history.set_tags):
        assert code(lambda set_it=set_it: set_it(run_id, "x")) == "runs.unknown"


def test_every_word_is_looked_for_in_name_note_tags_and_template(
    store: RunStore, spec: Spec, history: History
) -> None:
    first = store.create(spec("Été à Paris"))
    second = made(store, spec("100%_sure"), template="{text} Ein [MASK] Film.")
    third = store.create(spec("plain"))
    history.set_note(third, "compare with paris")
    history.set_tags(second, ["电影评论"])
    assert found(history, text="PARIS") == [third, first]
    assert found(history, text="été paris") == [first]
    assert found(history, text="paris plain") == [third]
    assert found(history, text="影评") == found(history, text="ein FILM") == [second]
    assert found(history, text="0%_s") == [second]
    assert found(history, text="%") == [second]
    assert found(history, text="'; DROP TABLE runs; --") == []
    assert found(history, text="  ") == [third, second, first]


def test_filters_hold_together(store: RunStore, spec: Spec, history: History) -> None:
    one = made(store, spec(), dataset="news", method="lora")
    two = made(store, spec(), dataset="news", kind="comparison", method="comparison")
    three = made(store, spec(), dataset="reviews", model="a/b", study="a study")
    store.set_state(two, "failed")
    history.set_tags(three, ["best", "b"])
    assert found(history, dataset="news") == [two, one]
    assert found(history, dataset="news", kind="training") == [one]
    assert found(history, method="lora") == [one]
    assert found(history, model="a/b") == found(history, tag="best") == [three]
    assert found(history, study="a study") == [three]
    assert found(history, study="", dataset="news") == [two, one]
    assert found(history, tag="bes") == []
    assert found(history, state="failed") == [two]
    assert found(history, state="failed", method="lora") == []


def test_the_choices_are_what_kept_runs_have(store: RunStore, spec: Spec, history: History) -> None:
    assert set().union(*history.choices().values()) == set()
    made(store, spec(), dataset="news", method="lora", study="a study")
    two = made(store, spec(), dataset="reviews", model="a/b")
    gone = made(store, spec(), method="magic", model="c")
    store.set_state(two, "finished")
    history.set_tags(two, ["好", "a"])
    history.set_tags(gone, ["gone"])
    history.hide(gone)
    assert history.choices() == {
        "kind": ["training"],
        "method": ["lora", "p-tuning"],
        "dataset": ["news", "reviews"],
        "model": ["a/b", "pocket-bert"],
        "study": ["a study"],
        "state": ["finished", "queued"],
        "tag": ["a", "好"],
    }


def test_entries_are_counted_as_they_are_found(
    store: RunStore, spec: Spec, history: History
) -> None:
    group_id = store.new_group()
    for seed in (1, 2):
        made(store, spec("together"), seed=seed, group=group_id)
    gone = store.create(spec("gone"))
    store.create(spec("alone"))
    history.hide(gone)
    for wanted in (Filter(), Filter(text="gether"), Filter(deleted=True), Filter(method="no")):
        assert history.count(wanted) == len(history.search(wanted))
    assert history.count() == 2


def test_a_group_is_one_entry_with_its_runs(store: RunStore, spec: Spec, history: History) -> None:
    alone = store.create(spec("before"))
    group_id = store.new_group()
    seeds = [made(store, spec(f"of two · {n}"), seed=n, group=group_id) for n in (1, 2)]
    late = store.create(spec("after"))
    assert found(history) == [late, group_id, alone]
    assert found(history, limit=2) == [late, group_id]
    assert found(history, before=group_id) == [alone]
    store.set_state(seeds[1], "finished")
    store.append(seeds[1], [{"step": 1, "split": "dev", "accuracy": 0.75, "loss": 0.1}])
    (entry,) = history.search(Filter(state="finished"))
    assert isinstance(entry.standing, Group)
    assert [run.id for run in entry.runs] == seeds
    assert entry.standing.accuracies == [None, 0.75]

    history.rename(group_id, "both")
    history.set_tags(group_id, ["seeds"])
    assert [store.get(run_id).name for run_id in seeds] == ["both · 1", "both · 2"]
    assert history.entry(group_id).standing.name == "both"
    assert history.entry(group_id).tags == history.entry(seeds[1]).tags == ("seeds",)
    history.hide(seeds[0])
    assert [run.id for run in history.search(Filter(tag="seeds"))[0].runs] == [seeds[1]]
    assert [run.id for run in history.search(Filter(deleted=True))[0].runs] == [seeds[0]]


def test_a_deleted_run_is_nowhere_until_it_is_restored(runs: Runs, spec: Spec) -> None:
    store, history = runs.store, runs.history
    kept, gone = store.create(spec("kept")), store.create(spec("gone"))
    store.append(gone, [{"step": 1, "split": "train", "loss": 0.5}])
    history.set_tags(gone, ["mine"])
    runs.delete(gone)
    assert [run.id for run in runs.list()] == found(history) == [kept]
    assert store.ids("queued") == [kept]
    assert found(history, deleted=True) == found(history, deleted=True, text="GONE") == [gone]
    for call in (runs.get, runs.events, runs.resume, runs.stop, runs.prompt_folder, runs.delete):
        assert code(lambda call=call: call(gone)) == "runs.unknown"
    assert store.folder(gone).path.is_dir()

    history.restore(gone)
    assert [run.id for run in runs.list()] == [gone, kept]
    assert runs.get(gone).state == "stopped"  # it was queued, and is in no queue any more
    assert len(runs.events(gone)["events"]) == 1
    assert history.entry(gone).tags == ("mine",)
    history.restore(gone)  # no matter


def test_purging_forgets_deleted_runs_alone(store: RunStore, spec: Spec, history: History) -> None:
    kept, first, second = (store.create(spec()) for _ in range(3))
    assert code(lambda: history.purge(kept)) == "runs.not_deleted"
    history.hide(first)
    history.hide(second)
    assert history.purge(seconds=3600) == 0
    assert history.purge(first) == 1
    assert code(lambda: history.restore(first)) == "runs.unknown"
    assert sorted(path.name for path in (store.home / "runs").iterdir()) == [kept, second]
    assert history.purge() == 1
    assert history.purge() == 0
    assert [path.name for path in (store.home / "runs").iterdir()] == [kept]
    assert store.database.read("SELECT run FROM marks") == []


def test_an_app_that_starts_purges_what_was_deleted_long_ago(runs: Runs, spec: Spec) -> None:
    lately, long_ago = runs.store.create(spec()), runs.store.create(spec())
    for run_id in (lately, long_ago):
        runs.delete(run_id)
    runs.store.database.write(
        "UPDATE marks SET deleted = ? WHERE run = ?", (time.time() - 31 * 24 * 3600, long_ago)
    )
    runs.warm()
    assert found(runs.history, deleted=True) == [lately]


def test_disk_used_by_one_by_a_group_and_by_all(
    store: RunStore, spec: Spec, history: History
) -> None:
    group_id = store.new_group()
    first, second = (made(store, spec(), group=group_id) for _ in range(2))
    (store.folder(first).path / "train.csv").write_bytes(b"x" * 1000)
    store.folder(first).prompt.mkdir()
    (store.folder(first).prompt / "prompt.json").write_bytes(b"x" * 50)
    (store.folder(second).path / "train.csv").write_bytes(b"x" * 7)
    assert history.bytes_of(first) == 1050
    assert history.bytes_of(group_id) == 1057
    assert history.all_bytes() >= 1057 + history.database.path.stat().st_size
    history.hide(first)
    assert history.bytes_of(first) == 1050


def test_the_disk_used_follows_what_comes_and_goes(
    store: RunStore, spec: Spec, history: History
) -> None:
    first, second = store.create(spec()), store.create(spec())
    before = history.all_bytes()
    (store.folder(first).path / "train.csv").write_bytes(b"x" * 5_000_000)
    assert 5_000_000 <= history.all_bytes() - before < 6_000_000
    replace_folder(
        store.folder(second).checkpoint,
        lambda folder: (folder / "state.safetensors").write_bytes(b"x" * 7_000_000),
    )
    assert 12_000_000 <= history.all_bytes() - before < 13_000_000
    history.hide(first)
    history.purge(first)
    assert 7_000_000 <= history.all_bytes() - before < 8_000_000


def test_ten_thousand_runs_are_read_page_by_page(
    store: RunStore, spec: Spec, history: History
) -> None:
    ids = [f"{number:012}" for number in range(MANY)]
    base = spec()
    rows = [
        (
            run_id,
            "2026-01-01T00:00:00+00:00",
            base.model_copy(
                update={
                    "name": f"run {number}",
                    "group": f"group-{ids[number // 100 * 100]}" if number % 100 < 5 else "",
                }
            ).model_dump_json(),
        )
        for number, run_id in enumerate(ids)
    ]
    with store.database.transaction() as connection:
        connection.executemany("INSERT INTO runs (id, created, spec) VALUES (?, ?, ?)", rows)
    history.set_tags(ids[77], ["needle"])

    seen: list[str] = []
    while page := found(history, before=seen[-1] if seen else None, limit=1000):
        seen += page
    assert len(seen) == len(set(seen)) == MANY - 4 * MANY // 100
    assert [one[-12:] for one in seen] == sorted((one[-12:] for one in seen), reverse=True)
    assert found(history, tag="needle") == [ids[77]]
    assert found(history, text="run 9876") == [ids[9876]]
    assert found(history, text="run 9902") == [f"group-{ids[9900]}"]
    plan = store.database.read(
        "EXPLAIN QUERY PLAN SELECT id FROM runs WHERE "
        "substr(coalesce(nullif(json_extract(spec, '$.group'), ''), id), -12) = ?",
        ("x",),
    )
    assert "runs_in_entries" in str(plan)


def test_a_home_of_before_there_were_marks_opens(
    store: RunStore, spec: Spec, tmp_path: Path
) -> None:
    run_id = store.create(spec("old"))
    with sqlite3.connect(store.database.path) as connection:
        connection.executescript(
            "DROP VIEW kept; DROP TABLE marks; DROP INDEX runs_in_entries;"
            "UPDATE runs SET spec = json_remove(spec, '$.kind', '$.group', '$.name')"
        )
    again = RunStore(tmp_path / "home")
    history = History(again)
    assert [run.id for run in again.list()] == [run_id]
    assert found(history, kind="training") == found(history, text="it was") == [run_id]
    history.set_note(run_id, "still here")
    assert found(history, text="still") == [run_id]
    again.close()


def test_the_difference_names_only_what_is_not_the_same(store: RunStore, spec: Spec) -> None:
    one = store.get(store.create(spec("one", steps=7, learning_rate=0.1)))
    two = store.get(store.create(spec("two", steps=7, learning_rate=0.2, patience=3)))
    three = store.get(made(store, spec("three", steps=7, learning_rate=0.1), seed=42))
    assert differences([one, two, three]) == {
        "seed": [13, 13, 42],
        "learning_rate": [0.1, 0.2, 0.1],
        "patience": [None, 3, None],
    }
    assert differences([one]) == {}


def test_all_settings_of_a_run_beside_those_of_a_group(
    store: RunStore, spec: Spec, history: History
) -> None:
    group_id = store.new_group()
    for seed in (1, 2):
        made(store, spec(steps=7), seed=seed, group=group_id)
    alone = store.get(store.create(spec(steps=7)))
    group = history.entry(group_id).standing
    found = settings_of([group, alone])
    assert found["seed"] == [[1, 2], 13]
    assert found["steps"] == [7, 7]
    assert found["template"] == ["{text} It was [MASK]."] * 2
    assert not {"name", "group", "settings"} & set(found)
    assert differences([group, alone]) == {"seed": [[1, 2], 13]}


def test_timed_steps_of_a_study_are_listed_only_when_asked_for(
    store: RunStore, spec: Callable[..., RunSpec]
) -> None:
    plain = store.create(spec("plain"))
    timing = store.create(spec("timing").model_copy(update={"kind": "timing"}))
    history = History(store)
    assert [entry.id for entry in history.search()] == [plain]
    assert [entry.id for entry in history.search(Filter(kind="timing"))] == [timing]
