"""Templates of LM-BFF, AutoPrompt and OptiPrompt, and what holds for every dialect."""

import builtins
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.errors import TemplateError
from playground.prompts import Template
from playground.prompts.dialects import Conversion, import_template, recognise


def source_of(source: str, fields: Sequence[str] = ()) -> str:
    """What ``source`` becomes, as our own source."""
    return str(import_template(source, fields).template)


def error_while(source: str, fields: Sequence[str] = ()) -> TemplateError | None:
    try:
        import_template(source, fields)
    except TemplateError as error:
        return error
    return None


def codes(conversion: Conversion) -> list[str]:
    return [note.code.removeprefix("conversion.") for note in conversion.notes]


def error_of(source: str) -> TemplateError:
    error = error_while(source)
    assert error is not None
    return error


class TestRecognising:
    @pytest.mark.parametrize(
        ("source", "dialect"),
        [
            ('{"placeholder": "text_a"} It was {"mask"}.', "OpenPrompt"),
            ("{'meta':'title'} {'mask'}", "OpenPrompt"),
            ('{ "soft" } {"mask"', "OpenPrompt"),
            ("<text_a> It was <mask> .", "OpenPrompt"),
            ("<meta:head> is <mask>", "OpenPrompt"),
            ("*cls**sent_0*_So*mask*!*sep+*", "LM-BFF"),
            ("*sent-_0*", "LM-BFF"),
            ("{sentence} [T] [T] [P]", "AutoPrompt"),
            ("{sentence} is [P]", "AutoPrompt"),
            ("[X] lies in [Y] .", "OptiPrompt"),
            ("[X] [V1] [V2] [MASK]", "OptiPrompt"),
        ],
    )
    def test_each_dialect(self, source, dialect):
        assert recognise(source) == dialect

    @pytest.mark.parametrize(
        "source",
        [
            "{text} It was [MASK].",
            "{text} It was *very* [MASK].",
            r"{text} \[X\] \[T\] [MASK]",
            "*mask* {text} [MASK]",
            "<text_a> {text} [MASK]",
            '{"meta"} [MASK]',  # a strange name, but a column's
        ],
    )
    def test_our_own_syntax_is_never_another(self, source):
        assert recognise(source) is None
        conversion = import_template(source)
        assert (conversion.template, conversion.dialect) == (Template(source), None)
        assert conversion.notes == ()

    @pytest.mark.parametrize(
        "source",
        ["", "{text} It was [MSK].", "{text} It was", "{text", "It was *great*.", "<mask>"],
    )
    def test_a_mistake_in_ours_stays_ours(self, source):
        assert recognise(source) is None
        assert error_of(source).code.startswith("template.")


class TestLMBFF:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("*cls**sent_0*_In_short,_it_was*mask*.*sep+*", "{sent_0} In short, it was [MASK]."),
            ("*cls**mask*:*+sent_0**sep+*", "[MASK]: {sent_0}"),
            ("*cls*_A*mask*_day.*+sent_0**sep+*", " A [MASK] day. {sent_0}"),
            ("*cls**sent_0**mask*s.*sep+*", "{sent_0} [MASK]s."),
            ("*cls**sent_0**mask*,*+sent_1**sep+*", "{sent_0} [MASK], {sent_1}"),
            ("*sent_0*_a_*mask*", "{sent_0} a [MASK]"),
            ("*sent_0*{[\\*mask*", r"{sent_0}\{\[\\ [MASK]"),
        ],
    )
    def test_each_construct(self, source, expected):
        assert source_of(source) == expected

    def test_what_has_no_counterpart_is_said(self):
        conversion = import_template("*cls**sent-_0*?*mask*,*+sentl_1**label_0**sep+*")
        assert str(conversion.template) == "{sent_0|strip_punctuation}? [MASK], {sent_1}"
        assert codes(conversion) == [
            "special_tokens",
            "last_character",
            "first_letter",
            "label_word",
        ]
        assert "*cls* *sep+*" in conversion.notes[0].message
        assert [note.position for note in conversion.notes] == [1, 6, 23, 33]

    @pytest.mark.parametrize("case", ["sentl-_0", "+sentu_0", "sentu_0"])
    def test_other_cases_of_the_first_letter(self, case):
        assert "first_letter" in codes(import_template(f"*cls**{case}**mask*"))

    def test_a_separator_between_texts(self):
        source = "*cls**sent_0**sep+**mask*,*+sent_1**sep+*"
        assert source_of(source) == "{sent_0}[SEP] [MASK], {sent_1}"


