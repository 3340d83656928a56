"""The Search tab in a real browser: words are found, watched, and carried to the Playground."""

import re

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def search(page: Page) -> Page:
    """The visitor in the Search tab."""
    page.get_by_role("tab", name="Search").click()
    expect(page.locator("#search-start")).to_be_enabled()
    return page


def state(page: Page, word: str) -> None:
    expect(page.locator("#search-run .pg-run-state")).to_have_text(re.compile(word))


def test_trigger_words_are_found_and_used(search: Page) -> None:
    expect(search.locator("#search-run")).to_contain_text("No search yet")
    for setting, value in (("iterations", 3), ("triggers", 2), ("candidates", 4)):
        search.locator(f"#search-setting-{setting} input").fill(str(value))
    search.locator("#search").get_by_text("More settings").click()
    search.locator("#search-setting-accumulation_steps input").fill("1")
    search.locator("#search-start").click()
    state(search, "finished")
    run = search.locator("#search-run")
    expect(run.locator(".pg-trigger")).to_have_count(2)
    expect(run.locator(".pg-candidates tbody tr")).to_have_count(4)
    expect(run).to_contain_text("Best on dev so far")
    search.reload()  # the address knows the tab and the search
    state(search, "finished")
    expect(run.locator(".pg-trigger")).to_have_count(2)
    search.locator("#search-use-prompt").click()
    expect(search.locator("#trained-prompt input")).to_have_value(re.compile("autoprompt"))
    expect(search.locator("#template textarea")).to_have_value(re.compile(r"It was .+ \[MASK\]"))
    expect(search.locator("#answer-bars .bars .point")).to_have_count(11)


def test_words_are_found_for_the_labels(search: Page) -> None:
    search.locator("#search-method input").click()
    search.get_by_role("option", name="Label words").click()
    expect(search.locator("#search-setting-iterations")).to_have_count(0)
    search.locator("#search-setting-words input").fill("2")
    search.locator("#search-start").click()
    state(search, "finished")
    groups = search.locator("#search-run .pg-word-group")
    expect(groups).to_have_count(2)
    expect(groups.first.locator(".pg-found-word").nth(1)).to_be_visible()
    search.locator("#search-use-prompt").click()
    words = search.locator("#verbalizer .pg-words").first
    expect(words).to_have_value(re.compile(r"^\w+, \w+$"))


def test_what_a_search_cannot_start_from_is_said(search: Page) -> None:
    search.get_by_role("tab", name="Playground").click()
    search.locator("#template textarea").fill("{text} [SOFT] It was [MASK].")
    search.get_by_role("tab", name="Search").click()
    search.locator("#search-start").click()
    expect(search.locator("#search-message")).to_contain_text("soft slots")
    search.get_by_role("tab", name="Playground").click()
    bars = search.locator("#label-bars").inner_html()
    search.locator("#template textarea").fill("{text} [SOFT] All in all, it was [MASK].")
    search.wait_for_function(
        "bars => document.querySelector('#label-bars').innerHTML !== bars", arg=bars
    )
    search.get_by_role("tab", name="Search").click()
    expect(search.locator("#search-message")).to_contain_text("soft slots")  # no answer wipes it
