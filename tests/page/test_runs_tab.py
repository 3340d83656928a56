"""The Runs tab in a real browser: runs are found, noted, deleted, compared, taken away."""

import csv
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from playground.runs import History, RunSpec, RunStore
from tests.page.conftest import upload
from tests.server import Server


@pytest.fixture
def store(served: Server) -> Iterator[RunStore]:
    """The store of the page, without any run."""
    store = RunStore(served.home)
    for run_id in [row[0] for row in store.database.read("SELECT id FROM runs")]:
        store.delete(run_id)
    yield store
    store.close()


@pytest.fixture
def history(store: RunStore) -> History:
    return History(store)


def spec(name: str, **others: Any) -> RunSpec:
    told: dict[str, Any] = {
        "method": "p-tuning",
        "model": "pocket-bert",
        "template": "{text} It was [MASK].",
        "verbalizer": {"negative": ["terrible"], "positive": ["great"]},
        "dataset": "reviews",
        "shots": 16,
        "name": name,
    }
    return RunSpec(**(told | others))


def trained(store: RunStore, name: str, steps: int = 40, **others: Any) -> str:
    """A run that has ended, with a curve that halves every ten steps."""
    run_id = store.create(spec(name, **others))
    store.append(run_id, [{"step": 0, "split": "start", "steps": steps}])
    store.append(run_id, [learned(step) for step in range(1, steps + 1)])
    store.append(run_id, [looked(step) for step in range(0, steps + 1, 10)])
    store.set_progress(run_id, steps, steps)
    store.set_state(run_id, "finished")
    return run_id


def learned(step: int) -> dict[str, Any]:
    return {"step": step, "split": "train", "loss": 0.5 ** (step / 10), "accuracy": 0.5}


def looked(step: int) -> dict[str, Any]:
    return {"step": step, "split": "dev", "loss": 1.0, "accuracy": round(0.5 + step / 100, 3)}


@pytest.fixture
def runs(store: RunStore, page: Page) -> Page:
    """The visitor in the Runs tab, where nothing is yet."""
    page.get_by_role("tab", name="Runs").click()
    return page


def row(page: Page, name: str) -> Locator:
    return page.locator(".pg-history-row").filter(has=page.get_by_text(name, exact=True))


def names(page: Page) -> Locator:
    return page.locator(".pg-history-link")


def tick(page: Page, name: str) -> None:
    row(page, name).get_by_role("checkbox").click()
    expect(row(page, name).get_by_role("checkbox")).to_be_checked()


def details(page: Page, name: str) -> Locator:
    page.get_by_role("button", name=f"Details of {name}").click()
    return page.locator(".pg-history-entry")


def drawn(page: Page, figure: str) -> dict[str, dict[str, list[float]]]:
    """The lines of a figure with a name, by it."""
    node = f".pg-run-card-{figure} .js-plotly-plot"
    expect(page.locator(node)).to_be_visible()
    lines = page.evaluate(
        f"() => (document.querySelector('{node}').data ?? [])"
        ".map(({ name, x, y }) => ({ name, x: [...x], y: [...y] }))"
    )
    return {line["name"]: line for line in lines if line["name"]}


def test_an_empty_history_says_how_to_begin(runs: Page) -> None:
    expect(runs.locator("#history")).to_contain_text("Nothing has been run yet")
    expect(runs.locator(".pg-history-text")).not_to_be_visible()
    runs.get_by_role("button", name="Train a prompt").click()
    expect(runs.locator("#start")).to_be_visible()


def test_runs_are_found_by_words_and_filters(store: RunStore, runs: Page) -> None:
    for number in range(110):
        data = "news" if number % 10 == 3 else "reviews"
        store.create(spec(f"run {number:03}", dataset=data))
    expect(names(runs)).to_have_count(50)
    expect(names(runs).first).to_have_text("run 109")
    expect(runs.locator(".pg-history-told")).to_contain_text("110 runs")
    runs.get_by_role("button", name="Show older").click()
    expect(names(runs)).to_have_count(100)

    runs.locator(".pg-history-text").fill("RUN 03")
    expect(names(runs)).to_have_count(12)
    expect(runs.locator(".pg-history-told")).to_contain_text("12 of 110 runs")
    runs.get_by_label("All data").select_option("news")
    expect(names(runs)).to_have_text(["run 103", "run 033", "run 003"])
    runs.reload()  # the address knows what is looked for
    expect(names(runs)).to_have_text(["run 103", "run 033", "run 003"])
    runs.get_by_label("All methods").select_option("p-tuning")
    runs.get_by_label("All states").select_option("waiting")
    expect(names(runs)).to_have_count(3)
    runs.locator(".pg-history-text").fill("nowhere")
    expect(runs.locator(".pg-history-empty")).to_contain_text("No run is like this.")
    runs.locator(".pg-history-empty").get_by_role("button").click()
    expect(names(runs)).to_have_count(50)

    runs.locator(".pg-history-text").fill("run 000")  # older than the Train tab's list
    runs.get_by_role("button", name="Open run 000").click()
    expect(runs.locator("#run-picker input")).to_have_value(re.compile("^run 000"))
    expect(runs).to_have_url(re.compile("tab=train.*run="))


