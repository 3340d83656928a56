"""A training over several seeds: each as it would be alone, and what they say together."""

import statistics

import pandas as pd
import pytest

import playground as pg
from playground.methods.seeds import chosen_seeds
from playground.methods.spread import Spread
from tests import tiny

SHORT = {"steps": 4, "batch_size": 4, "dev_every": 2, "soft_tokens": 2}


@pytest.fixture(scope="module")
def table():
    return tiny.toy_rows(80)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(toy, table, told):
    prompt = (toy.model, toy.template, toy.verbalizer)
    return pg.train_seeds(
        *("p-tuning", *prompt, table), shots=6, seeds=(5, 3, 8), on_event=told.append, **SHORT
    )


def test_every_seed_draws_its_own_rows_and_ends_where_it_would_alone(result, toy, table):
    assert result.table.index.tolist() == [5, 3, 8]
    texts = [f"a {word} film" for word in ("good", "bad", "wonderful")]
    for seed, prompt in zip((5, 3, 8), result.prompts, strict=True):
        train, dev = pg.few_shot(table, 6, seed)
        prompts = (toy.model, toy.template, toy.verbalizer)
        alone = pg.train("p-tuning", *prompts, train, dev, seed=seed, **SHORT)
        rows = [{"text": text} for text in texts]
        assert prompt.classify(rows).equals(alone.classify(rows))
        right = (alone.classify(dev)["prediction"] == dev["label"]).mean()
        assert result.table["dev_accuracy"][seed] == pytest.approx(right)


def test_the_summary_is_the_mean_and_the_sample_deviation(result):
    for name, row in result.summary.iterrows():
        values = result.table[name].tolist()
        assert row["mean"] == pytest.approx(statistics.fmean(values))
        assert row["sd"] == pytest.approx(statistics.stdev(values))
        assert row["seeds"] == 3
    accuracy = result.summary.loc["dev_accuracy"]
    assert f"{result.dev_accuracy:.2f}" == f"{accuracy['mean']:.2f} ± {accuracy['sd']:.2f}"


def test_every_event_tells_its_seed(result, told):
    assert [e["seed"] for e in told if e["split"] == "start"] == [5, 3, 8]
    steps = [(e["seed"], e["step"]) for e in told if e["split"] == "train"]
    assert steps == [(seed, step) for seed in (5, 3, 8) for step in (1, 2, 3, 4)]


def test_the_best_is_the_one_of_the_highest_accuracy_then_of_the_lowest_loss(result):
    columns = list(result.table.columns)
    table = pd.DataFrame([[0.5, 0.7, 0.3], [0.5, 0.8, 0.4], [0.5, 0.8, 0.2]], columns=columns)
    assert pg.SeedsResult(result.prompts, table).best is result.prompts[2]


def test_without_dev_rows_nothing_is_said_of_them(toy):
    rows = tiny.toy_rows(4)
    prompt = (toy.model, toy.template, toy.verbalizer)
    found = pg.train_seeds("p-tuning", *prompt, rows, shots=2, seeds=2, steps=1, soft_tokens=1)
    assert found.dev_accuracy is None
    assert found.summary["seeds"].tolist() == [0, 0, 0]
    assert found.best is found.prompts[0]


def test_what_keeps_its_best_is_measured_by_that(toy, table):
    prompt = (toy.model, toy.template, toy.verbalizer)
    events = []
    found = pg.train_seeds(
        *("p-tuning", *prompt, table),
        **{**SHORT, "steps": 12, "learning_rate": 0.5},
        shots=6,
        seeds=[4],
        keep_best=True,
        on_event=events.append,
    )
    best = max(
        (e for e in events if e["split"] == "dev"), key=lambda e: (e["accuracy"], -e["loss"])
    )
    assert found.table["dev_accuracy"][4] == best["accuracy"]
    assert found.prompts[0].step == best["step"]


def test_seeds_are_counted_or_named():
    assert chosen_seeds(3, 13) == (13, 14, 15)
    assert chosen_seeds([13, 21, 42, 87, 100], 0) == (13, 21, 42, 87, 100)
    for wrong in (0, 101, [], [1, 2, 1]):
        with pytest.raises(pg.SettingsError) as caught:
            chosen_seeds(wrong, 13)
        assert caught.value.code == "settings.seeds"


def test_mistakes_are_told_before_the_first_step(toy, table):
    prompt = (toy.model, toy.template, toy.verbalizer)
    with pytest.raises(pg.DataError):
        pg.train_seeds("p-tuning", *prompt, table, shots=100, on_event=pytest.fail)
    with pytest.raises(pg.SettingsError):
        pg.train_seeds("p-tuning", *prompt, table, shots=4, step=1, on_event=pytest.fail)


def test_a_spread_is_written_with_the_digits_asked_for():
    assert f"{Spread.of([0.7, None, 0.8]):.2f}" == "0.75 ± 0.07"
    assert f"{Spread.of([0.7]):.3f}" == "0.700"
    assert Spread.of([None]) is None
