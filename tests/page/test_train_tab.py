"""The Train tab in a real browser: a run from its start to its prompt in the Playground."""

import os
import re
import signal
import subprocess
import zipfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import start_run, upload
from tests.server import Server


def begin(page: Page, steps: int) -> str:
    """Starts a run that learns quickly and returns its id."""
    page.locator("#setting-steps input").fill(str(steps))
    page.locator("#setting-encoder input").click()
    page.get_by_role("option", name="None").click()
    return start_run(page)


def state(page: Page, word: str) -> None:
    expect(page.locator("#run .pg-run-state")).to_have_text(re.compile(word, re.IGNORECASE))


def reached(page: Page, step: int) -> None:
    """Waits until the progress line names this step or a later one."""
    page.wait_for_function(
        "step => { const found = /step ([\\d,]+) of/i.exec("
        "document.querySelector('#run')?.innerText ?? '');"
        " return found && Number(found[1].replaceAll(',', '')) >= step; }",
        arg=step,
    )


def points(page: Page) -> int:
    """How many steps the loss curve shows."""
    count: int = page.evaluate(
        "() => Math.max(0, ...[...document.querySelectorAll('.pg-run-card-loss .js-plotly-plot')]"
        ".map(node => node.data[0].x?.length ?? 0))"
    )
    return count


def test_a_run_draws_to_its_end_and_its_prompt_shows_up_in_the_playground(train: Page) -> None:
    begin(train, 30)
    state(train, "finished")
    reached(train, 30)
    assert points(train) == 30
    expect(train.locator("#run")).to_contain_text("p6")
    train.locator("#use-prompt").click()
    expect(train.locator("#template textarea")).to_have_value(re.compile(r"\[SOFT\*3\] {text}"))
    expect(train.locator("#chips .pg-chip-soft")).to_have_count(6)
    expect(train.locator("#trained-prompt input")).to_have_value(re.compile("p-tuning"))
    # what was trained stands in the slots: without it the same template answers otherwise
    trained = train.locator("#answer-bars .ytick text").all_text_contents()
    train.locator("#trained-prompt input").click()
    train.get_by_role("option", name="None, as written").click()
    expect(train.locator("#chips .pg-chip-soft")).to_have_count(6)
    train.wait_for_function(
        "before => [...document.querySelectorAll('#answer-bars .ytick text')]"
        ".map(t => t.textContent).join() !== before",
        arg=",".join(trained),
    )


def test_a_slider_replays_the_pinned_examples_and_the_soft_tokens(train: Page) -> None:
    begin(train, 20)
    state(train, "finished")
    replay = train.locator("#run .pg-run-replay")
    expect(replay).to_contain_text("step 20")
    shares = train.locator("#run .pg-run-shares").first
    last = shares.text_content() or ""
    replay.locator("input").fill("0")
    expect(replay).to_contain_text("step 0")
    expect(shares).not_to_have_text(last)
    replay.locator("input").fill("4")
    expect(replay).to_contain_text("step 20")
    expect(shares).to_have_text(last)


def test_a_run_ends_early_and_marks_the_step_that_it_keeps(train: Page) -> None:
    train.locator("#train").get_by_text("More settings").click()
    train.locator("#setting-dev_every input").fill("1")
    train.locator("#setting-patience input").fill("2")
    train.locator("#setting-learning_rate input").fill("0.05")
    begin(train, 60)
    state(train, "finished")
    progress = train.locator("#run .pg-run-progress")
    expect(progress).to_contain_text("ended early")
    said = progress.inner_text()
    kept, ended = (re.search(pattern, said) for pattern in (r"step (\d+) is", r"step (\d+) of 60"))
    assert kept
    assert ended
    assert int(ended[1]) == int(kept[1]) + 2 < 60
    expect(train.locator("#run .pg-run-card-accuracy")).to_contain_text(f"best step{kept[1]}")
    marks: list[list[float]] = train.evaluate(
        "() => ['loss', 'accuracy'].map(name => document"
        ".querySelector(`#run .pg-run-card-${name} .js-plotly-plot`)"
        ".layout.shapes.filter(line => line.yref === 'paper').map(line => line.x0))"
    )
    assert marks == [[int(kept[1])]] * 2


def test_a_reload_and_a_second_window_show_the_whole_curve(
    train: Page, chromium: Browser, served: Server
) -> None:
    run = begin(train, 400)
    reached(train, 20)
    train.reload()
    state(train, "running|training")
    reached(train, 21)
    assert points(train) >= 20
    context = chromium.new_context(locale="en-US")
    second = context.new_page()
    second.goto(f"{served.url}/?tab=train&run={run}")
    reached(second, 22)
    assert points(second) >= 20
    context.close()
    train.locator("#stop").click()
    state(train, "stopped")
    expect(train.locator("#use-prompt")).to_be_enabled()
    expect(train.locator("#resume")).to_be_enabled()


def test_pause_one_step_and_resume(train: Page) -> None:
    begin(train, 400)
    reached(train, 3)
    train.locator("#pause").click()
    state(train, "paused")
    expect(train.locator("#step")).to_be_enabled()
    train.wait_for_timeout(700)
    before = points(train)
    train.locator("#step").click()
    train.wait_for_function(
        "count => Math.max(...[...document.querySelectorAll('.pg-run-card-loss .js-plotly-plot')]"
        ".map(node => node.data[0].x?.length ?? 0)) === count",
        arg=before + 1,
    )
    state(train, "paused")
    train.locator("#resume").click()
    reached(train, before + 5)
    train.locator("#stop").click()
    state(train, "stopped")


