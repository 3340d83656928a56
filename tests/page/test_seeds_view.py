"""Runs over several seeds in the Train tab: their mean, each of them, and the best one's prompt."""

import csv
import re
import statistics
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.server import Server


def state(page: Page, word: str) -> None:
    expect(page.locator(".pg-seeds .pg-run-state")).to_have_text(word)


def curves(page: Page) -> dict[str, list[list[float]]]:
    """The lines of the accuracy by what they show, as their values over the steps."""
    drawn: dict[str, list[list[float]]] = page.evaluate(
        "() => Object.groupBy(document.querySelector('.pg-seeds .pg-run-card-accuracy"
        " .js-plotly-plot').data, trace => trace.meta)"
    )
    return {meta: [list(line["y"]) for line in lines] for meta, lines in _lines(drawn).items()}


def _lines(drawn: Any) -> dict[str, list[Any]]:
    return {meta: [line for line in lines if line["x"]] for meta, lines in drawn.items()}


def choose(page: Page, title: str) -> None:
    page.locator("#run-picker input").click()
    page.get_by_role("option", name=re.compile(title)).first.click()


@pytest.fixture
def train(page: Page) -> Page:
    """The visitor in the Train tab, with a training that is over soon."""
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#start")).to_be_enabled()
    page.locator("#setting-encoder input").click()
    page.get_by_role("option", name="None").click()
    page.locator("#setting-shots input").fill("4")
    return page


def start(page: Page, seeds: int, steps: int) -> None:
    page.locator("#setting-steps input").fill(str(steps))
    page.locator("#setting-seeds input").fill(str(seeds))
    page.locator("#start").click()
    expect(page.locator(".pg-seed-row")).to_have_count(seeds)


def test_seeds_are_drawn_with_their_mean_and_picked_one_by_one(
    train: Page, chromium: Browser, served: Server, tmp_path: Path
) -> None:
    start(train, 3, 20)
    expect(train.locator("#run-picker input")).to_have_value(re.compile(r"K=4 · 3 seeds"))
    expect(train.locator("#step")).to_be_disabled()
    train.reload()  # it goes on without the page, and the address names it
    state(train, "finished")
    values = [float(text) for text in train.locator(".pg-seed-value").all_text_contents()]
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    said = train.locator(".pg-seed-said")
    found = re.fullmatch(r"Dev accuracy (.*) ± (.*) over 3 seeds", said.text_content() or "")
    assert found
    assert float(found[1]) == pytest.approx(mean, abs=0.006)
    assert float(found[2]) == pytest.approx(deviation, abs=0.006)

    drawn = curves(train)
    assert [len(drawn[meta]) for meta in ("train_seed", "dev_seed", "train", "dev")] == [3, 3, 1, 1]
    (dev,), (low,), (high,) = drawn["dev"], drawn["dev_low"], drawn["dev_high"]
    assert len(dev) == 3  # steps 0, 10, 20
    for step, at in enumerate(zip(*drawn["dev_seed"], strict=True)):
        assert dev[step] == pytest.approx(statistics.fmean(at))
        assert high[step] - low[step] == pytest.approx(2 * statistics.stdev(at))

    with train.expect_download() as download:
        train.locator(".pg-seeds .pg-figure-data button").nth(1).click()
    download.value.save_as(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    last = [float(row["accuracy"]) for row in rows if row["split"] == "dev" and row["step"] == "20"]
    assert sorted(last) == pytest.approx(sorted(values), abs=6e-4)

    context = chromium.new_context(locale="zh-CN")  # a second window, in the other language
    second = context.new_page()
    second.goto(train.url)
    expect(second.locator(".pg-seed-said")).to_contain_text("3 个种子的验证准确率")
    context.close()

    best = values.index(max(values))
    train.locator(".pg-seed-row").nth(1).click()
    expect(train.locator(".pg-seeds")).to_have_count(0)
    expect(train.locator("#run .pg-run-state")).to_have_text("finished")
    expect(train.locator("#run-picker input")).to_have_value(re.compile("↳ .* · 14 · finished"))
    choose(train, "3 seeds")
    state(train, "finished")
    train.locator("#use-prompt").click()
    name = re.compile(f"K=4 · ({'|'.join(str(13 + i) for i in _ties(values, best))}) · 20 / 20")
    expect(train.locator("#trained-prompt input")).to_have_value(name)
    expect(train.locator("#chips .pg-chip-soft")).to_have_count(6)


def _ties(values: list[float], best: int) -> list[int]:
    return [place for place, value in enumerate(values) if value == values[best]]


def test_a_group_pauses_and_stop_ends_what_runs_and_what_waits(train: Page) -> None:
    start(train, 4, 2000)
    expect(train.locator(".pg-seed-row[data-state=running]")).to_have_count(2)
    expect(train.locator(".pg-seed-row[data-state=queued]")).to_have_count(2)
    expect(train.locator(".pg-seed-said")).to_contain_text("so far, over 2 of 4 seeds")
    train.locator("#pause").click()
    expect(train.locator(".pg-seed-row[data-state=paused]")).to_have_count(2)
    expect(train.locator("#resume")).to_be_enabled()
    train.locator("#resume").click()
    expect(train.locator(".pg-seed-row[data-state=running]")).to_have_count(2)
    train.locator("#stop").click()
    expect(train.locator(".pg-seed-row[data-state=stopped]")).to_have_count(4)
    state(train, "stopped")
    expect(train.locator("#use-prompt")).to_be_enabled()
