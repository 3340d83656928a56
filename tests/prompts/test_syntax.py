"""What a person can write in a template, and what they are told where it cannot be read."""

import pytest

from playground.errors import TemplateError
from playground.prompts import AnswerSlot, Field, Separator, SoftSlot, Template, Text, TriggerSlot


def error_of(source: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        Template(source)
    return caught.value


class TestReading:
    def test_text_column_and_slot(self):
        assert Template("{text} It was [MASK].").parts == (
            Field("text"),
            Text(" It was "),
            AnswerSlot(),
            Text("."),
        )

    @pytest.mark.parametrize(
        ("source", "part"),
        [
            ("{text}", Field("text")),
            ("{ text }", Field("text")),
            ("{text|lower}", Field("text", ("lower",))),
            ("{text | first_sentence | lower}", Field("text", ("first_sentence", "lower"))),
            ("{text!}", Field("text", keep=True)),
            ("{text|lower!}", Field("text", ("lower",), keep=True)),
            ("{text|lower ! }", Field("text", ("lower",), keep=True)),
            ("{评论 内容}", Field("评论 内容")),
            ("{a[0]: b}", Field("a[0]: b")),
            ("[mask]", AnswerSlot()),
            ("[ Mask ]", AnswerSlot()),
            ("[SOFT]", SoftSlot()),
            ("[soft*5]", SoftSlot(5)),
            ("[SOFT*512]", SoftSlot(512)),
            ("[SOFT*007]", SoftSlot(7)),
            ("[SOFT:in summary]", SoftSlot(words="in summary")),
            ("[SOFT: in: summary * # ]", SoftSlot(words="in: summary * #")),
            (r"[SOFT:a \[b\] \{c\}]", SoftSlot(words="a [b] {c}")),
            ("[SOFT#2]", SoftSlot(share=2)),
            ("[SOFT#2*3]", SoftSlot(3, share=2)),
            ("[SOFT#2:so]", SoftSlot(words="so", share=2)),
            ("[TRIGGER]", TriggerSlot()),
            ("[trigger*3]", TriggerSlot(3)),
            ("[SEP]", Separator()),
            ("[ sep ]", Separator()),
            (r"\{\}\[\]\\", Text("{}[]\\")),
            ("a } and a ]", Text("a } and a ]")),
            (r"C:\new \* ", Text(r"C:\new \* ")),
            ("two\nlines ", Text("two\nlines ")),
        ],
    )
    def test_each_piece(self, source, part):
        template = Template(source + "[MASK]")
        assert template.parts == (part, AnswerSlot())
        assert Template(str(template)) == template

    def test_a_bracket_around_a_slot_is_escaped(self):
        template = Template(r"\[Category: [MASK]\] {text}")
        assert template.parts == (Text("[Category: "), AnswerSlot(), Text("] "), Field("text"))

    def test_parts_know_where_they_stand(self):
        template = Template(r"\{ {text} [MASK]")
        assert [part.position for part in template.parts] == [0, 3, 9, 10]
        assert [template.source[p.position] for p in template.parts] == ["\\", "{", " ", "["]

    def test_fields_are_distinct_and_in_order(self):
        assert Template("{b} {a|lower} {b!} [MASK]").fields == ("b", "a")

    def test_several_answer_slots_are_counted(self):
        assert Template("[MASK][MASK] {text}").answer_slots == 2

    def test_slots_of_one_number_settle_on_what_one_of_them_says(self):
        template = Template("[SOFT#1] [SOFT#2:so] [SOFT#1*3] [SOFT#2] [SOFT] [MASK]")
        assert [part for part in template.parts if isinstance(part, SoftSlot)] == [
            SoftSlot(3, share=1),
            SoftSlot(words="so", share=2),
            SoftSlot(3, share=1),
            SoftSlot(words="so", share=2),
            SoftSlot(),
        ]

    def test_equality_is_of_meaning_not_of_spelling(self):
        one, same, other = Template("{ a }[mask]"), Template("{a}[MASK]"), Template("{a} [MASK]")
        assert one == same
        assert hash(one) == hash(same)
        assert one != other
        assert one != "{a}[MASK]"
        assert str(one) == "{a}[MASK]"
        assert one.source == "{ a }[mask]"
        assert repr(one) == "Template('{a}[MASK]')"


class TestMistakes:
    @pytest.mark.parametrize(
        ("source", "code", "position"),
        [
            ("It was {text [MASK]", "unclosed_brace", 7),
            ("{text\n} [MASK]", "unclosed_brace", 0),
            ("[MASK] {", "unclosed_brace", 7),
            ("[MASK] {{text}}", "nested_brace", 7),
            ("[MASK] {}", "empty_field", 7),
            ("[MASK] { |lower}", "empty_field", 7),
            ("[MASK] {!}", "empty_field", 7),
            ("[MASK] {text!|lower}", "misplaced_exclamation", 7),
            ("[MASK] {text!!}", "misplaced_exclamation", 7),
            ("[MASK] {te\\xt}", "backslash_in_field", 7),
            ("[MASK] {text|lower| upper}", "unknown_filter", 20),
            ("[MASK] {text|lower| }", "empty_filter", 18),
            ("[MASK] {text|}", "empty_filter", 12),
            ("{text} It was [MASK", "unclosed_bracket", 14),
            ("{text} It was [MASK\n].", "unclosed_bracket", 14),
            (r"[MASK] [SOFT:a\]", "unclosed_bracket", 7),
            ("[Category: [MASK]] {text}", "nested_bracket", 0),
            ("It was [MSK].", "unknown_slot", 7),
            ("As in [1] [MASK]", "unknown_slot", 6),
            ("[] [MASK]", "unknown_slot", 0),
            ("[SOFT5] [MASK]", "unknown_slot", 0),
            ("a [MASK*2]", "slot_options", 2),
            ("a [MASK:good]", "slot_options", 2),
            ("[MASK][TRIGGER:a]", "slot_options", 6),
            ("[MASK][TRIGGER#1]", "slot_options", 6),
            ("[MASK][SEP*2]", "slot_options", 6),
            ("[MASK][SEP:a]", "slot_options", 6),
            ("[MASK][SOFT*0]", "bad_number", 6),
            ("[MASK][SOFT*513]", "bad_number", 6),
            ("[MASK][SOFT*-1]", "bad_number", 6),
            ("[MASK][SOFT*]", "bad_number", 6),
            ("[MASK][SOFT*٣]", "bad_number", 6),
            ("[MASK][SOFT#x]", "bad_number", 6),
            ("[MASK][TRIGGER*five]", "bad_number", 6),
            ("[MASK][SOFT*" + "9" * 5000 + "]", "bad_number", 6),
            ("[MASK][SOFT*3:so]", "count_and_words", 6),
            ("[MASK][SOFT:see {text}]", "field_in_words", 6),
            ("[MASK][SOFT: ]", "empty_words", 6),
            ("[MASK][SOFT#1*3] [SOFT#1*4]", "share_conflict", 17),
            ("[MASK][SOFT#1*3] [SOFT#1*1]", "share_conflict", 17),
            ("[MASK][SOFT#1:so] [SOFT#1:as]", "share_conflict", 18),
            ("[MASK][SOFT#1] [SOFT#1:so] [SOFT#1*2]", "share_conflict", 27),
        ],
    )
    def test_are_named_and_pointed_at(self, source, code, position):
        error = error_of(source)
        assert error.code == f"template.{code}"
        assert error.position == position
        assert f"at character {position + 1}" in error.message
        assert error.details["character"] == position + 1
        assert len(error.message) < 300

    @pytest.mark.parametrize(
        ("source", "code"),
        [("", "empty"), (" \n ", "empty"), ("{text} It was", "no_answer_slot"), (None, "not_text")],
    )
    def test_of_the_whole_template_point_nowhere(self, source, code):
        error = error_of(source)
        assert error.code == f"template.{code}"
        assert error.position is None
        assert "[MASK]" in error.message

    @pytest.mark.parametrize(
        ("source", "suggestion"),
        [
            ("[MSK]", "[MASK]"),
            ("[masks]", "[MASK]"),
            ("[SOFT5]", "[SOFT]"),
            ("[trigers*3]", "[TRIGGER]"),
            ("[SEPP]", "[SEP]"),
            ("[MASK]{text|Lower}", "lower"),
            ("[MASK]{text|strip_punct}", "strip_punctuation"),
        ],
    )
    def test_close_to_something_known_bring_a_suggestion(self, source, suggestion):
        error = error_of(source)
        assert error.details["suggestion"] == suggestion
        assert error.message.endswith(f"Did you mean {suggestion}?")

    @pytest.mark.parametrize("source", ["[1] [MASK]", "[Category] [MASK]", "[MASK]{text|reverse}"])
    def test_far_from_everything_known_bring_none(self, source):
        error = error_of(source)
        assert error.details["suggestion"] is None
        assert "Did you mean" not in error.message

    def test_with_brackets_say_how_to_write_the_bracket(self):
        for source in ["[Category: [MASK]] {text}", "[1] [MASK]", "[MASK"]:
            assert r"\[ for the bracket itself" in error_of(source).message

    def test_of_unequal_sharing_show_both_slots(self):
        error = error_of("[MASK][SOFT#1*3] [SOFT#1*4]")
        assert error.details["slot"] == "[SOFT#1*4]"
        assert error.details["first_slot"] == "[SOFT#1*3]"
        assert error.details["first_character"] == 7
