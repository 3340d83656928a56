"""The built-in sets are complete, balanced and clean, and their prompts can be used as they are."""

import pytest

from playground.errors import DataError
from playground.tasks import built_in_tasks, load_task

SETS = {"reviews": 2, "reviews-zh": 2, "news": 4}
SIZES = {"train": 64, "dev": 32, "test": 100}  # rows a class


@pytest.fixture(params=SETS)
def task(request):
    return load_task(request.param)


def test_there_are_three():
    assert set(built_in_tasks()) == set(SETS)


def test_sizes_and_balance(task):
    assert set(task.table["split"]) == set(SIZES)
    for split, size in SIZES.items():
        counts = task.split(split)["label"].value_counts()
        assert len(counts) == SETS[task.name]
        assert set(counts) == {size}


def test_no_text_stands_twice(task):
    plain = task.table["text"].str.casefold().str.replace(r"\W+", "", regex=True)
    assert not plain.duplicated().any()
    assert plain.str.len().min() > 0
    assert (task.table["text"] == task.table["text"].str.strip()).all()


def test_starting_prompts_fit_the_rows(task):
    row = task.split("train").iloc[0].to_dict()
    labels = set(task.table["label"])
    assert task.templates
    assert task.verbalizers
    for start in task.templates:
        start.template.check_fields(["text"])
        assert start.template.render(row)
        assert start.source
    assert any(start.template.is_prefix for start in task.templates)
    for start in task.verbalizers:
        assert set(start.verbalizer.labels) == labels
        assert start.source


def test_they_say_what_they_are(task):
    assert set(task.title) == {"en", "zh-CN"}
    assert all(task.title.values())
    assert task.language == ("zh" if task.name == "reviews-zh" else "en")
    assert set(task.table.columns) == {"text", "label", "split"}


def test_a_split_is_a_table_of_its_own(task):
    dev = task.split("dev")
    dev["text"] = "spoilt"
    assert "spoilt" not in set(task.split("dev")["text"])


def test_a_name_that_is_none_of_them():
    with pytest.raises(DataError) as caught:
        load_task("sst2")
    assert caught.value.code == "data.no_such_task"
    assert "reviews-zh" in str(caught.value)
