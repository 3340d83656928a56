r"""The grammar of templates: reading source into parts, and writing parts as source.

    template = { literal | field | slot }
    field    = "{" name { "|" filter } [ "!" ] "}"
    slot     = "[MASK]" | "[SEP]" | "[TRIGGER" [ "*" count ] "]"
             | "[SOFT" [ "#" number ] [ "*" count | ":" words ] "]"

A backslash before one of ``{ } [ ] \`` gives the character itself; before any other it is ordinary
text, and so are a lone ``}`` and a lone ``]``. An opening ``{`` or ``[`` always means something:
what it means is never guessed, so text with brackets needs its backslash.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches

from playground.errors import TemplateError
from playground.prompts.parts import (
    AnswerSlot,
    Field,
    Part,
    Separator,
    Slot,
    SoftSlot,
    Text,
    TriggerSlot,
)

MAXIMUM_COUNT = 512

_ESCAPE = re.compile(r"\\([{}\[\]\\])")
_LITERAL = re.compile(r"(?:\\[{}\[\]\\]|[^{\[])++")
_INSIDE_BRACES = re.compile(r"[^{}\n\r]*+")
_INSIDE_BRACKETS = re.compile(r"(?:\\[{}\[\]\\]|[^\[\]\n\r])*+")
_SLOT = re.compile(
    r"(?P<kind>[^\W\d_]+)\s*(?:#(?P<share>[^*:]*))?(?:\*(?P<count>[^:]*))?(?::(?P<words>.*))?",
    re.DOTALL,
)
_SLOT_FORMS = {
    "MASK": "[MASK]",
    "SOFT": "[SOFT], [SOFT*5], [SOFT:in summary] or [SOFT#1]",
    "TRIGGER": "[TRIGGER] or [TRIGGER*3]",
    "SEP": "[SEP]",
}
# A full stop counts only before white space ("3.5 stars"), and not after these; the full-width
# marks need no space. A line break ends a sentence as well: headlines have no full stop.
_SENTENCE_END = re.compile(
    r"(?<![.!?…])"
    r"(?<!\b(?i:mr|ms|dr|st|vs))(?<!\b(?i:mrs|e\.g|i\.e))(?<!\b(?i:prof))"
    r"[.!?…]++[\"'”’)\]»]*+(?=\s|$)"
    r"|[。！？]++[\"'”’）】」』》]*+"
    r"|(?=[\n\r])"
)


def is_punctuation(text: str) -> bool:
    """Whether ``text`` is nothing but punctuation (Unicode's classes P) and white space."""
    return all(char.isspace() or unicodedata.category(char)[0] == "P" for char in text)


def strip_punctuation(text: str) -> str:
    """Drop the punctuation and white space that ``text`` ends with."""
    end = len(text)
    while end and is_punctuation(text[end - 1]):
        end -= 1
    return text[:end]


def first_sentence(text: str) -> str:
    """What stands before the first end of a sentence, with its mark; all of it without one."""
    text = text.strip()
    end = _SENTENCE_END.search(text)
    return text[: end.end()].rstrip() if end else text


FILTERS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "strip_punctuation": strip_punctuation,
    "first_sentence": first_sentence,
}


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` is most probably a misspelling of, letter case aside."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def template_error(
    code: str, sentence: str, position: int | None = None, **details: object
) -> TemplateError:
    """An error whose sentence is filled in from its details, so that these can never lack a value.

    ``character`` in the sentence is the position as people count, from 1. A ``suggestion`` among
    the details is put to the reader at the end.
    """
    if position is not None:
        details["character"] = position + 1
    message = sentence.format(**details)
    if details.get("suggestion"):
        message += f" Did you mean {details['suggestion']}?"
    return TemplateError(message, position=position, code=code, **details)


def read(source: str) -> tuple[Part, ...]:
    """The parts of a template's source, in order, with neighbouring text in one part.

    Raises a `TemplateError` at the first thing that is not in the grammar.
    """
    parts: list[Part] = []
    position = 0
    while position < len(source):
        if source[position] == "{":
            parts.append(_read_field(source, position))
            position = source.index("}", position) + 1
        elif source[position] == "[":
            inside = _inside_brackets(source, position)
            parts.append(_read_slot(inside, position))
            position += len(inside) + 2
        else:
            literal = _LITERAL.match(source, position)
            assert literal is not None  # it takes every character but an opening one
            parts.append(Text(_ESCAPE.sub(r"\1", literal.group()), position=position))
            position = literal.end()
    return _settle_shared(parts)


def write(parts: Iterable[Part]) -> str:
    """The source of ``parts``; reading it gives the same parts again."""
    return "".join(map(_write_part, parts))


def _read_field(source: str, position: int) -> Field:
    match = _INSIDE_BRACES.match(source, position + 1)
    assert match is not None  # it also takes nothing
    closing = source[match.end() : match.end() + 1]
    if closing == "{":
        raise template_error(
            "template.nested_brace",
            "After the {{ at character {character} comes another {{ before the }}. Write single "
            "braces around a column's name, as in {{text}}, or \\{{ for the brace itself.",
            position,
        )
    if closing != "}":
        raise template_error(
            "template.unclosed_brace",
            "The {{ at character {character} is not closed on its line. Close it with }}, "
            "or write \\{{ for the brace itself.",
            position,
        )
    inside = match.group().rstrip()
    keep = inside.endswith("!")
    inside = inside[:-1] if keep else inside
    if "!" in inside:
        raise template_error(
            "template.misplaced_exclamation",
            "In the braces at character {character} an exclamation mark stands in the middle. It "
            "comes last, as in {{text!}} or {{text|lower!}}, and a column's name cannot hold one.",
            position,
        )
    name, *filters = inside.split("|")
    if "\\" in name:
        raise template_error(
            "template.backslash_in_field",
            "The column's name at character {character} holds a backslash, which cannot stand in "
            "braces. Rename the column.",
            position,
        )
    if not name.strip():
        raise template_error(
            "template.empty_field",
            "The braces at character {character} name no column. Write its name in them, as in "
            "{{text}}, or \\{{ for the brace itself.",
            position,
        )
    start = position + 1 + len(name) + 1
    for filter_name in filters:
        _check_filter(filter_name, start)
        start += len(filter_name) + 1
    return Field(name.strip(), tuple(map(str.strip, filters)), keep, position=position)


def _check_filter(raw: str, start: int) -> None:
    name = raw.strip()
    if not name:
        raise template_error(
            "template.empty_filter",
            "No filter stands after the | at character {character}. The filters are: {filters}.",
            start - 1,
            filters=", ".join(FILTERS),
        )
    if name not in FILTERS:
        raise template_error(
            "template.unknown_filter",
            'There is no filter "{filter}" (at character {character}). The filters are: {filters}.',
            start + len(raw) - len(raw.lstrip()),
            filter=name,
            filters=", ".join(FILTERS),
            suggestion=closest(name, FILTERS),
        )


def _inside_brackets(source: str, position: int) -> str:
    match = _INSIDE_BRACKETS.match(source, position + 1)
    assert match is not None  # it also takes nothing
    closing = source[match.end() : match.end() + 1]
    if closing == "[":
        raise template_error(
            "template.nested_bracket",
            "After the [ at character {character} comes another [ before the ]. "
            "Write \\[ for the bracket itself.",
            position,
        )
    if closing != "]":
        raise template_error(
            "template.unclosed_bracket",
            "The [ at character {character} is not closed on its line. Close it with ], "
            "or write \\[ for the bracket itself.",
            position,
        )
    return match.group()


def _read_slot(inside: str, position: int) -> Slot:
    match = _SLOT.fullmatch(inside.strip())
    kind = match["kind"].upper() if match else ""
    slot = _shortened(f"[{inside}]")
    if match is None or kind not in _SLOT_FORMS:
        name = re.match(r"[^\W\d_]*", inside.strip())
        near = closest(name.group(), _SLOT_FORMS) if name else None
        raise template_error(
            "template.unknown_slot",
            'There is no slot "{slot}" (at character {character}). The slots are [MASK], [SOFT] '
            "and [TRIGGER], and [SEP] parts two texts; write \\[ for the bracket itself.",
            position,
            slot=slot,
            suggestion=f"[{near}]" if near else None,
        )
    share, count, words = match["share"], match["count"], match["words"]
    extras = {"SOFT": (), "TRIGGER": (share, words)}.get(kind, (share, count, words))
    if any(extra is not None for extra in extras):
        raise template_error(
            "template.slot_options",
            '"{slot}" at character {character} says more than this slot can take. Write {form}.',
            position,
            slot=slot,
            form=_SLOT_FORMS[kind],
        )
    if kind == "MASK":
        return AnswerSlot(position=position)
    if kind == "SEP":
        return Separator(position=position)
    if kind == "TRIGGER":
        return TriggerSlot(_number(count, slot, position) or 1, position=position)
    if count is not None and words is not None:
        raise template_error(
            "template.count_and_words",
            '"{slot}" at character {character} has both a count and words. Give one of them: '
            "the words settle how many vectors there are.",
            position,
            slot=slot,
        )
    # A count of 0 stands for one that was not given, until the slots that share are settled.
    return SoftSlot(
        _number(count, slot, position) or 0,
        _words(words, slot, position),
        _number(share, slot, position),
        position=position,
    )


def _number(digits: str | None, slot: str, position: int) -> int | None:
    if digits is None:
        return None
    digits = digits.strip()
    # Long numbers are refused unread: int() takes its time over them, and gives up at 4,300 digits.
    if not re.fullmatch(r"0*[0-9]{1,3}", digits) or not 1 <= int(digits[-3:]) <= MAXIMUM_COUNT:
        raise template_error(
            "template.bad_number",
            'The number in "{slot}" at character {character} must be a whole one from 1 to '
            "{maximum}.",
            position,
            slot=slot,
            maximum=MAXIMUM_COUNT,
        )
    return int(digits[-3:])


def _words(raw: str | None, slot: str, position: int) -> str | None:
    if raw is None:
        return None
    if "{" in _ESCAPE.sub("", raw):
        raise template_error(
            "template.field_in_words",
            'The words of "{slot}" at character {character} are the same for every row, so no '
            "column can stand in them. Write \\{{ for the brace itself.",
            position,
            slot=slot,
        )
    words = _ESCAPE.sub(r"\1", raw).strip()
    if not words:
        raise template_error(
            "template.empty_words",
            'No words stand after the colon of "{slot}" at character {character}. Write some, as '
            "in [SOFT:in summary], or [SOFT] alone.",
            position,
            slot=slot,
        )
    return words


def _settle_shared(parts: list[Part]) -> tuple[Part, ...]:
    """Give the slots of one number the count or the words that any of them states."""
    stated: dict[int, SoftSlot] = {}
    for part in parts:
        if isinstance(part, SoftSlot) and part.share and (part.count or part.words):
            first = stated.setdefault(part.share, part)
            if first != part:
                raise template_error(
                    "template.share_conflict",
                    'Soft slots with one number are the same vectors, but "{slot}" at character '
                    '{character} differs from "{first_slot}" at character {first_character}. '
                    "Make them the same, or give them different numbers.",
                    part.position,
                    slot=_shortened(_write_part(part)),
                    first_slot=_shortened(_write_part(first)),
                    first_character=first.position + 1,
                )
    return tuple(_settle(part, stated) if isinstance(part, SoftSlot) else part for part in parts)


def _settle(slot: SoftSlot, stated: dict[int, SoftSlot]) -> SoftSlot:
    model = stated.get(slot.share, slot) if slot.share else slot
    return replace(slot, count=model.count or 1, words=model.words)


def _write_part(part: Part) -> str:
    match part:
        case Text(text):
            return re.sub(r"[\\{\[]", r"\\\g<0>", text)
        case Field(name, filters, keep):
            return "{" + "|".join((name, *filters)) + "!" * keep + "}"
        case AnswerSlot():
            return "[MASK]"
        case Separator():
            return "[SEP]"
        case TriggerSlot(count):
            return f"[TRIGGER*{count}]" if count > 1 else "[TRIGGER]"
        case SoftSlot(count, words, share):
            number = f"#{share}" if share else ""
            repeat = f"*{count}" if count > 1 else ""
            start = ":" + re.sub(r"[\\{\[\]]", r"\\\g<0>", words) if words else ""
            return f"[SOFT{number}{repeat}{start}]"


def _shortened(slot: str) -> str:
    return slot if len(slot) <= 40 else slot[:38] + "…]"
