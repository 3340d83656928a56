"""The offer to convert another tool's template, in both languages."""

import re

import pytest

from playground.page.conversion import offer


def is_chinese(text: str) -> bool:
    return re.search("[\u4e00-\u9fff]", text) is not None


@pytest.mark.parametrize("source", ["{text} It was [MASK].", "{text} It was [MSK].", "{text", ""])
def test_our_own_syntax_brings_no_offer(source: str) -> None:
    assert offer(source, ["text"], "en") is None


def test_an_offer_has_the_template_and_what_changes() -> None:
    found = offer("*cls**sent_0*_So*mask*!*sep+*", ["review"], "en")
    assert found is not None
    assert found["template"] == "{review} So [MASK]!"
    assert found["sentence"] == "This looks like an LM-BFF template. Here it would be:"
    assert len(found["notes"]) == 2
    assert found["broken"] == ""


def test_a_mistake_is_told_in_its_place() -> None:
    found = offer('{"placeholder": text_a} {"mask"}', ["text"], "en")
    assert found == {
        "broken": "This looks like an OpenPrompt template. "
        'The value of "placeholder" at character 2 must be text in quotes.'
    }


@pytest.mark.parametrize(
    ("source", "notes"),
    [
        ("*cls**sent-_0*?*mask*,*+sentl_1**label_0**sep+*", 5),
        ("{a} [CLS] {b} [T] [P]", 2),
        ('{"meta": "a", "post_processing": lambda s: s[:-1]} {"mask"}', 2),
        ('{"meta": "a", "post_processing": lambda s: {}, "x": 1} {"mask"}', 3),
    ],
)
def test_notes_in_chinese(source: str, notes: int) -> None:
    english, chinese = (offer(source, ["text"], language) for language in ("en", "zh-CN"))
    assert english is not None
    assert chinese is not None
    assert english["template"] == chinese["template"]
    assert len(chinese["notes"]) == len(english["notes"]) == notes
    for told in (chinese["sentence"], chinese["button"], chinese["done"], *chinese["notes"]):
        assert is_chinese(told)


@pytest.mark.parametrize(
    "source",
    [
        '{"mask"',
        '{"mask" 3}',
        '{"mask"} {"meta": 3}',
        '{"mask"} {"soft_id": 0}',
        '{"mask"} {"meta": "a", "shortenable": 1}',
        '{"mask"} {"meta": "a|b"}',
        '{"mask"} {"maks"}',
        "{a [P]",
        "[T]",
    ],
)
def test_mistakes_in_chinese(source: str) -> None:
    english, chinese = (offer(source, ["text"], language) for language in ("en", "zh-CN"))
    assert english is not None
    assert chinese is not None
    assert "character" in english["broken"] or "answer slot" in english["broken"]
    assert is_chinese(chinese["broken"].removeprefix("这像是"))
    assert "{character}" not in chinese["broken"]
