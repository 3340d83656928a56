"""Few-shot sampling: balanced, disjoint, and the same for the same seed."""

import pandas as pd
import pytest

from playground.errors import DataError, SettingsError
from playground.tasks import draw, draw_each, evaluation_rows, few_shot, few_shot_and_rest


def table_of(rows: int = 20, labels: str = "abc", **columns: object) -> pd.DataFrame:
    names = [f"{label}{i}" for i in range(rows) for label in labels]
    return pd.DataFrame({"text": names, "label": [name[0] for name in names]}).assign(**columns)


def counts(table: pd.DataFrame) -> dict[str, int]:
    return table["label"].value_counts().to_dict()


def test_the_draw_is_balanced_and_disjoint():
    train, dev = few_shot(table_of(), 4, seed=13, dev_shots=5)
    assert counts(train) == {"a": 4, "b": 4, "c": 4}
    assert counts(dev) == {"a": 5, "b": 5, "c": 5}
    texts = [*train["text"], *dev["text"]]
    assert len(set(texts)) == len(texts)
    for drawn in (train, dev):
        assert [text[0] for text in drawn["text"]] == drawn["label"].tolist()
        assert list(drawn.index) == list(range(len(drawn)))


def test_the_seed_settles_it():
    table = table_of()
    first, again = few_shot(table, 4, seed=13), few_shot(table, 4, seed=13)
    other = few_shot(table, 4, seed=21)
    for a, b, c in zip(first, again, other, strict=True):
        pd.testing.assert_frame_equal(a, b)
        assert set(a["text"]) != set(c["text"])


def test_labels_are_mixed():
    train, _ = few_shot(table_of(), 10, seed=13)
    labels = train["label"].tolist()
    assert labels != sorted(labels)


def test_the_table_is_left_as_it_was():
    table = table_of()
    before = table.copy()
    few_shot(table, 4, seed=13)
    pd.testing.assert_frame_equal(table, before)


def test_splits_are_kept_apart():
    table = table_of()
    table["split"] = ["train", "train", "dev", "test"] * (len(table) // 4)
    train, dev = few_shot(table, 5, seed=13, dev_shots=5)
    assert set(train["split"]) == {"train"}
    assert set(dev["split"]) == {"dev"}
    assert counts(dev) == {"a": 5, "b": 5, "c": 5}


def test_the_rest_is_what_was_drawn_for_neither():
    table = table_of()
    train, dev, rest = few_shot_and_rest(table, 4, seed=13, dev_shots=5)
    for drawn, expected in zip((train, dev), few_shot(table, 4, 13, dev_shots=5), strict=True):
        pd.testing.assert_frame_equal(drawn, expected)
    texts = [*train["text"], *dev["text"], *rest["text"]]
    assert sorted(texts) == sorted(table["text"])
    assert list(rest.index) == list(range(len(rest)))


def test_rows_to_test_on_are_no_rest():
    table = table_of(split=["train", "train", "dev", "test", "more"] * 12)
    *_, rest = few_shot_and_rest(table, 4, seed=13, dev_shots=2)
    assert rest["split"].value_counts().to_dict() == {"train": 12, "dev": 6, "more": 12}


def test_a_smaller_dev_set_is_taken_as_it_is():
    train, dev = few_shot(table_of(6), 4, seed=13, dev_shots=32)
    assert counts(train) == {"a": 4, "b": 4, "c": 4}
    assert counts(dev) == {"a": 2, "b": 2, "c": 2}


def test_all_rows_may_be_asked_for():
    train, dev = few_shot(table_of(6), 6, seed=13)
    assert len(train) == 18
    assert len(dev) == 0
    assert list(dev.columns) == list(train.columns)


def test_rows_of_one_index_are_still_rows_of_their_own():
    halves = [table_of(5, "ab"), table_of(5, "ab").assign(text=lambda t: t["text"] + "!")]
    train, dev = few_shot(pd.concat(halves), 4, seed=13, dev_shots=4)
    assert counts(train) == counts(dev) == {"a": 4, "b": 4}
    assert not set(train["text"]) & set(dev["text"])


def test_too_few_rows_are_told_with_the_label():
    table = pd.concat([table_of(9, "ab"), table_of(3, "c")], ignore_index=True)
    with pytest.raises(DataError) as caught:
        few_shot(table, 4, seed=13)
    error = caught.value
    assert error.code == "data.too_few_rows"
    assert (error.details["given"], error.details["rows"], error.details["shots"]) == ("c", 3, 4)


def test_no_labels():
    with pytest.raises(DataError) as caught:
        few_shot(pd.DataFrame({"text": ["a"]}), 1, seed=13)
    assert caught.value.code == "data.no_label_column"


def test_a_split_without_rows_to_train_on():
    with pytest.raises(DataError) as caught:
        few_shot(table_of(split="test"), 4, seed=13)
    assert caught.value.code == "data.no_train_rows"


@pytest.mark.parametrize("shots", [0, -1])
def test_no_shots(shots):
    with pytest.raises(SettingsError) as caught:
        few_shot(table_of(), shots, seed=13)
    assert caught.value.field == "shots"


def test_rows_to_measure_on_are_those_of_the_split():
    splits = ["train", "dev", "test"] * 20
    rows, train = evaluation_rows(table_of(split=splits))
    assert set(rows["split"]) == {"test"}
    assert set(train["split"]) == {"train"}
    assert list(rows.index) == list(range(20))
    rows, _ = evaluation_rows(table_of(split=["train", "dev", "dev"] * 20))
    assert set(rows["split"]) == {"dev"}
    rows, train = evaluation_rows(table_of(split="train"))
    assert len(rows) == len(train) == 60


def test_without_a_split_all_rows_are_measured_on():
    rows, train = evaluation_rows(table_of())
    assert rows.equals(table_of())
    assert train.empty
    assert list(train.columns) == list(rows.columns)


def test_rows_are_drawn_by_the_seed():
    table = table_of()
    drawn = draw(table, 10, 13)
    assert drawn.equals(draw(table, 10, 13))
    assert not drawn.equals(draw(table, 10, 14))
    assert len(set(drawn["text"])) == 10
    assert set(draw(table, 100, 13)["text"]) == set(table["text"])


def test_as_many_rows_of_each_label_as_there_are():
    table = pd.concat([table_of(), pd.DataFrame({"text": ["d0"], "label": ["d"]})])
    assert counts(draw_each(table, 6, 13)) == {"a": 6, "b": 6, "c": 6, "d": 1}
    assert draw_each(table.head(0), 6, 13).empty
