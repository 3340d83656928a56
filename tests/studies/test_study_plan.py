"""What a study may be asked, and in which order its cells are trained."""

from collections.abc import Callable

import pandas as pd
import pytest

from playground.errors import DataError, SettingsError, TemplateError
from playground.studies import StudyPlan, StudySpec, cells_of
from playground.studies.grid import spread
from playground.tasks import with_test_rows

Planned = Callable[..., StudyPlan]


def test_the_grid_is_every_combination(planned: Planned) -> None:
    spec = planned(
        seeds=(1, 2, 3), templates=("{text} It was [MASK].", "[MASK]! {text}"), shots=(1, 2, 4)
    ).spec
    cells = cells_of(spec)
    assert len(cells) == spec.cells == len(set(cells)) == 2 * 3 * 2 * 3


def test_every_method_has_a_point_before_the_next_shots(planned: Planned) -> None:
    cells = cells_of(planned(shots=(1, 2, 4, 8), seeds=(1, 2)).spec)
    assert [cell.seed for cell in cells] == [1] * 8 + [2] * 8
    assert [cell.point.shots for cell in cells[:8]] == [8, 8, 1, 1, 2, 2, 4, 4]
    for first, second in zip(cells[::2], cells[1::2], strict=True):
        assert [first.point.method, second.point.method] == ["prompt-tuning", "head-fine-tuning"]


@pytest.mark.parametrize(
    ("values", "order"),
    [([5], [5]), ([1, 2], [2, 1]), ([1, 2, 4, 8, 16], [16, 1, 4, 2, 8])],
)
def test_shots_come_from_far_apart_to_close_by(values: list[int], order: list[int]) -> None:
    assert spread(values) == order


def test_all_are_reached_however_many() -> None:
    for count in range(1, 40):
        assert sorted(spread(range(count))) == list(range(count))


def test_values_count_once_and_shots_go_upwards(planned: Planned) -> None:
    spec = planned(shots=(4, 1, 4), templates=("{text}  [MASK]", "{text}  [MASK]")).spec
    assert spec.shots == (1, 4)
    assert len(spec.templates) == 1


def test_seeds_may_be_counted(planned: Planned) -> None:
    assert planned(seeds=3).spec.seeds == (13, 14, 15)


def test_it_survives_as_json(planned: Planned) -> None:
    spec = planned(settings={"prompt-tuning": {"steps": 3, "learning_rate": 0.1}}).spec
    assert StudySpec.from_json(spec.model_dump_json()) == spec
    assert StudySpec.checked(spec.read_verbalizer(), **spec.asked()) == spec
    with pytest.raises(SettingsError) as told:
        StudySpec.from_json("{}")
    assert told.value.code == "studies.bad_file"


def test_nobody_looks_often_unless_it_is_asked_for(planned: Planned) -> None:
    plain = planned(settings={"prompt-tuning": {"steps": 80}}).spec
    assert plain.settings_of("prompt-tuning", 13)["dev_every"] == 20
    asked = planned(settings={"prompt-tuning": {"dev_every": 3, "steps": 80}}).spec
    assert asked.settings_of("prompt-tuning", 13)["dev_every"] == 3
    best = planned(settings={"prompt-tuning": {"keep_best": True}}).spec
    assert "dev_every" not in best.settings_of("prompt-tuning", 13)


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"methods": ("no-such",)}, SettingsError, "settings.no_such_method"),
        ({"methods": (), "settings": {}}, SettingsError, "studies.nothing_chosen"),
        ({"shots": (0,)}, SettingsError, "studies.invalid"),
        ({"seeds": (1, 1)}, SettingsError, "settings.seeds"),
        ({"settings": {"p-tuning": {}}}, SettingsError, "studies.other_method"),
        ({"settings": {"prompt-tuning": {"steps": 0}}}, SettingsError, "settings.invalid"),
        ({"seeds": tuple(range(100)), "shots": range(1, 40)}, SettingsError, None),
        ({"templates": ("{text} [MASK",)}, TemplateError, None),
        ({"templates": ("{review} [MASK]",)}, TemplateError, None),
        ({"shots": (9,)}, DataError, "data.too_few_rows"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(
    planned: Planned, fields: dict[str, object], error: type[Exception], code: str | None
) -> None:
    with pytest.raises(error) as told:
        planned(**fields)
    assert code is None or getattr(told.value, "code", None) == code


class TestTestRows:
    def test_rows_that_are_there_stay(self, films: pd.DataFrame) -> None:
        pd.testing.assert_frame_equal(with_test_rows(films), films)

    def test_without_splits_each_label_gives_a_quarter(self, films: pd.DataFrame) -> None:
        split = with_test_rows(films.drop(columns="split"))
        counts = split.groupby(["split", "label"]).size()
        assert set(counts[["test", "dev"]]) == {4}
        assert set(counts["train"]) == {8}
        again = with_test_rows(films.drop(columns="split"))
        pd.testing.assert_frame_equal(split, again)

    def test_with_dev_rows_alone_half_of_them_are_for_the_test(self, films: pd.DataFrame) -> None:
        split = with_test_rows(films[films["split"] != "test"])
        assert split["split"].value_counts().to_dict() == {"train": 16, "dev": 4, "test": 4}

    def test_of_very_many_a_thousand_are_drawn(self, films: pd.DataFrame) -> None:
        many = pd.concat([films] * 200)
        split = with_test_rows(many)
        assert (split["split"] == "test").sum() == 1000
        assert (split["split"] == "train").sum() == (many["split"] == "train").sum()