def test_a_run_gets_a_name_tags_and_a_note(store: RunStore, history: History, runs: Page) -> None:
    run_id, _ = trained(store, "first"), trained(store, "second")
    entry = details(runs, "first")
    entry.get_by_label("Name").fill("<b>best</b>")
    entry.get_by_label("Name").press("Enter")
    expect(entry).to_contain_text("Saved")
    entry.get_by_label("Tags").fill("kept, <i>电影</i>")
    entry.get_by_label("Note").fill("Try <img src=x onerror=alert(1)> again.")
    entry.get_by_label("Note").blur()
    changed = row(runs, "<b>best</b>")
    expect(changed.locator(".pg-history-tag")).to_have_text(["<i>电影</i>", "kept"])
    expect(changed.locator(".pg-history-noted")).to_have_text(history.entry(run_id).note)
    assert history.entry(run_id).note == "Try <img src=x onerror=alert(1)> again."
    assert history.entry(run_id).standing.name == "<b>best</b>"
    assert runs.locator("#history img, #history b > b, #history td i > i").count() == 0

    entry.get_by_label("Tags").fill("x" * 41)
    entry.get_by_label("Tags").press("Enter")
    expect(entry.get_by_role("status")).to_contain_text("at most 20 tags")
    entry.get_by_label("Tags").press("Escape")
    expect(entry).not_to_be_visible()
    expect(runs.get_by_role("button", name="Details of <b>best</b>")).to_be_focused()
    changed.get_by_role("button", name="kept").click()
    expect(names(runs)).to_have_text(["<b>best</b>"])
    expect(runs.get_by_label("All tags")).to_have_value("kept")


def test_what_is_deleted_comes_back(store: RunStore, history: History, runs: Page) -> None:
    gone = trained(store, "gone")
    trained(store, "stays")
    details(runs, "gone").get_by_role("button", name="Delete").click()
    expect(names(runs)).to_have_text(["stays"])
    expect(runs.locator(".pg-history-undo")).to_contain_text("gone is deleted.")
    runs.get_by_role("button", name="Undo").click()
    expect(names(runs)).to_have_text(["stays", "gone"])
    assert history.entry(gone).deleted is None

    for name in ("stays", "gone"):
        tick(runs, name)
    runs.get_by_role("button", name="Delete these").click()
    expect(runs.locator(".pg-history-undo")).to_contain_text("2 runs are deleted.")
    runs.get_by_role("button", name="Dismiss").click()
    runs.get_by_role("button", name="Deleted (2)").click()
    expect(names(runs)).to_have_text(["stays", "gone"])
    row(runs, "stays").get_by_role("button", name="Restore").click()
    row(runs, "gone").get_by_role("button", name="Delete for good").click()
    expect(names(runs)).to_have_text(["gone"])
    row(runs, "gone").get_by_role("button", name="Really").click()
    expect(runs.locator(".pg-history-empty")).to_contain_text("No run is deleted.")
    runs.get_by_role("button", name=re.compile("Deleted")).click()
    expect(names(runs)).to_have_text(["stays"])
    assert store.database.read("SELECT id FROM runs WHERE id = ?", (gone,)) == []


