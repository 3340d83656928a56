"""Curves that are thinned by step, and go on where they were read before."""

from collections.abc import Callable

import pytest

from playground.runs import RunSpec, RunStore, read_curve
from playground.runs.curves import MOST_POINTS

LONG = 20_000


@pytest.fixture
def run_id(store: RunStore, spec: Callable[..., RunSpec]) -> str:
    return store.create(spec())


def train(store: RunStore, run_id: str, *steps: int) -> None:
    told = [{"step": step, "split": "train", "loss": 1 / step, "accuracy": 0.5} for step in steps]
    with store.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO events (run, step, split, payload) VALUES (?, ?, 'train', json(?))",
            [(run_id, at["step"], str(at).replace("'", '"')) for at in told],
        )


def test_a_short_run_is_read_whole(store: RunStore, run_id: str) -> None:
    assert read_curve(store, run_id, "train").points == []
    train(store, run_id, *range(1, 11))
    store.append(run_id, [{"step": 5, "split": "dev", "loss": None, "accuracy": 0.75}])
    found = read_curve(store, run_id, "train", steps=10)
    assert found.stride == 1
    assert found.points == [(step, 1 / step, 0.5) for step in range(1, 11)]
    assert read_curve(store, run_id, "dev").points == [(5, None, 0.75)]
    assert read_curve(store, "000000000000", "train").points == []


def test_a_long_run_has_one_point_a_stretch(store: RunStore, run_id: str) -> None:
    train(store, run_id, *range(1, LONG + 1))
    found = read_curve(store, run_id, "train")
    assert MOST_POINTS / 2 < len(found.points) <= MOST_POINTS
    steps = [step for step, *_ in found.points]
    assert steps == [1, *range(found.stride, LONG + 1, found.stride)]
    assert all(loss == 1 / step for step, loss, _ in found.points)


def test_a_stretch_without_an_event_has_no_point(store: RunStore, run_id: str) -> None:
    train(store, run_id, 3, 7, 1000, 1003, 1017, 9000)
    found = read_curve(store, run_id, "train", steps=9000)
    assert found.stride == 16
    assert [step for step, *_ in found.points] == [3, 1000, 1017, 9000]


def test_what_is_new_joins_what_was_seen(store: RunStore, run_id: str) -> None:
    whole: list[tuple[int, float | None, float | None]] = []
    for first in range(1, 5000, 330):
        train(store, run_id, *range(first, first + 330))
        seen = (16, whole[-1][0]) if whole else None
        found = read_curve(store, run_id, "train", steps=9000, seen=seen)
        assert found.stride == 16
        whole += found.points
    assert whole == read_curve(store, run_id, "train", steps=9000).points


def test_another_stride_gives_all_again(store: RunStore, run_id: str) -> None:
    train(store, run_id, *range(1, MOST_POINTS))
    first = read_curve(store, run_id, "train")
    train(store, run_id, *range(MOST_POINTS, MOST_POINTS + 200))
    second = read_curve(store, run_id, "train", seen=(first.stride, first.points[-1][0]))
    assert (first.stride, second.stride) == (1, 2)
    assert second.points[0][0] == 1


def test_runs_of_as_many_steps_have_points_at_the_same_ones(
    store: RunStore, spec: Callable[..., RunSpec]
) -> None:
    whole, stopped = store.create(spec()), store.create(spec())
    train(store, whole, *range(1, 2001))
    train(store, stopped, *range(1, 301))
    points = read_curve(store, stopped, "train", steps=2000).points
    assert {step for step, *_ in points} <= {
        step for step, *_ in read_curve(store, whole, "train", steps=2000).points
    }