class TestAutoPrompt:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("[CLS] {sentence} [T] [T] [T] [P] . [SEP]", "{sentence} [TRIGGER*3] [MASK] ."),
            ("<s> {sub_label} [T] [P]. </s>", "{sub_label} [TRIGGER] [MASK]."),
            ("[T] [T] {premise} [P] {hypothesis}", "[TRIGGER*2] {premise} [MASK] {hypothesis}"),
            ("{a} [T] is [T] [P]", "{a} [TRIGGER] is [TRIGGER] [MASK]"),
            ("{{x}} {a} [1] [P]", r"\{x} {a} \[1] [MASK]"),
            ("[T] " * 513 + "[P]", "[TRIGGER*512] [TRIGGER] [MASK]"),
        ],
    )
    def test_each_construct(self, source, expected):
        assert source_of(source) == expected

    @pytest.mark.parametrize("separator", ["[SEP]", "</s>", "</s></s>"])
    def test_a_separator_between_texts(self, separator):
        conversion = import_template(f"[CLS] {{context}} {separator} {{sub_label}} [T] [P] . [SEP]")
        assert str(conversion.template) == "{context} [SEP] {sub_label} [TRIGGER] [MASK] ."
        assert codes(conversion) == ["special_tokens"]

    @pytest.mark.parametrize("source", ["{a [P]", "{a!r} [P]", "{a:>10} [P]", "{} [P]"])
    def test_braces_that_name_no_column(self, source):
        error = error_of(source)
        assert (error.code, error.position) == ("conversion.stray_brace", 0)

    def test_a_name_that_cannot_be_ours(self):
        error = error_of("so {a|b} [P]")
        assert (error.code, error.position) == ("conversion.column_name", 3)

    def test_without_an_answer(self):
        assert error_of("{a} [T]").code == "template.no_answer_slot"


class TestOptiPrompt:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("[X] [V1] [V2] [V3] [Y] .", "{X} [SOFT*3] [MASK] ."),
            ("[X] [V1] [V2] [MASK] .", "{X} [SOFT*2] [MASK] ."),
            ("[X] was made in [Y].", "{X} was made in [MASK]."),
            ("[V1] [X] [V2] [Y]", "[SOFT] {X} [SOFT] [MASK]"),
            ("[V4] [X] [V9] [V4] [Y]", "[SOFT#1] {X} [SOFT] [SOFT#1] [MASK]"),
        ],
    )
    def test_each_construct(self, source, expected):
        assert source_of(source) == expected


class TestColumns:
    def test_a_text_is_the_only_column(self):
        conversion = import_template("*cls**sent_0*_So*mask*.*sep+*", ["review"])
        assert str(conversion.template) == "{review} So [MASK]."
        note = conversion.notes[-1]
        assert (note.code, note.position) == ("conversion.renamed", 6)
        assert (note.details["name"], note.details["column"]) == ("sent_0", "review")

    def test_texts_are_columns_in_their_own_order(self):
        fields = ["premise", "hypothesis"]
        assert source_of('{"placeholder":"text_b"} {"mask"} {"placeholder":"text_a"}', fields) == (
            "{hypothesis} [MASK] {premise}"
        )
        assert source_of("*sent_1**mask**sent_0*", fields) == "{hypothesis} [MASK]{premise}"

    def test_a_known_name_stays(self):
        assert source_of("{b} {x} [P]", ["a", "b"]) == "{b} {a} [MASK]"
        assert codes(import_template("{b} {a} [P]", ["a", "b"])) == []

    def test_a_text_without_a_column_keeps_its_name(self):
        assert source_of("*sent_0**mask**sent_1*", ["text"]) == "{text} [MASK]{sent_1}"

    def test_meta_information_keeps_its_name(self):
        source = '{"placeholder":"text_a"} {"meta":"word"} {"mask"}'
        assert source_of(source, ["text", "other"]) == "{text} {word!} [MASK]"


# Whole pieces and loose characters of all dialects, so that random sources come close to real ones.
pieces = st.sampled_from(
    [
        *"{}[]*<>\"'\\,:() _\n",
        *('{"mask"}', '{"placeholder": "text_a"}', '{"meta":', '"text_b"', '{"soft": None,'),
        *('"duplicate": 2}', '"same": True}', '{"soft_id": 1}', '"post_processing":', "lambda x:"),
        *("__import__('os').system('true')", '"shortenable": False', '{"special": "<eos>"}'),
        *("<text_a>", "<mask>", "<meta:x>", "<soft>the", "<new>"),
        *("*cls*", "*mask*", "*sent_0*", "*+sentl_1*", "*sep+*", "*label_0*"),
        *("[CLS]", "[SEP]", "[T]", "[P]", "[X]", "[Y]", "[V1]", "[V2]", "[MASK]", "{sentence}"),
    ]
)
sources = st.lists(pieces | st.text(max_size=3), max_size=10).map("".join)


@given(sources)
@example('{"mask"} {"soft": None, "duplicate": 9}' * 100)
@example("[V1][V1]" * 300 + "[Y]")
def test_any_source_is_converted_or_refused_with_its_place(source: str) -> None:
    fields = ["text", "other"]
    error = error_while(source, fields)
    if error is not None:
        assert error.code
        assert error.position is None or 0 <= error.position <= len(source)
        return
    conversion = import_template(source, fields)
    assert Template(str(conversion.template)) == conversion.template
    assert recognise(str(conversion.template)) is None
    for note in conversion.notes:
        assert note.code.startswith("conversion.")
        assert note.position is not None
        assert 0 <= note.position < len(source)


@given(sources)
def test_nothing_is_evaluated(source: str) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("evaluated")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("eval", "exec"):
            patch.setattr(builtins, name, refuse)
        error_while(source)
