"""The map of the soft tokens in the Train tab: it follows the run and the slider."""

import csv
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import start_run


def finish(page: Page, method: str) -> Locator:
    """Trains twenty steps with a method, and gives the card of the map."""
    page.locator("#method input").click()
    page.get_by_role("option", name=method, exact=True).click()
    expect(page.locator("#setting-encoder")).to_be_hidden()  # the form is the method's
    page.locator("#setting-learning_rate input").fill("0.01")
    page.locator("#setting-steps input").fill("20")
    page.locator("#setting-shots input").fill("4")
    start_run(page)
    name = method.lower().replace(" ", "-")
    expect(page.locator("#run-picker input")).to_have_value(re.compile(name))
    expect(page.locator("#run .pg-run-state")).to_have_text("finished")
    expect(page.locator(".pg-run-replay")).to_contain_text("step 20")
    return page.locator("#run .pg-run-card-map")


def traces(card: Locator) -> dict[str, Any]:
    drawn: dict[str, Any] = card.locator(".js-plotly-plot").evaluate(
        "node => Object.fromEntries(node.data.map(({ meta, x, y, text, hovertext, marker }) =>"
        " [meta, { x: [...x], y: [...y], text, hovertext, color: marker?.color }]))"
    )
    return drawn


def test_the_map_shows_every_step_and_moves_with_the_slider(train: Page, tmp_path: Path) -> None:
    card = finish(train, "Prompt tuning")
    expect(card).to_be_visible()
    expect(card).to_contain_text(re.compile(r"Of 256 dimensions .* \d+ % of the variance"))
    last = traces(card)
    tokens = [f"p{number}" for number in range(1, 9)]
    assert last["tokens"]["text"] == tokens
    assert last["labels"]["text"] == ["terrible", "great"]
    assert len(set(last["labels"]["color"])) == 2  # those of the labels
    assert last["tokens"]["hovertext"][1].startswith("p2<br>great ")
    assert last["way"] == last["gone"]
    assert last["way"]["x"].count(None) == 8  # a trail each
    assert len(last["way"]["x"]) == 8 * (5 + 1)  # of five snapshots, and a gap

    slider = train.locator(".pg-run-replay input")
    slider.fill("0")
    expect(train.locator(".pg-run-replay")).to_contain_text("step 0")
    first = traces(card)
    assert first["way"] == last["way"]
    assert len(first["gone"]["x"]) == 8 * (1 + 1)
    assert first["tokens"]["x"] == first["gone"]["x"][::2]
    # they start at the label words
    assert [first["tokens"]["x"][0], first["tokens"]["y"][0]] == [
        first["labels"]["x"][0],
        first["labels"]["y"][0],
    ]
    assert first["tokens"]["x"] != last["tokens"]["x"]
    assert first["words"] == last["words"]
    names = card.locator(".textpoint text").all_text_contents()
    assert set(tokens) <= set(names)
    assert len(names) == 8 + 2 + len(first["nearest"]["x"])
    slider.fill("4")
    assert traces(card) == last

    with train.expect_download() as download:
        card.locator(".pg-figure-data button").nth(1).click()
    download.value.save_as(tmp_path / "map.csv")
    with (tmp_path / "map.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows[:2]] == ["terrible", "great"]
    placed = [row for row in rows if row["step"] == "20"]
    assert [float(row["x"]) for row in placed] == last["tokens"]["x"]
    assert placed[1]["nearest word"] == "great"


def test_a_reload_and_the_same_seed_show_the_same_map(train: Page) -> None:
    before = traces(finish(train, "Prompt tuning"))
    train.reload()
    card = train.locator("#run .pg-run-card-map")
    expect(train.locator(".pg-run-replay")).to_contain_text("step 20")
    expect(card.locator(".textpoint").first).to_be_visible()
    assert traces(card) == before
    assert traces(finish(train, "Prompt tuning")) == before


def test_what_has_no_vectors_in_the_text_has_no_map(train: Page) -> None:
    card = finish(train, "P-Tuning v2")
    expect(train.locator("#run .pg-run-card-pinned")).to_be_visible()
    expect(card).to_be_hidden()
