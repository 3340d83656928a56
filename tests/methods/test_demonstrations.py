"""Demonstrations: balanced, the same for the same seed, whole, and never the row itself."""

from collections import Counter

import pandas as pd
import pytest

from playground.errors import DataError, TemplateError
from playground.methods import Comparison
from playground.methods.demonstrations import Demonstrations
from playground.models import load_model
from playground.prompts import Template, Text, Verbalizer
from tests import tiny

CLOZE, PREFIX = Template("{text} It was [MASK]."), Template("Text: {text}\nMood: [MASK]")
WORDS = Verbalizer({"good": ["great", "good"], "bad": ["terrible"], "so": ["so"]})
TRAIN = pd.DataFrame({"text": [f"{label}{i}" for i in range(9) for label in WORDS.labels]}).assign(
    label=list(WORDS.labels) * 9
)


def shown(
    count: int,
    template: Template = CLOZE,
    rows: list[dict[str, str]] | None = None,
    seed: int = 13,
    train: pd.DataFrame = TRAIN,
) -> list[str]:
    """What stands in front of each row."""
    demonstrations = Demonstrations(train, WORDS.labels, count, seed)
    found = []
    for longer in demonstrations.before(template, WORDS, rows or [{"text": "new"}]):
        literal, *rest = longer.parts
        assert tuple(rest[-len(template.parts) + 1 :]) == template.parts[1:]
        assert isinstance(literal, Text)
        found.append(literal.text)
    return found


def labels_in(text: str) -> list[str]:
    """The labels of the demonstrations, by the texts, which begin with them."""
    return [part.split()[0].rstrip("0123456789") for part in text.split(". ") if part]


@pytest.mark.parametrize("count", range(1, 9))
def test_labels_come_by_turns(count):
    labels = labels_in(shown(count)[0])
    assert len(labels) == count
    occurrences = Counter(dict.fromkeys(WORDS.labels, 0)) + Counter(labels)
    for start in range(0, count, 3):
        turn = labels[start : start + 3]
        assert len(set(turn)) == len(turn)
    assert max(occurrences.values()) <= -(-count // 3)


def test_they_are_answered_with_the_labels_first_word():
    assert shown(1)[0] in {
        f"{row.text} It was {WORDS.words[row.label][0]}. " for row in TRAIN.itertuples()
    }


def test_a_prefix_template_has_a_blank_line_between():
    assert shown(2, PREFIX, seed=1)[0].count("\n\n") == 2
    first, second, rest = ("".join(shown(2, PREFIX, seed=1)) + "x").split("\n\n")
    for one in (first, second):
        assert one.startswith("Text: ")
        assert one.splitlines()[1] in {f"Mood: {words[0]}" for words in WORDS.words.values()}
    assert rest.startswith("Text: ")


def test_the_seed_settles_them():
    assert shown(6, seed=13) == shown(6, seed=13)
    assert len({shown(6, seed=seed)[0] for seed in range(10)}) > 5


def test_all_rows_have_the_same_but_for_themselves():
    rows = TRAIN[["text"]].to_dict("records")
    found = shown(6, rows=rows)
    usual = Counter(found).most_common(1)[0][0]
    for row, text in zip(rows, found, strict=True):
        assert f"{row['text']} It" not in text
        assert (text != usual) == (f"{row['text']} It" in usual)
        assert labels_in(text) == labels_in(usual)


def test_the_same_text_is_never_shown_whatever_its_label():
    train = pd.DataFrame({"text": ["a", "a", "a", "b", "c", "d"]}).assign(
        label=["good", "bad", "so", "good", "bad", "so"]
    )
    (found,) = shown(3, rows=[{"text": "a"}], train=train)
    assert "a It" not in found


def test_brackets_in_a_text_stay_text():
    train = TRAIN.assign(text="[MASK] {text} \\ " + TRAIN["text"])
    assert shown(1, train=train)[0].startswith("[MASK] {text} \\ ")


def test_soft_slots_show_their_words():
    template = Template("{text} [SOFT:in all] it was [MASK].")
    longer = Demonstrations(TRAIN, WORDS.labels, 1, 13).before(template, WORDS, [{"text": "x"}])[0]
    assert " in all it was " in longer.parts[0].text


def test_every_slot_has_its_word_and_a_separator_is_a_space():
    template = Template("{text} [SEP] [MASK] it was [MASK].")
    words = Verbalizer({"good": "so | great, good", "bad": "not | great", "so": "so | so"})
    demonstrations = Demonstrations(TRAIN, words.labels, 3, 13)
    (longer,) = demonstrations.before(template, words, [{"text": "x"}])
    for middle in ("so it was great. ", "not it was great. ", "so it was so. "):
        assert middle in longer.parts[0].text
    assert "[SEP]" not in longer.parts[0].text


def test_too_few_examples_are_told():
    with pytest.raises(DataError, match=r"show 2 of the label “good”.* are only 1\.") as caught:
        Demonstrations(TRAIN.head(5).iloc[[0, 1, 2, 4]], ("good", "bad"), 4, 13)
    assert caught.value.code == "data.too_few_demonstrations"
    few = TRAIN.head(3)
    with pytest.raises(DataError, match="besides the row itself there are only 0"):
        shown(3, rows=[{"text": few["text"][0]}], train=few)


@pytest.mark.parametrize(("family", "template"), [("bert", CLOZE), ("gpt2", PREFIX)])
def test_the_rows_own_text_is_cut_and_nothing_else(tmp_path, family, template):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    words = Verbalizer({"good": ["good"], "bad": ["bad"]})
    train = pd.DataFrame({"text": ["on", "mat", "sat", "cat"], "label": ["good", "bad"] * 2})
    rows = pd.DataFrame({"text": ["the " * 60, "the"], "label": ["good", "bad"]})

    def encoded(count: int) -> list[str]:
        comparison = Comparison(model, [template], [words], rows, train=train, demonstrations=count)
        found = comparison._scorers[0].encode(rows.to_dict("records"))
        return [model.tokenizer.decode(one.ids) for one in found]

    long, short = encoded(1 if family == "gpt2" else 2)
    assert len(model.tokenizer(long, add_special_tokens=False)["input_ids"]) <= model.max_length
    head, _, tail = short.rpartition(" the")
    assert long.startswith(head)
    assert long.endswith(tail)
    assert long.count(" the") > 1
    train["text"] += " the cat sat" * 10
    with pytest.raises(TemplateError, match="leave no room for the text") as caught:
        encoded(2)
    assert caught.value.code == "comparison.no_room"