def test_what_is_ticked_is_compared(store: RunStore, runs: Page, tmp_path: Path) -> None:
    trained(store, "short", steps=20, settings={"learning_rate": 0.1, "batch_size": 8})
    trained(store, "long", settings={"learning_rate": 0.2, "batch_size": 8})
    group = store.new_group()
    for seed in (1, 2):
        trained(store, f"both · {seed}", steps=20, seed=seed, group=group)
    store.create(spec("4 × 2", kind="comparison", method="comparison"))
    for name in ("short", "long", "both", "4 × 2"):
        tick(runs, name)
    expect(runs.locator(".pg-history-chip")).to_have_count(4)
    expect(runs.locator(".pg-history-chip", has_text="4 × 2")).to_contain_text("no curve")
    accuracy, loss = drawn(runs, "dev_accuracy"), drawn(runs, "train_loss")
    assert set(accuracy) == set(loss) == {"short", "long", "both"}
    assert accuracy["long"]["x"] == [0, 10, 20, 30, 40]
    assert accuracy["both"]["y"] == accuracy["short"]["y"] == [0.5, 0.6, 0.7]
    assert loss["short"]["x"] == list(range(1, 21))
    assert all(math.isfinite(value) for value in loss["long"]["y"])

    table = runs.locator(".pg-history-settings-frame")
    runs.get_by_role("button", name="Leave out 4 × 2").click()
    runs.get_by_role("button", name="Leave out both").click()
    expect(table.locator("tbody tr")).to_have_text([re.compile("Learning rate.*0.1.*0.2")])
    runs.get_by_role("button", name="All", exact=True).click()
    expect(table.locator("tbody tr", has_text="Batch")).to_have_count(1)
    expect(table.locator("tbody tr", has_text="negative: terrible")).to_have_count(1)

    with runs.expect_download() as download:
        runs.locator(".pg-history-together .pg-figure-data button").nth(1).click()
    download.value.save_as(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len([each for each in rows if each["name"] == "long" and each["split"] == "train"]) == 40
    assert [each["accuracy"] for each in rows if each["split"] == "dev"][:3] == [
        "0.5",
        "0.6",
        "0.7",
    ]

    runs.reload()  # the address knows what is compared
    expect(runs.locator(".pg-history-chip-name")).to_have_text(["short", "long"])


def test_a_curve_grows_while_its_run_goes_on(store: RunStore, runs: Page) -> None:
    run_id = trained(store, "live", steps=20)
    store.set_progress(run_id, 20, 40)
    with store.folder(run_id).lock(0):  # as its worker does
        store.set_state(run_id, "running")
        tick(runs, "live")
        expect(row(runs, "live")).to_contain_text("20 / 40")
        assert drawn(runs, "train_loss")["live"]["x"][-1] == 20
        store.append(run_id, [learned(step) for step in range(21, 41)])
        store.set_progress(run_id, 40, 40)
        runs.wait_for_function(
            "() => document.querySelector('.pg-run-card-train_loss .js-plotly-plot').data[0]"
            ".x.length === 40"
        )
        store.set_state(run_id, "finished")
    expect(row(runs, "live")).to_contain_text("finished")
    assert drawn(runs, "train_loss")["live"]["x"] == list(range(1, 41))


def test_a_run_goes_out_and_in_as_a_file(
    store: RunStore, history: History, runs: Page, tmp_path: Path
) -> None:
    run_id = trained(store, "to take away")
    history.set_tags(run_id, ["travels"])
    with runs.expect_download() as download:
        details(runs, "to take away").get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "to-take-away.zip"
    download.value.save_as(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert "events.jsonl" in archive.namelist()
    upload(runs, "runs-import", tmp_path / "run.zip")
    expect(names(runs)).to_have_text(["to take away", "to take away"])
    expect(runs.locator(".pg-history-tag")).to_have_text(["travels", "travels"])

    (tmp_path / "other.zip").write_bytes(b"no archive")
    upload(runs, "runs-import", tmp_path / "other.zip")
    expect(runs.locator("#runs-message")).to_contain_text("does not hold a run")


def test_a_file_is_asked_for_by_anyone_who_knows_the_run(
    store: RunStore, served: Server, history: History
) -> None:
    run_id = trained(store, "测试 <run>")
    status, body = served.get(f"/runs/{run_id}.zip")
    assert status == 200
    assert body[:2] == b"PK"
    for unknown in ("000000000000", "..", "%2e%2e%2fapp"):
        status, body = served.get(f"/runs/{unknown}.zip")
        assert status == 404
        assert b"PK" not in body[:2]
    with store.folder(run_id).lock(0):
        status, body = served.get(f"/runs/{run_id}.zip", **{"Accept-Language": "zh-CN"})
    assert status == 409
    assert "正在进行" in body.decode()


def test_a_link_opens_the_tab_on_a_phone_in_chinese(
    store: RunStore, served: Server, chromium: Browser
) -> None:
    trained(store, "a run with a name that is much longer than a phone is wide, by far")
    context = chromium.new_context(viewport={"width": 390, "height": 800}, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{served.url}/?tab=runs")
    expect(page.locator(".pg-history-told")).to_contain_text("1 次运行")
    expect(page.get_by_role("checkbox").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
