"""The learning-rate finder in a real browser: from its button to the rate in the form."""

import re
import time

from playwright.sync_api import Locator, Page, expect

from playground.runs import RunStore
from tests.page.conftest import PATIENCE
from tests.server import Server


def find(page: Page, batch: int) -> Locator:
    """Lets a rate be looked for, with so many examples a step; the sentence that ends it."""
    page.locator("#setting-encoder input").click()
    page.get_by_role("option", name="None").click()
    page.locator("#setting-batch_size input").fill(str(batch))
    page.locator("#find-learning-rate").click()
    card = page.locator("#learning-rate")
    expect(card.locator(".pg-run-state")).to_have_text(re.compile("finished"))
    return card.locator(".pg-rate-found")


def lines(page: Page) -> dict[str, list[float]]:
    """The rates at which the figure has points, by trace."""
    found: dict[str, list[float]] = page.evaluate(
        "() => Object.fromEntries(document.querySelector('#learning-rate .js-plotly-plot')"
        ".data.map(trace => [trace.meta, [...trace.x]]))"
    )
    return found


def test_a_rate_is_found_and_used(train: Page) -> None:
    card = train.locator("#learning-rate")
    expect(card).to_have_count(0)
    # each step sees all of the 32 examples, so that nothing but the rate moves the loss
    sentence = find(train, batch=32)
    expect(sentence).to_contain_text("the loss falls most steeply")
    found = re.search(r"learning rate of ([\d.e-]+) the loss", sentence.inner_text())
    assert found
    drawn = lines(train)
    assert drawn["suggestion"] == [float(found[1])] * 2
    assert drawn["smoothed"] == sorted(drawn["smoothed"])
    assert drawn["smoothed"][0] < float(found[1]) < drawn["smoothed"][-1]

    card.locator("#use-learning-rate").click()
    expect(train.locator("#setting-learning_rate input")).to_have_value(found[1])
    # it is no training: the list of runs has none, and nothing was left to use
    expect(train.locator("#run")).to_contain_text("No run yet")
    card.locator("#close-learning-rate").click()
    expect(card).to_have_count(0)


def test_no_rate_is_used_where_the_loss_does_not_clearly_fall(train: Page) -> None:
    expect(find(train, batch=1)).to_contain_text("A larger batch is less noisy")
    expect(train.locator("#use-learning-rate")).to_be_disabled()
    assert lines(train)["suggestion"] == []


def test_the_run_ends_when_its_card_goes(train: Page, served: Server) -> None:
    card = train.locator("#learning-rate")
    train.locator("#find-learning-rate").click()
    expect(card.locator(".pg-run-state")).to_have_text(re.compile("running"))
    expect(card.locator("#use-learning-rate")).to_be_disabled()
    train.locator("#method input").click()
    train.get_by_role("option", name="Prompt tuning").click()
    expect(card).to_have_count(0)
    store = RunStore(served.home)
    [run] = store.list(1, kind="learning-rate")
    deadline = time.monotonic() + PATIENCE / 1000
    while store.get(run.id).alive and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.get(run.id).state == "stopped"
    store.close()


def test_what_is_wrong_is_said_before_anything_starts(train: Page) -> None:
    train.locator("#setting-shots input").fill("1000")
    train.locator("#find-learning-rate").click()
    expect(train.locator("#train-message")).to_contain_text("has only 64 rows to train on")
    expect(train.locator("#learning-rate")).to_have_count(0)