def test_a_killed_worker_is_said_and_the_curve_goes_on_from_the_checkpoint(
    train: Page, served: Server, tmp_path: Path
) -> None:
    run = begin(train, 200)
    reached(train, 10)
    train.locator("#pause").click()  # a pause writes a checkpoint
    state(train, "paused")
    _kill_worker_of(run)
    state(train, "interrupted")
    before = points(train)
    train.locator("#resume").click()
    reached(train, before + 3)
    train.locator("#stop").click()
    state(train, "stopped")
    steps: list[int] = train.evaluate(
        "() => [...document.querySelectorAll('.pg-run-card-loss .js-plotly-plot')]"
        ".map(node => [...(node.data[0].x ?? [])]).sort((a, b) => b.length - a.length)[0]"
    )
    assert steps == list(range(1, len(steps) + 1))


def test_each_method_has_its_own_settings(train: Page) -> None:
    rate = train.locator("#setting-learning_rate input")
    expect(rate).to_have_value("0.0001")
    train.locator("#setting-steps input").fill("3")
    train.locator("#method input").click()
    train.get_by_role("option", name="Prompt fine-tuning").click()
    expect(train.locator("#method")).to_contain_text("LM-BFF")
    expect(train.locator("#setting-encoder")).to_have_count(0)
    expect(rate).to_have_value("0.00002")
    expect(train.locator("#setting-steps input")).to_have_value("3")  # both have it: it stays
    expect(train.locator("#train-summary")).to_contain_text("100 %")
    train.locator("#start").click()
    state(train, "finished")
    expect(train.locator("#run-picker input")).to_have_value(re.compile("prompt-fine-tuning"))


def test_a_run_of_several_trainings_says_which_is_under_way(train: Page) -> None:
    train.locator("#method input").click()
    train.get_by_role("option", name="PET", exact=True).click()
    further = train.locator("#setting-further_templates textarea")
    further.fill("It was [MASK]. {text}\n{text [MASK]")
    train.locator("#start").click()
    expect(train.locator("#train-message")).to_contain_text("Line 2 of the further templates")
    further.fill("It was [MASK]. {text}")
    expect(train.locator("#train-summary")).to_contain_text("299 %")
    for setting, value in (("steps", "2"), ("distillation_steps", "2"), ("batch_size", "2")):
        train.locator(f"#setting-{setting} input").fill(value)
    train.locator("#start").click()
    progress = train.locator("#run .pg-run-progress")
    state(train, "finished")
    expect(progress).to_contain_text(re.compile(r"classifier · templates together: [\d.]+ on dev"))
    expect(progress).to_contain_text("step 6 of 6")


def test_the_templates_known_for_the_dataset_are_filled_in(train: Page) -> None:
    fill = train.locator("#fill-further-templates")
    expect(fill).to_be_hidden()
    train.locator("#method input").click()
    train.get_by_role("option", name="PET", exact=True).click()
    fill.click()
    # all but the Playground's own, and none of the prefix templates of causal models
    expect(train.locator("#setting-further_templates textarea")).to_have_value(
        "It was [MASK]. {text}\n{text} All in all, it was [MASK].\nJust [MASK]! {text}"
    )
    expect(train.locator("#train-summary")).to_contain_text("499 %")


def test_mistakes_are_said_before_anything_starts(train: Page) -> None:
    train.locator("#setting-shots input").fill("1000")
    train.locator("#start").click()
    expect(train.locator("#train-message")).to_contain_text("has only 64 rows to train on")
    train.locator("#setting-shots input").fill("16")
    train.locator("#setting-learning_rate input").fill("0")
    train.locator("#start").click()
    expect(train.locator("#train-message")).to_contain_text("learning_rate")


def test_a_prompt_is_saved_and_loaded_again(train: Page, tmp_path: Path) -> None:
    begin(train, 4)
    reached(train, 4)
    state(train, "finished")
    expect(train.locator("#save-prompt")).to_be_enabled()
    with train.expect_download() as download:
        train.locator("#save-prompt").click()
    saved = tmp_path / "prompt.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        assert sorted(archive.namelist()) == ["prompt.json", "prompt.safetensors"]
    upload(train, "load-prompt", saved)
    expect(train.locator("#trained-prompt input")).to_have_value(re.compile("."))
    expect(train.locator("#chips .pg-chip-soft")).to_have_count(6)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    train.get_by_role("tab", name="Train").click()
    upload(train, "load-prompt", other)
    expect(train.locator("#train-message")).to_contain_text("not a saved prompt")


def _kill_worker_of(run: str) -> None:
    """Kills the process that holds the run's lock, as a crash would."""
    found = subprocess.run(
        ["pgrep", "-f", "playground.runs.worker"], capture_output=True, text=True, check=False
    )
    for word in found.stdout.split():
        try:
            files = [os.readlink(f"/proc/{word}/fd/{fd}") for fd in os.listdir(f"/proc/{word}/fd")]
        except OSError:
            continue
        if any(f"/{run}/" in file for file in files):
            os.kill(int(word), signal.SIGKILL)
            return
    raise AssertionError("no worker holds this run")
