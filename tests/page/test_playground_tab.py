"""The Playground tab in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import PATIENCE, upload
from tests.server import Server


def answers(page: Page) -> list[str]:
    """The tokens at the answer slot as the figure names them, the likeliest first."""
    return page.locator("#answer-bars .ytick text").all_text_contents()


def write(page: Page, template: str) -> None:
    page.locator("#template textarea").fill(template)


def test_first_load_shows_a_prediction_without_a_click(page: Page) -> None:
    expect(page.locator(".pg-prediction-label")).to_have_text(re.compile("positive|negative"))
    expect(page.locator("#template textarea")).to_have_value("{text} It was [MASK].")
    expect(page.locator("#chips .pg-chip-answer")).to_have_text("[MASK]")
    found = answers(page)
    assert len(found) == 11
    assert found[-1] == "other"
    assert {"great", "good"} & set(found)


def test_typing_changes_chips_and_bars(page: Page) -> None:
    before = answers(page)
    write(page, "{text} The capital of France is [MASK].")
    expect(page.locator("#chips")).to_contain_text("capital")
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('#answer-bars .ytick text')]"
        ".map(t => t.textContent)) !== before",
        arg=json.dumps(before, separators=(",", ":")),
    )
    page.locator("#row textarea").fill("Paris is a city.")
    expect(page.locator("#chips")).to_contain_text("paris")
    expect(page.locator(".pg-truth")).to_have_count(0)  # an edited example has no known label


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{txt} It was [MASK].", 'no column "txt".*character 1.*Did you mean {text}'),
        ("{text} It was", "no answer slot"),
        ("{text It was [MASK].", "character 1 is not closed"),
        ("{text} It was [MASK", "character 15 is not closed"),
        ("{text} It was [MSK].", r"Did you mean \[MASK\]"),
        ("", "template is empty"),
    ],
)
def test_a_mistake_in_the_template_is_said_beside_it(
    page: Page, template: str, sentence: str
) -> None:
    write(page, template)
    expect(page.locator("#template-message")).to_contain_text(re.compile(sentence))
    assert len(answers(page)) == 11  # the last good answer stays
    write(page, "{text} It was [MASK].")
    expect(page.locator("#template-message")).to_have_text("")


def test_another_tools_template_is_offered_in_our_syntax(page: Page) -> None:
    offer, message = page.locator("#conversion .pg-offer"), page.locator("#template-message")
    expect(offer).to_be_hidden()
    write(page, "*cls**sent-_0*_In_short,_it_was*mask*.*sep+*")
    expect(offer).to_contain_text("looks like an LM-BFF template")
    expect(message).to_have_text("")
    expect(offer.get_by_role("listitem")).to_have_count(3)
    offer.get_by_role("button", name="Convert").click()
    expect(page.locator("#template textarea")).to_have_value(
        "{text|strip_punctuation} In short, it was [MASK]."
    )
    expect(page.locator("#chips")).to_contain_text("short")
    expect(offer).to_contain_text("Converted from LM-BFF")  # and what changed stays in view
    expect(offer.get_by_role("listitem")).to_have_count(3)
    write(page, '{"placeholder": "text_a" It was {"mask"}.')
    expect(message).to_contain_text(re.compile("OpenPrompt template. The { at character 1 is not"))
    expect(offer).to_be_hidden()


def test_mistakes_in_the_verbalizer_are_said_beside_it(page: Page) -> None:
    words = page.locator("#verbalizer .pg-words").first
    message = page.locator("#verbalizer-message")
    words.fill("great")
    expect(message).to_contain_text("stands for both")
    words.fill("")
    expect(message).to_contain_text("has no words")
    words.fill("terrible")
    expect(message).to_have_text("")
    for _ in range(2):
        page.locator("#verbalizer .pg-quiet-button").first.click()
    expect(message).to_contain_text("verbalizer is empty")


def test_a_word_of_several_tokens_is_marked_and_its_policy_named(page: Page) -> None:
    page.locator("#verbalizer .pg-words").first.fill("terrible, mindbogglingly")
    pieces = page.locator("#verbalizer .pg-pieces").first
    expect(pieces).to_contain_text("scored by the first")
    expect(pieces.locator(".pg-piece").nth(1)).to_contain_text("##")


def test_words_that_the_model_reads_otherwise_are_shown_as_it_reads_them(page: Page) -> None:
    pieces = page.locator("#verbalizer .pg-pieces").first
    expect(pieces).to_be_empty()
    page.locator("#verbalizer .pg-words").first.fill("Terrible")
    expect(pieces).to_have_text("terrible")
    write(page, "{text} It was [MASK]")
    page.locator("#model input").click()
    page.get_by_role("option", name="pocket-gpt").click()
    expect(pieces.locator(".pg-piece").first).to_contain_text("␣")


def test_words_are_weighed_one_by_one(page: Page) -> None:
    share = page.locator("#label-bars .bars .point text").first
    expect(share).not_to_be_empty()
    page.locator("#verbalizer .pg-words").nth(1).fill("great, bad")
    written = share.text_content() or ""
    expect(share).not_to_have_text(written)
    written = share.text_content() or ""
    page.locator("#verbalizer select[name=aggregation]").select_option("weighted")
    weights = page.locator("#verbalizer .pg-weight input")
    expect(weights).to_have_count(3)
    weights.nth(2).fill("0")
    expect(share).not_to_have_text(written)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export JSON").click()
    assert json.loads(download.value.path().read_text())["weights"] == {"bad": 0}
    page.reload()
    expect(weights.nth(2)).to_have_value("0")  # the address remembers


def test_more_words_for_the_labels_are_offered_and_struck_out(page: Page) -> None:
    panel, words = page.locator("#widening .pg-widening"), page.locator("#verbalizer .pg-words")
    page.get_by_role("button", name="More words").click()
    negative = panel.locator(".pg-word-list").first
    expect(negative.locator("[aria-pressed=true]")).to_have_count(6)
    expect(negative).to_contain_text("awful")
    negative.get_by_text("awful").click()
    expect(negative.locator("[aria-pressed=true]")).to_have_count(5)
    kept = negative.locator("[aria-pressed=true]").all_text_contents()
    panel.get_by_role("button", name="Add the words").click()
    expect(panel).to_be_hidden()
    expect(words.first).to_have_value(", ".join(["terrible", *kept]))
    expect(page.locator("#answer-bars .bars .point")).to_have_count(11)
    words.first.fill("| terrible")
    words.nth(1).fill("| great")
    page.get_by_role("button", name="More words").click()
    expect(page.locator("#verbalizer-message")).not_to_be_empty()


def test_a_new_colour_is_the_labels_everywhere(page: Page) -> None:
    page.locator("#row textarea").fill("A wonderful film. I loved every minute of it.")
    page.locator("#verbalizer .pg-colour").nth(1).fill("#123456")
    expect(page.locator(".pg-dot")).to_have_css("background-color", "rgb(18, 52, 86)")
    bar = page.locator("#label-bars .bars .point path").nth(1)
    expect(bar).to_have_css("fill", "rgb(18, 52, 86)")


def test_a_text_that_does_not_fit_is_cut_and_the_cut_is_shown(page: Page) -> None:
    page.locator("#row textarea").fill("word " * 400)
    expect(page.locator("#chips")).to_contain_text("256 of 256 tokens")
    expect(page.locator("#chips")).to_contain_text(re.compile(r"\d+ tokens of \{text\} did not"))
    assert page.locator("#chips .pg-chip-cut").count() > 100
    write(page, "{text!} It was [MASK].")
    expect(page.locator("#template-message")).to_contain_text("reads at most 256")


def test_a_person_says_which_end_is_cut(page: Page) -> None:
    page.locator("#row textarea").fill("first " + "word " * 400)
    first = page.locator("#chips .pg-chip").nth(1)
    expect(page.locator("#chips .pg-chip-cut").first).to_be_visible()
    expect(first).to_have_class(re.compile("pg-chip-field"))
    page.locator("#truncation input").click()
    page.get_by_role("option", name="Cut the start").click()
    expect(first).to_have_class(re.compile("pg-chip-cut"))
    page.reload()
    expect(first).to_have_class(re.compile("pg-chip-cut"))  # the address remembers
    expect(page.locator("#truncation input")).to_have_value("Cut the start")
    page.get_by_text("The same in Python").click()
    expect(page.locator("#snippet")).to_contain_text('truncation="head"')


def test_what_is_typed_is_never_markup(page: Page) -> None:
    page.evaluate("window.struck = 0")
    nasty = "<img src=x onerror='window.struck=1'><script>window.struck=1</script>"
    page.locator("#row textarea").fill(nasty)
    page.locator("#verbalizer .pg-label").first.fill(nasty)
    write(page, nasty + " {text} [MASK]")
    expect(page.locator("#chips")).to_contain_text("one")
    expect(page.locator("#label-bars")).to_contain_text("<img")
    assert page.evaluate("window.struck") == 0
    assert page.locator("#chips img, #label-bars img").count() == 0


def test_the_shape_switch_and_the_insert_buttons_edit_the_template(page: Page) -> None:
    area = page.locator("#template textarea")
    page.locator("#shape").get_by_text("Prefix").click()
    expect(area).to_have_value("{text} It was [MASK]")
    page.locator("#shape").get_by_text("Cloze").click()
    expect(area).to_have_value("{text} It was [MASK].")
    page.get_by_role("button", name="+ soft slot").click()
    expect(area).to_have_value(re.compile(r"\[SOFT\]"))
    expect(page.locator("#chips .pg-chip-soft")).to_have_text("p1")


def test_the_state_is_in_the_address_and_survives_a_reload(page: Page) -> None:
    write(page, "{text} Simply [MASK]!")
    page.locator("#row textarea").fill("A wonderful evening.")
    expect(page.locator("#chips")).to_contain_text("evening")
    page.wait_for_url(re.compile("Simply.*evening"))
    page.reload()
    expect(page.locator("#template textarea")).to_have_value("{text} Simply [MASK]!")
    expect(page.locator("#row textarea")).to_have_value("A wonderful evening.")
    expect(page.locator("#chips")).to_contain_text("evening")


def test_another_task_brings_its_own_prompt(page: Page) -> None:
    page.locator("#task input").click()
    page.get_by_role("option", name="News, topic").click()
    expect(page.locator("#template textarea")).to_have_value("[MASK] News: {text}")
    expect(page.locator("#label-bars .bars .point")).to_have_count(4)


def test_a_dataset_of_the_hub_is_opened_by_its_name(page: Page, served: Server) -> None:
    kept = served.home / "datasets" / "lab--plays.csv"  # as one fetched before lies there
    kept.parent.mkdir(exist_ok=True)
    kept.write_text('"scene","label","split"\n"A storm.","sad","train"\n"A ball.","gay","test"\n')
    box = page.locator("#task input")
    box.fill("lab/plays")
    box.press("Enter")
    expect(page.locator("#template textarea")).to_have_value("{scene} It was [MASK].")
    expect(page.locator("#row textarea")).to_have_value("A ball.")
    expect(page.locator("#chips")).to_contain_text("ball")
    page.reload()
    expect(page.locator("#row textarea")).to_have_value("A ball.")
    kept.unlink()
    box.fill("lab/no-such-plays")
    box.press("Enter")
    expect(page.locator("#data-message")).to_contain_text("lab/no-such-plays")
    expect(page.locator("#template textarea")).to_have_value("{scene} It was [MASK].")


def test_the_template_is_also_openprompts(page: Page) -> None:
    page.get_by_text("The template for OpenPrompt").click()
    expect(page.locator("#openprompt pre")).to_contain_text('} It was {"mask"}.')
    expect(page.locator("#openprompt li")).to_have_count(1)
    write(page, "{text} [SOFT*2] [TRIGGER] [MASK]")
    expect(page.locator("#openprompt pre")).to_contain_text("soft")
    expect(page.locator("#openprompt li")).to_have_count(2)


def test_an_uploaded_table_brings_its_columns_as_fields(page: Page, tmp_path: Path) -> None:
    table = tmp_path / "meals.csv"
    table.write_text("dish,label\nThe soup was cold,bad\nA lovely cake,good\n", encoding="utf-8")
    upload(page, "upload", table)
    expect(page.locator("#template textarea")).to_have_value("{dish} It was [MASK].")
    expect(page.locator("#row textarea")).to_have_value("The soup was cold")
    expect(page.locator("#label-bars .ytick")).to_have_count(2)


def test_a_broken_table_is_refused_with_its_row(page: Page, tmp_path: Path) -> None:
    write(page, "{text} Mine [MASK].")
    expect(page.locator("#chips")).to_contain_text("mine")
    table = tmp_path / "broken.csv"
    table.write_text("text,label\none,good\ntwo,bad,extra\n", encoding="utf-8")
    upload(page, "upload", table)
    expect(page.locator("#data-message")).to_contain_text("Row 2 has 3 cells")
    expect(page.locator("#template textarea")).to_have_value("{text} Mine [MASK].")
    page.wait_for_timeout(500)  # an answer follows; it must not take the sentence away
    expect(page.locator("#data-message")).to_contain_text("Row 2 has 3 cells")


def test_a_verbalizer_goes_out_and_comes_in_as_json(page: Page, tmp_path: Path) -> None:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export JSON").click()
    exported = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert exported["labels"] == {"negative": ["terrible"], "positive": ["great"]}
    file = tmp_path / "words.json"
    file.write_text(json.dumps({"sad": ["awful"], "glad": ["lovely"]}), encoding="utf-8")
    page.locator("#verbalizer input[type=file]").set_input_files(file)
    expect(page.locator("#verbalizer .pg-label").first).to_have_value("sad")
    expect(page.locator("#label-bars")).to_contain_text("glad")


def test_figures_have_their_table_and_csv(page: Page) -> None:
    view = page.locator("#answer-bars")
    view.get_by_role("button", name="table").click()
    expect(view.locator("table tbody tr")).to_have_count(10)
    with page.expect_download() as download:
        view.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("token,")
    assert len(lines) == 11


def test_chinese_by_the_browser_and_by_choice(chromium: Browser, served: Server) -> None:
    context = chromium.new_context(locale="zh-CN")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(served.url)
    page.wait_for_selector("#label-bars .bars .point")
    expect(page.get_by_role("tab", name="训练")).to_be_visible()
    page.locator("#template textarea").fill("{text} 没有")
    expect(page.locator("#template-message")).to_contain_text("答案槽")
    page.get_by_role("button", name="EN · 中文").click()
    expect(page.get_by_role("tab", name="Train")).to_be_visible()
    context.close()


def test_calibrated_bars_stand_beside_the_raw_ones(page: Page) -> None:
    bars = page.locator("#label-bars .bars .point")
    expect(bars).to_have_count(2)
    page.locator("#calibration").get_by_text("Calibrated").click()
    expect(bars).to_have_count(4)
    page.locator("#calibration").get_by_text("PMI").click()
    expect(page.locator("#label-bars")).to_contain_text("template alone")
    page.wait_for_url("**calibration=domain**")
    page.reload()
    expect(bars).to_have_count(4)
    page.locator("#calibration").get_by_text("Raw").click()
    expect(bars).to_have_count(2)


def test_words_of_a_label_are_put_together_as_chosen(page: Page) -> None:
    words = page.locator("#verbalizer .pg-words").first
    words.fill("terrible, unwatchably")
    expect(page.locator("#verbalizer")).to_contain_text("scored by the first")
    before = page.locator("#label-bars .bartext").all_text_contents()
    page.locator("#verbalizer select[name=multi_token]").select_option("mean")
    page.locator("#verbalizer select[name=aggregation]").select_option("max")
    expect(page.locator("#verbalizer")).to_contain_text("the mean of them")
    page.wait_for_url("**aggregation**")
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('#label-bars .bartext')]"
        ".map(node => node.textContent)) !== JSON.stringify(before)",
        arg=before,
    )
    page.reload()
    expect(page.locator("#verbalizer select[name=aggregation]")).to_have_value("max")
