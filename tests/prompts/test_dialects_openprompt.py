"""OpenPrompt's templates, in and out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.prompts import Template
from playground.prompts.dialects import export_openprompt, import_template
from tests.prompts.test_dialects import codes, error_of, source_of


class TestReading:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ('{"placeholder": "text_a"} It is {"mask"}.', "{text_a} It is [MASK]."),
            ("{'placeholder':'text_a',}  {'mask'} ", "{text_a} [MASK]"),
            ('[ Kind : {"mask"} ] {"meta": "title"}', r"\[ Kind : [MASK] ] {title!}"),
            ('{"placeholder": "text_a", "shortenable": False} {"mask"}', "{text_a!} [MASK]"),
            ('{"meta": "a", "shortenable": true} {"mask"}', "{a} [MASK]"),
            ('{"mask"}{"text": "a {b} \\"c\\""}', r'[MASK]a \{b} "c"'),
            ('{"mask"} {"text": "\\u007b\\x7D\\n"}x', "[MASK] \\{}\nx"),
            ('{"mask"}{"text": "a", "add_prefix_space": " "}', "[MASK] a"),
            ('{"mask": None} a } b', "[MASK] a } b"),
            ('a {"special": "<sep>"} b {"mask"} {"special": "<eos>"}', "a [SEP] b [MASK]"),
            ('{"soft"}the {"mask"}', "[SOFT]the [MASK]"),
            ('{"soft": None} {"mask"}', "[SOFT] [MASK]"),
            ('{"soft"} {"soft"}{"soft"} {"mask"}', "[SOFT*3] [MASK]"),
            ('{"soft": "Is it so?"} {"mask"}', "[SOFT:Is it so?] [MASK]"),
            ('{"soft": " "} {"mask"}', "[SOFT] [MASK]"),
            ('{"soft": None, "duplicate": 5} {"mask"}', "[SOFT*5] [MASK]"),
            ('{"soft": None, "duplicate": 2, "same": True}{"mask"}', "[SOFT#1][SOFT#1][MASK]"),
            (
                '{"soft_id": 1} {"soft": None, "duplicate": 2, "same": True} {"mask"}',
                "[SOFT#1] [SOFT#2][SOFT#2] [MASK]",
            ),
            (
                '{"soft": "the", "soft_id": 1} a {"soft_id": 1} {"mask"}',
                "[SOFT#1:the] a [SOFT#1:the] [MASK]",
            ),
            (
                '{"soft_id": 3, "duplicate": 2} a {"soft": "x", "soft_id": 3} {"mask"}',
                "[SOFT#3*2] a [SOFT#3*2] [MASK]",
            ),
            ("<text_a> Question: <text_b> ? <mask> .", "{text_a} Question: {text_b} ? [MASK] ."),
            ("<text_a> <soft> <soft> <new> <meta:word> <mask>", "{text_a} [SOFT*3] {word!} [MASK]"),
            ("<text_a> <soft>the topic <mask>", "{text_a} [SOFT:the] topic [MASK]"),
        ],
    )
    def test_each_construct(self, source, expected):
        assert source_of(source) == expected

    @pytest.mark.parametrize(
        ("code", "expected", "noted"),
        [
            ("lambda x: x", "{text_a}", []),
            ("lambda s: s.lower()", "{text_a|lower}", []),
            ("lambda s:s.rstrip(string.punctuation)", "{text_a|strip_punctuation}", []),
            (
                "lambda s: s.lower().rstrip(string.punctuation)",
                "{text_a|lower|strip_punctuation}",
                [],
            ),
            ('lambda x:x+"."', "{text_a}.", []),
            ("lambda x: x.lower() + ' }'", "{text_a|lower} }", []),
            ("lambda s: s[:-1]", "{text_a|strip_punctuation}", ["similar"]),
            ("\"lambda x:x.strip('.')\"", "{text_a|strip_punctuation}", ["similar"]),
            ("lambda x: x.strip('ab')", "{text_a}", ["code"]),
            ("lambda s: s[:1].lower() + s[1:]", "{text_a}", ["code"]),
            ("lambda x: xx", "{text_a}", ["code"]),
            ('lambda x: x.lower(), "shortenable": True', "{text_a|lower}", []),
            ('lambda a: ",".join([f"{i}" for i in a])', "{text_a}", ["code"]),
            ("__import__('os').system('true')", "{text_a}", ["code"]),
            ('"mlp"', "{text_a}", ["ignored_key"]),
        ],
    )
    def test_post_processing_is_known_by_its_wording(self, code, expected, noted):
        source = f'{{"placeholder": "text_a", "post_processing": {code}}} {{"mask"}}'
        conversion = import_template(source)
        assert str(conversion.template) == f"{expected} [MASK]"
        assert codes(conversion) == noted

    def test_what_has_no_counterpart_is_said_piece_by_piece(self):
        conversion = import_template(
            '{"meta": "title", "single_token": 1} {"special": "<eos>"} '
            '{"text": "so", "shortenable": True} {"soft", "post_processing": "mlp"} {"mask"} '
            '{"special": "<eos>"}'
        )
        assert str(conversion.template) == "{title!} [SEP] so [SOFT] [MASK]"
        assert codes(conversion) == [
            "meta",
            "ignored_key",
            "separator",
            "ignored_key",
            "ignored_key",
            "special_tokens",
        ]
        keys = [note.details["key"] for note in conversion.notes if "key" in note.details]
        assert keys == ["single_token", "shortenable", "post_processing"]

    @pytest.mark.parametrize(
        ("source", "code", "position"),
        [
            ('so {"mask"', "unclosed_piece", 3),
            ('{"mask"} {"placeholder": "text_a', "unclosed_piece", 9),
            ('{"mask"} {"meta": lambda x: (', "unclosed_piece", 9),
            ('{"mask"} {"meta": lambda x: )}', "unreadable_piece", 28),
            ('{"mask" 3}', "unreadable_piece", 8),
            ('{"mask"} {text}', "unreadable_piece", 10),
            ('{"mask"} {"meta": }', "unreadable_piece", 18),
            ('{"mask"} {}', "no_kind", 9),
            ('{"mask"} {"placeholdr": "text_a"}', "no_kind", 9),
            ('{"mask"} {"placeholder": choice1}', "text_value", 10),
            ('{"mask"} {"meta": "a|b"}', "column_name", 9),
            ('{"mask"} {"soft": 3}', "text_value", 10),
            ('{"mask"} {"soft_id": 0}', "number_value", 10),
            ('{"mask"} {"soft", "duplicate": 10000}', "number_value", 18),
            ('{"mask"} {"soft", "duplicate": True}', "number_value", 18),
            ('{"mask"} {"meta": "a", "shortenable": 1}', "switch_value", 23),
            ('{"mask"} {"soft", "duplicate": 2, "same": "yes"}', "switch_value", 34),
        ],
    )
    def test_mistakes_are_named_and_pointed_at(self, source, code, position):
        error = error_of(source)
        assert error.code == f"conversion.{code}"
        assert error.position == position
        assert f"character {position + 1}" in error.message

    def test_a_misspelt_key_brings_a_suggestion(self):
        assert error_of('{"mask"} {"placeholdr": "a"}').message.endswith("mean placeholder?")

    def test_without_an_answer(self):
        assert error_of('{"placeholder": "text_a"}').code == "template.no_answer_slot"


class TestWriting:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("{text_a} It was [MASK].", '{"placeholder": "text_a"} It was {"mask"}.'),
            ("{text_a!} [MASK]", '{"placeholder": "text_a", "shortenable": False} {"mask"}'),
            ("{text} [MASK]", '{"meta": "text", "shortenable": True} {"mask"}'),
            ("{text!} [MASK]", '{"meta": "text"} {"mask"}'),
            (
                "{text_b|lower} [MASK]",
                '{"placeholder": "text_b", "post_processing": lambda s: s.lower()} {"mask"}',
            ),
            (r"[MASK] \{a}", '{"mask"}{"text": " \\u007ba\\u007d"}'),
            ("[MASK]\na", '{"mask"}{"text": "\\na"}'),
            ("{text_a} [SEP] [MASK]", '{"placeholder": "text_a"} {"special": "<sep>"} {"mask"}'),
            ("[SOFT] [MASK]", '{"soft"} {"mask"}'),
            ("[SOFT*4] [MASK]", '{"soft": None, "duplicate": 4} {"mask"}'),
            ("[SOFT:so] [MASK]", '{"soft": "so"} {"mask"}'),
            (
                "[SOFT#1:so] [SOFT#1] [MASK]",
                '{"soft": "so", "soft_id": 1} {"soft_id": 1} {"mask"}',
            ),
        ],
    )
    def test_each_part(self, source, expected):
        written, _ = export_openprompt(Template(source))
        assert written == expected
        assert import_template(written).template == Template(source)

    def test_what_cannot_be_said_there(self):
        template = Template("{text|first_sentence} {text} [TRIGGER*3] [MASK] {text_a}")
        written, notes = export_openprompt(template)
        assert written == (
            '{"meta": "text", "shortenable": True} {"meta": "text", "shortenable": True}  {"mask"} '
            '{"placeholder": "text_a"}'
        )
        assert [note.code for note in notes] == ["export.meta", "export.filter", "export.trigger"]
        assert [note.position for note in notes] == [0, 0, 29]


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}[]\\\r"), min_size=1)
names = st.sampled_from(["text_a", "text_b", "title", "片名", 'a b\'s "c"'])
filters = st.sampled_from(["", "|lower", "|strip_punctuation", "|strip_punctuation|lower"])
fields = st.builds("{{{}{}{}}}".format, names, filters, st.sampled_from(["", "!"]))
slots = st.sampled_from(["[MASK]", "[SEP]", "[SOFT]", "[SOFT*7]", "[SOFT:so it is]", "[SOFT#2:as]"])
texts = words.filter(lambda text: not text.isspace())
expressible = st.lists(st.tuples(fields | slots, texts).map("".join), max_size=5).map(
    lambda parts: f"So {''.join(parts)}[MASK]"
)


@given(expressible)
def test_there_and_back(source: str) -> None:
    template = Template(source)
    written, _ = export_openprompt(template)
    assert import_template(written).template == template


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_json_string_is_read_as_json_reads_it(text: str) -> None:
    source = f'{{"mask"}}{{"text": {json.dumps(text, ensure_ascii=False)}}}x'
    escaped = text.replace("\\", "\\\\").replace("{", "\\{").replace("[", "\\[")
    assert import_template(source).template == Template(f"[MASK]{escaped}x")
