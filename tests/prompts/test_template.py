"""What templates make of a row, their shapes, and what holds for every source."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.errors import DataError, PlaygroundError, TemplateError
from playground.prompts import AnswerSlot, Filled, SoftSlot, Template, TriggerSlot

# Whole pieces and loose characters of the syntax, so that random templates come close to real ones.
pieces = st.sampled_from(
    [
        *r"{}[]\|!*#: 1",
        "[MASK]",
        "[mask]",
        "[SOFT]",
        "[SOFT*5]",
        "[SOFT:in summary]",
        "[SOFT#1]",
        "[SOFT#1*3]",
        r"[SOFT#2:a \] b]",
        "[TRIGGER*2]",
        "[SEP]",
        "{text}",
        "{ 标题 |lower!}",
        "{a b|first_sentence|lower}",
        r"\[",
        r"\{",
        "It was ",
        ". ",
        "\n",
        "好，",
    ]
)
sources = st.lists(pieces | st.text(max_size=3), max_size=8).map("".join)
literals = st.text(min_size=1)
names = st.text(
    st.characters(exclude_characters="{}|!\\\n\r", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name == name.strip())


def escaped(text: str) -> str:
    return re.sub(r"[{}\[\]\\]", r"\\\g<0>", text)


def rendered(source: str) -> object:
    template = Template(source)
    return template.render(dict.fromkeys(template.fields, source))


def error_while(action: Callable[[], object]) -> PlaygroundError | None:
    try:
        action()
    except PlaygroundError as error:
        return error
    return None


class TestRendering:
    def test_fills_in_columns_and_leaves_slots(self):
        template = Template("{title!}: {text} [SOFT*2] It was [MASK][TRIGGER].")
        assert template.render({"title": "Jaws", "text": "Wet.", "other": 1}) == (
            Filled("Jaws", "title", keep=True),
            Filled(": ", None, keep=True),
            Filled("Wet.", "text", keep=False),
            Filled(" ", None, keep=True),
            SoftSlot(2),
            Filled(" It was ", None, keep=True),
            AnswerSlot(),
            TriggerSlot(),
            Filled(".", None, keep=True),
        )

    @pytest.mark.parametrize(
        ("filters", "value", "expected"),
        [
            ("lower", "GREAT Film", "great film"),
            ("strip_punctuation", "Great film!?) ", "Great film"),
            ("strip_punctuation", "很好看。", "很好看"),
            ("strip_punctuation", "It costs 5$", "It costs 5$"),
            ("strip_punctuation", "...", ""),
            ("first_sentence", "Good. Bad.", "Good."),
            ("first_sentence", '"Good!" he said. Bad.', '"Good!"'),
            ("first_sentence", "It has 3.5 stars... Or so", "It has 3.5 stars..."),
            ("first_sentence", "Mr. Fox met e.g. Dr. No. Bad.", "Mr. Fox met e.g. Dr. No."),
            ("first_sentence", "很好看。不错！", "很好看。"),
            ("first_sentence", "“好看！”他说。", "“好看！”"),
            ("first_sentence", "Markets rise\nShares rose. More", "Markets rise"),
            ("first_sentence", "  no end at all ", "no end at all"),
            ("first_sentence", "", ""),
            ("first_sentence|strip_punctuation|lower", "GOOD! Bad.", "good"),
            ("lower", 3.5, "3.5"),
        ],
    )
    def test_filters(self, filters, value, expected):
        (filled, _) = Template(f"{{text|{filters}}}[MASK]").render({"text": value})
        assert filled == Filled(expected, "text", keep=False)

    @pytest.mark.parametrize("value", ["", "nan", "None", 0, False])
    def test_what_looks_empty_but_is_a_value(self, value):
        (filled, _) = Template("{text}[MASK]").render({"text": value})
        assert filled == Filled(str(value), "text", keep=False)

    def test_an_empty_cell_is_refused(self):
        numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
        for value in [None, float("nan"), numpy.float32("nan"), pandas.NA, pandas.NaT]:
            with pytest.raises(DataError, match='"text" has no value') as caught:
                Template("{text}[MASK]").render({"text": value})
            assert caught.value.code == "data.missing_value"
            assert caught.value.details["field"] == "text"

    def test_an_unknown_column_is_refused_with_and_without_a_row(self):
        template = Template("{label} {Txet|lower} [MASK]")
        for ask in (template.render, template.check_fields):
            with pytest.raises(TemplateError) as caught:
                ask({"label": "good", "text": "Wet."})
            error = caught.value
            assert error.code == "template.unknown_field"
            assert error.position == 8
            assert error.details["field"] == "Txet"
            assert error.details["columns"] == "label, text"
            assert error.message.endswith("Did you mean {text}?")

    def test_a_wide_table_is_not_listed_whole(self):
        with pytest.raises(TemplateError) as caught:
            Template("{text}[MASK]").check_fields(f"column {i}" for i in range(500))
        assert len(caught.value.message) < 300

    def test_a_table_without_columns(self):
        with pytest.raises(TemplateError, match="no columns") as caught:
            Template("[MASK] {text}").check_fields([])
        assert caught.value.position == 7

    def test_known_columns_pass(self):
        Template("{text} [MASK]").check_fields(iter(["label", "text"]))
        Template("[MASK]").check_fields([])


class TestShape:
    @pytest.mark.parametrize(
        ("source", "prefix", "cloze"),
        [
            ("{text} It was [MASK].", "{text} It was [MASK]", "{text} It was [MASK]."),
            ("{text} It was [MASK]", "{text} It was [MASK]", "{text} It was [MASK]."),
            ("{text} It was [MASK] ", "{text} It was [MASK]", "{text} It was [MASK]."),
            ("[MASK] : {text}", "{text} [MASK]", "[MASK] : {text}"),
            ("[MASK] News: {text}", "News: {text} [MASK]", "[MASK] News: {text}"),
            ('[MASK] "{text}"', '"{text}" [MASK]', '[MASK] "{text}"'),
            ("{a} ? [MASK] , {b}", "{a} ? , {b} [MASK]", "{a} ? [MASK] , {b}"),
            ("Just [MASK]! {text}", "Just! {text} [MASK]", "Just [MASK]! {text}"),
            (r"\[It: [MASK]\]", r"\[It: [MASK]", r"\[It: [MASK]]"),
            ("[MASK] [SOFT*3]", "[SOFT*3] [MASK]", "[MASK] [SOFT*3]"),
            ("[MASK] or [MASK]!", "[MASK] or [MASK]", "[MASK] or [MASK]!"),
            ("{text}很[MASK]", "{text}很[MASK]", "{text}很[MASK]。"),
            ("[MASK]", "[MASK]", "[MASK]."),
        ],
    )
    def test_reshape(self, source, prefix, cloze):
        template = Template(source)
        assert str(template.reshape("prefix")) == prefix
        assert str(template.reshape("cloze")) == cloze

    @pytest.mark.parametrize(
        ("source", "is_prefix"),
        [("{text} [MASK]", True), ("[MASK] \n", True), ("[MASK].", False), ("[MASK][SOFT]", False)],
    )
    def test_is_prefix(self, source, is_prefix):
        assert Template(source).is_prefix is is_prefix

    def test_a_new_shape_is_cut_as_the_old_one(self):
        template = Template("{text} It was [MASK].", truncation="head")
        assert template.reshape("prefix").truncation == "head"
        assert template.reshape("prefix").reshape("cloze") == template

    def test_an_unknown_shape_is_refused(self):
        with pytest.raises(TemplateError, match="Choose cloze or prefix"):
            Template("[MASK]").reshape("circle")  # type: ignore[arg-type]


class TestTruncation:
    def test_it_is_part_of_what_a_template_is(self):
        plain, head = Template("{text} [MASK]"), Template("{text} [MASK]", truncation="head")
        assert plain != head
        assert plain.truncation == "balanced"
        assert eval(repr(head)) == head
        assert head.with_source("[MASK]") == Template("[MASK]", truncation="head")

    def test_an_unknown_one_is_refused(self):
        with pytest.raises(TemplateError, match="balanced, tail, head"):
            Template("[MASK]", truncation="middle")  # type: ignore[arg-type]


class TestForEverySource:
    @given(sources)
    @example("[" * 5000)
    @example("{" * 5000)
    @example("." * 5000 + "x")
    def test_nothing_is_raised_but_sentences(self, source):
        if error := error_while(lambda: rendered(source)):
            assert error.code.startswith("template.")
            assert error.message
            position = error.details["position"]
            assert position is None or 0 <= position < len(source)

    @given(sources.map(lambda source: source + "[MASK]"))
    def test_str_gives_the_template_back(self, source):
        try:
            template = Template(source)
        except TemplateError:
            return
        assert Template(str(template)) == template
        assert str(Template(str(template))) == str(template)
        assert hash(Template(str(template))) == hash(template)

    @given(sources.map(lambda source: "[MASK]" + source))
    def test_reshaping_twice_is_reshaping_once(self, source):
        try:
            template = Template(source)
        except TemplateError:
            return
        prefix, cloze = template.reshape("prefix"), template.reshape("cloze")
        assert prefix.is_prefix
        assert prefix.reshape("prefix") == prefix
        assert not cloze.is_prefix
        assert cloze.reshape("cloze") == cloze
        for reshaped in (prefix, cloze, prefix.reshape("cloze")):
            assert reshaped.fields == template.fields
            assert reshaped.answer_slots == template.answer_slots

    @given(st.lists(literals | st.none(), min_size=1), names, st.text())
    def test_rendering_keeps_every_character(self, texts, name, value):
        source = "".join(f"{{{name}}}" if text is None else escaped(text) for text in texts)
        filled = Template(source + "[MASK]").render({name: value})[:-1]
        assert "".join(piece.text for piece in filled) == "".join(
            value if text is None else text for text in texts
        )

    @given(st.text())
    @example("." * 20000 + "x")
    @example('."' * 10000)
    def test_filters_only_ever_cut(self, value):
        template = Template("{text|first_sentence}{text|strip_punctuation}[MASK]")
        first, stripped, _ = template.render({"text": value})
        assert value.strip().startswith(first.text)
        assert value.startswith(stripped.text)


def test_prompts_need_no_torch_pandas_or_gradio():
    code = "import sys, playground.prompts; print({'torch','pandas','gradio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
