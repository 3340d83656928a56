"""When the learning rate rises, stays and falls."""

from datetime import datetime

import pytest

from playground.errors import SettingsError
from playground.models.pretraining.schedule import Progress, parse_time, until_step, until_time
from tests.pretraining import MASKED


def rates(budget):
    """The factor of the learning rate at each step until finished."""
    progress, found = Progress(), []
    while not progress.finished:
        left = budget(progress, 1.0)
        found.append(progress.rate(MASKED))
        progress.advance(MASKED, left)
    return found


def test_warm_up_then_stable_then_decay():
    found = rates(until_step(100))
    assert len(found) == 100
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert set(found[5:60]) == {1.0}
    decay = found[62:]
    assert decay == sorted(decay, reverse=True)
    assert found[-1] < 0.05


def test_a_training_by_the_clock_decays_in_time_though_it_was_held_up():
    now = 0.0
    progress = Progress()
    budget = until_time(100.0, clock=lambda: now)
    steps = 0
    while not progress.finished:
        progress.advance(MASKED, budget(progress, 1.0))
        now += 21.0 if steps == 85 else 1.0  # a pause in the middle of the decay
        steps += 1
    assert now == 107  # one step after the pause, which ended at 106
    assert steps == 87


def test_little_time_left_means_decaying_at_once():
    progress = Progress(step=1000)
    progress.advance(MASKED, left=20)
    assert progress.decayed == pytest.approx(1 / 20)


def test_a_time_of_day_is_the_next_one():
    noon = datetime(2024, 5, 1, 12, 0)
    assert parse_time("12:30", noon) == datetime(2024, 5, 1, 12, 30).timestamp()
    assert parse_time("11:45", noon) == datetime(2024, 5, 2, 11, 45).timestamp()
    with pytest.raises(SettingsError, match="no time of day"):
        parse_time("noon", noon)
