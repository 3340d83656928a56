"""The Studies tab in a real browser: a study from its plan to its export."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from playground.models.built_in import FOLDER
from tests.server import Server


@pytest.fixture
def studies(page: Page) -> Page:
    """The visitor in the Studies tab, whose form has come."""
    page.get_by_role("tab", name="Studies").click()
    expect(page.locator("#study-templates textarea")).to_have_value("{text} It was [MASK].")
    return page


def tick(page: Page, group: str, *wanted: str) -> None:
    """Leaves just these boxes of a group ticked."""
    for label in page.locator(f"#study-{group} .wrap label").all():
        label.locator("input").set_checked(label.inner_text().strip() in wanted)


def fill(page: Page, *, methods: tuple[str, ...], shots: tuple[str, ...], steps: int) -> None:
    """A small grid of one seed."""
    tick(page, "methods", *methods)
    tick(page, "shots", *shots)
    page.locator("#study-seeds textarea").fill("13")
    steps_field = page.locator("#study-steps input")
    if not steps_field.is_visible():
        page.locator("#studies").get_by_text("More settings").click()
    steps_field.fill(str(steps))


def head(page: Page) -> Locator:
    return page.locator("#study .pg-study-head")


def state(page: Page, word: str, count: str = "") -> None:
    expect(head(page).locator(".pg-run-state")).to_have_text(word)
    expect(head(page).locator(".pg-run-numbers")).to_contain_text(count)


def points(page: Page) -> list[list[float]]:
    """For each line of the large figure the numbers of examples that have a mean."""
    found: list[list[float]] = page.evaluate(
        "() => document.querySelector('.pg-study-main .js-plotly-plot').data"
        ".filter(trace => trace.meta === 'mean').map(trace => [...trace.x])"
    )
    return found


def done(page: Page) -> Locator:
    return page.locator(".pg-study-cell[data-state=done]")


def test_a_study_is_planned_started_paused_extended_looked_into_and_exported(
    studies: Page, chromium: Browser, tmp_path: Path
) -> None:
    page = studies
    expect(page.locator("#study .pg-study-empty")).to_contain_text("on the same test texts")
    fill(page, methods=("Prompt tuning", "Head fine-tuning"), shots=("1", "4"), steps=6)
    expect(page.locator("#study-summary")).to_contain_text("4 = methods 2 × K 2 × seeds 1")

    # what it would cost, before anything is trained
    page.locator("#study-plan").click()
    state(page, "planned", "0 of 4 done")
    expect(head(page).locator(".pg-study-cost")).to_contain_text(
        re.compile(r"^4 trainings · about .* in all · .* on disk")
    )
    assert done(page).count() == 0

    page.locator("#study-start").click()
    state(page, "running")
    page.locator("#study-pause").click()
    state(page, "paused")
    expect(page.locator("#study-start")).to_have_text("Resume")
    assert done(page).count() < 4
    page.locator("#study-start").click()
    state(page, "finished", "4 of 4 done")
    expect(done(page)).to_have_count(4)
    assert points(page) == [[1, 4], [1, 4]]

    # the address has changed since they were drawn: they must not be clipped by its old form
    clipped = page.locator("#study [clip-path]")
    assert clipped.count() > 0
    assert not [at for at in clipped.all() if "http" in (at.get_attribute("clip-path") or "")]

    # another browser sees the same, has its plan in the form, and sees that the study grows
    second = chromium.new_context(locale="en-US")
    other = second.new_page()
    other.goto(page.url)
    expect(done(other)).to_have_count(4)
    other.locator("#study-copy").click()
    expect(other.locator("#study-seeds textarea")).to_have_value("13")
    other.locator("#studies").get_by_text("More settings").click()
    expect(other.locator("#study-steps input")).to_have_value("6")
    fill(page, methods=("Prompt tuning",), shots=("1", "2", "4"), steps=6)
    expect(page.locator("#study-summary")).to_contain_text("2 more in “reviews”")
    page.locator("#study-extend").click()
    for each in (page, other):
        state(each, "finished", "6 of 6 done")
        expect(done(each)).to_have_count(6)
        assert points(each) == [[1, 2, 4], [1, 2, 4]]
    second.close()

    with page.expect_download() as download:
        page.locator("#study-export").click()
    download.value.save_as(tmp_path / "study.zip")
    with zipfile.ZipFile(tmp_path / "study.zip") as packed:
        assert {"report.md", "accuracy.svg", "cells.csv", "points.csv"} <= set(packed.namelist())
        assert packed.read("cells.csv").decode().count("\n") == 7

    # a point opens its runs, a square its run; the list of runs has no others of the study
    page.locator(".pg-study-main .scatterlayer .point").last.scroll_into_view_if_needed()
    box = page.locator(".pg-study-main .scatterlayer .point").last.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile("run=group-"))
    page.get_by_role("tab", name="Studies").click()
    done(page).first.click()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#run .pg-run-state").first).to_have_text(re.compile("finished"))
    expect(page).to_have_url(re.compile("run=(?!group-)"))
    page.locator("#run-picker input").click()
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("#run-picker input")).to_have_value(re.compile("reviews · .* · K=1 · 13"))


def test_a_failed_cell_says_why_and_is_tried_again(studies: Page, tmp_path: Path) -> None:
    page = studies
    gone = tmp_path / "model"
    fill(page, methods=("Prompt tuning",), shots=("1",), steps=2)
    page.locator("#study-name input").fill("<b>bold</b>")
    models = page.locator("#study-models input")
    models.fill(str(gone))
    models.press("Enter")
    models.press("Escape")
    expect(page.locator("#study-summary")).to_contain_text("models 2")
    page.locator("#study-plan").click()
    expect(page.locator(".pg-study-bad")).to_contain_text("no folder")
    expect(head(page).locator("select")).to_contain_text("<b>bold</b>")

    page.locator("#study-start").click()
    state(page, "finished", "1 of 2 done · 1 failed")
    failed = page.locator(".pg-study-failed")
    expect(failed).to_contain_text("no folder")
    square = page.locator(".pg-study-cell[data-state=failed]")
    expect(square).to_have_attribute("title", re.compile("K = 1, seed 13: failed.*no folder", re.S))

    shutil.copytree(FOLDER / "pocket-bert", gone)
    failed.get_by_role("button", name="Try again").click()
    expect(done(page)).to_have_count(2)
    state(page, "finished", "2 of 2 done")
    expect(failed).to_be_hidden()


def test_one_click_starts_the_known_study_which_is_cancelled_and_deleted(
    studies: Page, served: Server
) -> None:
    page = studies
    page.locator("#study-reproduce").click()
    state(page, "running", "0 of 54 done")
    name = "Fine-tuning against prompting"
    chosen = head(page).locator("select")
    expect(chosen.locator("option", has_text=name)).to_have_count(1)
    page.locator("#study-cancel").click()
    state(page, "cancelled")
    page.locator("#study-delete").click()
    expect(page.locator("#study-delete")).to_have_text("Delete it with its runs?")
    page.locator("#study-delete").click()
    expect(chosen.locator("option", has_text=name)).to_have_count(0)


def test_what_is_wrong_is_said_before_anything_is_planned(studies: Page) -> None:
    tick(studies, "methods")
    studies.locator("#study-plan").click()
    message = studies.locator("#study-message")
    expect(message).to_have_text("A study needs at least one of its methods.")
    studies.locator("#study-seeds textarea").fill("13; x")
    expect(studies.locator("#study-summary")).to_contain_text("no list of seeds")
