"""The Compare tab in a real browser: from the form to the examples behind a cell."""

import re

import pytest
from playwright.sync_api import Page, expect

TEMPLATES = "{text} It was [MASK].\nA [MASK] film. {text}"
WORDS = "negative: terrible; positive: great\nnegative: bad, boring; positive: good, fun"


@pytest.fixture
def compare(page: Page) -> Page:
    """The visitor in the Compare tab, with the task's known prompts in the form."""
    page.get_by_role("tab", name="Compare").click()
    expect(templates(page)).to_have_value(re.compile(r"\[MASK\]"))
    return page


def templates(page: Page) -> object:
    return page.locator("#compare-templates textarea")


def start(page: Page, templates: str = TEMPLATES, words: str = WORDS, rows: int = 40) -> None:
    page.locator("#compare-templates textarea").fill(templates)
    page.locator("#compare-verbalizers textarea").fill(words)
    page.locator("#compare-rows input").fill(str(rows))
    page.locator("#compare-start").click()


def finished(page: Page) -> None:
    expect(page.locator("#comparison .pg-run-state")).to_have_text(re.compile("finished", re.I))


def test_the_matrix_fills_and_its_cells_open_their_examples(compare: Page) -> None:
    start(compare)
    finished(compare)
    cells = compare.locator("#comparison .pg-matrix-card .pg-matrix-cell")
    expect(cells).to_have_count(3 * 2)  # two templates and both together
    expect(cells.first).to_contain_text(re.compile(r"\d+\.\d–\d+\.\d"))
    expect(compare.locator(".pg-matrix-spread")).to_contain_text("sd")

    cells.nth(3).click()
    expect(cells.nth(3)).to_have_attribute("aria-pressed", "true")
    counts = compare.locator(".pg-confusion .pg-matrix-cell b")
    expect(counts).to_have_count(4)
    assert sum(map(int, counts.all_text_contents())) == 40
    note = compare.locator(".pg-comparison-detail .pg-figure-note").last
    expect(note).to_contain_text("40 examples")

    wrong = int(counts.nth(1).text_content() or "0")
    compare.locator(".pg-confusion .pg-matrix-cell").nth(1).click()
    expect(note).to_contain_text(f"{wrong} examples")
    compare.locator(".pg-confusion .pg-matrix-cell").nth(1).click()
    expect(note).to_contain_text("40 examples")

    compare.get_by_role("button", name="Wrong").click()
    expect(note).not_to_contain_text("40 examples")
    compare.get_by_role("button", name="All", exact=True).click()
    compare.locator(".pg-example summary").first.click()
    expect(compare.locator(".pg-example[open] .pg-example-bar")).to_have_count(3)

    compare.get_by_role("button", name="Calibrated").click()
    expect(compare.get_by_role("button", name="Calibrated")).to_have_attribute(
        "aria-pressed", "true"
    )
    compare.reload()
    finished(compare)
    expect(cells).to_have_count(3 * 2)


def test_a_long_comparison_can_be_stopped_and_keeps_what_it_has(compare: Page) -> None:
    words = ("It", "This", "That", "He", "She", "All", "So", "Yes")
    eight = "\n".join(f"{{text}} {word} [MASK]." for word in words)
    start(compare, eight, rows=200)
    expect(compare.locator("#compare-stop")).to_be_enabled()
    compare.locator("#compare-stop").click()
    state = compare.locator("#comparison .pg-run-state")
    expect(state).to_have_text(re.compile("stopped|finished", re.I))


def test_mistakes_are_said_beside_their_field(compare: Page) -> None:
    start(compare, templates="{text} It was [MASK].\n{text} It was")
    message = compare.locator("#compare-templates-message")
    expect(message).to_contain_text("Line 2: ")
    start(compare, words="negative terrible; positive: great")
    expect(message).to_be_empty()
    expect(compare.locator("#compare-verbalizers-message")).to_contain_text("no colon")
    start(compare, words="negative: terrible; positive: great\nbad: terrible; good: great")
    expect(compare.locator("#compare-message")).to_contain_text("label")


def test_one_text_is_shown_under_every_prompt_before_anything_is_started(page: Page) -> None:
    page.locator("#row textarea").fill("A wonderful, brilliant film.")
    page.get_by_role("tab", name="Compare").click()
    rows = page.locator("#side-by-side .pg-side-row:not(.pg-side-head)")
    lines = page.locator("#compare-templates textarea").input_value().splitlines()
    expect(rows).to_have_count(len(lines))
    expect(page.locator("#compare-row textarea")).to_have_value("A wonderful, brilliant film.")
    expect(rows.first.locator(".pg-run-share").first).to_contain_text("positive")
    page.locator("#compare-row textarea").fill("A terrible, awful film.")
    expect(rows.first.locator(".pg-run-share").first).to_contain_text("negative")
    page.locator("#compare-templates textarea").fill("{text} Just [MASK]!\n{txt} [MASK]")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("no column")
    page.locator("#compare-verbalizers textarea").fill("sad: awful; glad: lovely")
    expect(rows.first.locator(".pg-side-cell")).to_have_count(1)
    expect(rows.first.locator(".pg-run-share")).to_contain_text("sad")
