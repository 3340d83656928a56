"""The pieces in braces of an OpenPrompt template: Python's dicts and sets, in writing.

OpenPrompt evaluates them. Here they are read: keys, strings, whole numbers, True, False and None.
Anything else, such as a lambda, is kept as the characters it is written with.
"""

import re
from dataclasses import dataclass, field

from playground.errors import TemplateError
from playground.prompts.dialects.reading import shortened
from playground.prompts.syntax import MAXIMUM_COUNT, template_error

STRING = r"""(?:"(?:[^"\\\n]|\\[^\n])*+"|'(?:[^'\\\n]|\\[^\n])*+')"""
_SPACE = re.compile(r"\s*+")
_KEY = re.compile(STRING)
_SIMPLE = re.compile(rf"({STRING}|[0-9]++|True|False|None|true|false|null)(?=\s*+[,}}])")
_WORDS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
# One step through an expression: a string at a time, so that no bracket in one is counted.
_STEP = re.compile(rf"{STRING}|[^,(){{}}\[\]\"']++|[\"']")
_ESCAPE = re.compile(
    r"\\(?:u(?P<u>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|x(?P<x>[0-9a-fA-F]{2})|(?P<char>.))"
)
_CHARACTERS = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that is code: never run, only shown, or known by its wording."""

    code: str


Value = str | int | bool | None | Expression


@dataclass
class Piece:
    """What stands between two braces, and where: a value and its position by key."""

    position: int
    end: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """The text under ``key``, or a `TemplateError`."""
        value = self.values[key]
        if not isinstance(value, str):
            raise template_error(
                "conversion.text_value",
                'The value of "{key}" at character {character} must be text in quotes.',
                self.places[key],
                key=key,
            )
        return value

    def number(self, key: str) -> int | None:
        """The number under ``key``, None where there is no such key, or a `TemplateError`."""
        value = self.values.get(key)
        if key not in self.values:
            return None
        if type(value) is not int or not 1 <= value <= MAXIMUM_COUNT:
            raise template_error(
                "conversion.number_value",
                'The value of "{key}" at character {character} must be a whole number from 1 to '
                "{maximum}.",
                self.places[key],
                key=key,
                maximum=MAXIMUM_COUNT,
            )
        return value

    def switch(self, key: str, default: bool) -> bool:
        """The True or False under ``key``, or a `TemplateError`."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise template_error(
                "conversion.switch_value",
                'The value of "{key}" at character {character} must be True or False.',
                self.places[key],
                key=key,
            )
        return value


def read_piece(source: str, position: int) -> Piece:
    """The piece whose opening brace is at ``position``; a `TemplateError` says where it fails."""
    piece = Piece(position)
    at = _skip(source, position + 1)
    while source[at : at + 1] != "}":
        key = _KEY.match(source, at)
        if key is None:
            raise _unreadable(source, at, position)
        name = unquoted(key.group())
        piece.places[name] = at
        piece.values[name] = None
        at = _skip(source, key.end())
        if source[at : at + 1] == ":":
            at = _skip(source, at + 1)
            piece.values[name], at = _read_value(source, at, position)
        if source[at : at + 1] == ",":
            at = _skip(source, at + 1)
        elif source[at : at + 1] != "}":
            raise _unreadable(source, at, position)
    piece.end = at + 1
    return piece


def unquoted(literal: str) -> str:
    """The text of a string literal, with its escapes resolved."""
    return _ESCAPE.sub(_character, literal[1:-1])


def _character(escape: re.Match[str]) -> str:
    if escape["char"]:
        return _CHARACTERS.get(escape["char"], escape.group())
    code = int(escape["u"] or escape["long"] or escape["x"], 16)
    is_character = code < 0xD800 or 0xDFFF < code <= 0x10FFFF
    return chr(code) if is_character else escape.group()


def _read_value(source: str, at: int, opening: int) -> tuple[Value, int]:
    simple = _SIMPLE.match(source, at)
    if simple:
        written = simple.group()
        value: Value
        if written[0] in "\"'":
            value = unquoted(written)
        elif written in _WORDS:
            value = _WORDS[written]
        else:
            value = int(written[:9])  # longer ones are too large for anything that is counted here
        return value, _skip(source, simple.end())
    depth, end = 0, at
    while depth or source[end : end + 1] not in (",", "}"):
        step = _STEP.match(source, end)
        bracket = source[end : end + 1]
        if step is None:
            depth += 1 if bracket in "([{" else 0 if bracket == "," else -1
        if not bracket or depth < 0:
            raise _unreadable(source, end, opening)
        end = step.end() if step else end + 1
    if end == at:
        raise _unreadable(source, at, opening)
    return Expression(source[at:end].strip()), end


def _skip(source: str, at: int) -> int:
    space = _SPACE.match(source, at)
    assert space is not None  # it also takes nothing
    return space.end()


def _unreadable(source: str, at: int, opening: int) -> TemplateError:
    if at >= len(source):
        return template_error(
            "conversion.unclosed_piece",
            "The {{ at character {character} is not closed. Close it with }}.",
            opening,
        )
    return template_error(
        "conversion.unreadable_piece",
        'From character {character} on, "{rest}" cannot be read. OpenPrompt\'s pieces are such as '
        '{{"placeholder": "text_a"}} or {{"mask"}}.',
        at,
        rest=shortened(source[at : at + 20]),
    )
