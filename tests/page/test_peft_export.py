"""PEFT on the page: an adapter goes out, and comes in again with the Playground's own words."""

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.conftest import upload


def finish(page: Page, method: str) -> None:
    """Trains with a method of the list for two steps."""
    page.locator("#method input").click()
    page.get_by_role("option", name=method, exact=True).click()
    expect(page.locator("#method input")).to_have_value(method)
    page.locator("#setting-steps input").fill("2")
    page.locator("#start").click()
    expect(page.locator("#run .pg-run-state")).to_have_text(re.compile("finished"))


def test_an_adapter_is_saved_and_loaded_again(train: Page, tmp_path: Path) -> None:
    finish(train, "Prompt tuning")
    expect(train.locator("#export-peft")).to_be_enabled()
    with train.expect_download() as download:
        train.locator("#export-peft").click()
    saved = tmp_path / "adapter.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as archive:
        assert {"adapter_config.json", "adapter_model.safetensors"} < set(archive.namelist())
        config = json.loads(archive.read("adapter_config.json"))
    assert config["peft_type"] == "PROMPT_TUNING"
    assert config["base_model_name_or_path"] == "pocket-bert"

    # the first of the vectors is the model's own [CLS]
    soft = f"[SOFT*{config['num_virtual_tokens'] - 1}]"
    upload(train, "load-prompt", saved)
    expect(train.locator("#template textarea")).to_have_value(f"{soft} {{text}} It was [MASK].")
    expect(train.locator("#trained-prompt input")).to_have_value(re.compile("."))
    expect(train.locator("#chips .pg-chip-soft")).to_have_count(config["num_virtual_tokens"] - 1)


def test_what_peft_cannot_express_is_not_offered_and_the_hint_says_why(train: Page) -> None:
    button = train.locator("#export-peft")
    finish(train, "P-Tuning")
    expect(train.locator("#save-prompt")).to_be_enabled()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", re.compile("in front of the text, each once"))
    finish(train, "P-Tuning v2")
    expect(button).to_be_enabled()
    expect(button).to_have_attribute("title", "")


def test_an_adapter_that_does_not_fit_is_told_by_its_file(train: Page, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("mine/adapter_config.json", json.dumps({"peft_type": "LOHA"}))
        archive.writestr("mine/adapter_model.safetensors", b"")
    upload(train, "load-prompt", other)
    expect(train.locator("#train-message")).to_contain_text("“other.zip” holds an adapter of the")
