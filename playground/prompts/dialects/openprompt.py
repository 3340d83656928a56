"""OpenPrompt's templates: ``{"placeholder": "text_a"} It was {"mask"}.``

Text with Python dicts and sets in it. A run of spaces before a piece counts as one, and spaces at
the end as none. Its first form was ``<text_a> It was <mask> .``, which is still about.
"""

import re
from itertools import count as count_from

from playground.prompts.dialects.dictionary import Expression, Piece, read_piece
from playground.prompts.dialects.post_processing import known_post_processing
from playground.prompts.dialects.reading import (
    SPECIAL_TOKEN,
    Dialect,
    Reading,
    SpecialToken,
    column,
    shortened,
    split,
)
from playground.prompts.parts import AnswerSlot, Field, Part, SoftSlot, Text
from playground.prompts.syntax import closest, template_error

_KINDS = ("placeholder", "meta", "soft", "soft_id", "mask", "special", "text")
_KNOWN = {
    "placeholder": {"shortenable", "post_processing"},
    "meta": {"shortenable", "post_processing"},
    "soft": {"soft_id", "duplicate", "same", "shortenable", "post_processing"},
    "soft_id": {"duplicate", "same", "shortenable", "post_processing"},
    "mask": {"shortenable"},
    "special": {"shortenable"},
    "text": {"shortenable", "post_processing"},
}
_SPACES = re.compile(" *+")
_LITERAL = re.compile(r"[^{]++")
_PIECE = re.compile(rf"\{{\s*(['\"])(?:{'|'.join(_KINDS)})\1")
_FIRST_FORM = re.compile(
    SPECIAL_TOKEN
    + r"|<(?P<placeholder>text_[a-z])>|<meta:(?P<meta>[^<>\n\r]+)>|<(?P<mask>mask)>"
    + r"|<(?P<new>new)>|<soft>(?P<soft>[^\s<\[]*)"
)


def _read(source: str) -> Reading:
    reading = _read_pieces(source) if _PIECE.search(source) else _read_first_form(source)
    reading.texts.sort()
    return reading


def _read_pieces(source: str) -> Reading:
    reading = Reading()
    slots = _SoftSlots(source)
    position = 0
    while position < len(source):
        spaces = _SPACES.match(source, position)
        assert spaces is not None  # it also takes nothing
        space, position = spaces.group()[:1], spaces.end()
        literal = _LITERAL.match(source, position)
        if literal:
            text = literal.group().rstrip(" ")
            reading.parts.append(Text(space + text))
            position += len(text)
        elif position < len(source):
            piece = read_piece(source, position)
            _read_kind(reading, piece, space, slots)
            position = piece.end
    return reading


def _read_first_form(source: str) -> Reading:
    reading = Reading()
    slots = _SoftSlots(source)
    for text, token in split(_FIRST_FORM, source):
        reading.parts += [Text(text)] if text else []
        if token and token.lastgroup:
            kind, value = token.lastgroup, token[token.lastgroup]
            if kind == "new" or not value:
                kind, value = "soft", None
            piece = Piece(token.start(), values={kind: value}, places={kind: token.start()})
            _read_kind(reading, piece, "", slots)
    return reading


def _read_kind(reading: Reading, piece: Piece, space: str, slots: "_SoftSlots") -> None:
    kind = next((kind for kind in _KINDS if kind in piece.values), None)
    if kind is None:
        name = next(iter(piece.values), "")
        raise template_error(
            "conversion.no_kind",
            "The piece at character {character} has none of the keys that say what it is: {kinds}.",
            piece.position,
            kinds=", ".join(_KINDS),
            suggestion=closest(name, _KINDS),
        )
    if piece.values.get("add_prefix_space") in ("", " "):
        space = piece.text("add_prefix_space")
    else:
        _say_ignored(reading, piece, "add_prefix_space")
    for key in piece.values.keys() - _KNOWN[kind] - {kind, "add_prefix_space"}:
        _say_ignored(reading, piece, key)
    reading.parts += [Text(space)] if space else []
    if kind in ("placeholder", "meta"):
        _read_column(reading, piece, kind)
        return
    if kind == "special":
        reading.parts.append(SpecialToken(piece.text(kind), piece.position))
    elif kind == "mask":
        reading.parts.append(AnswerSlot())
    elif kind == "text":
        reading.parts.append(Text(piece.text(kind)))
        if piece.switch("shortenable", False):
            _say_ignored(reading, piece, "shortenable")
    else:
        reading.parts += slots.read(piece)
    _say_ignored(reading, piece, "post_processing")


def _read_column(reading: Reading, piece: Piece, kind: str) -> None:
    position = piece.position
    name = column(piece.text(kind), position)
    if kind == "placeholder":
        reading.texts.append(name)
    else:
        reading.notes.append(
            template_error(
                "conversion.meta",
                'The example\'s meta information "{name}" (at character {character}) is the column '
                "{{{name}}} of the table.",
                position,
                name=name,
            )
        )
    keep = not piece.switch("shortenable", kind == "placeholder")
    code = piece.values.get("post_processing")
    code = code.code if isinstance(code, Expression) else code
    if not isinstance(code, str):
        reading.parts.append(Field(name, keep=keep, position=position))
        return
    known = known_post_processing(code)
    if known is None:
        _say_ignored(reading, piece, "post_processing")
        reading.parts.append(Field(name, keep=keep, position=position))
        return
    if not known.exact:
        reading.notes.append(
            template_error(
                "conversion.similar",
                'The code "{written}" at character {character} was not run. The filter {filters} '
                "in its place does nearly the same.",
                piece.places["post_processing"],
                written=shortened(code),
                filters="|".join(known.filters),
            )
        )
    reading.parts.append(Field(name, known.filters, keep, position=position))
    reading.parts += [Text(known.suffix)] if known.suffix else []


def _say_ignored(reading: Reading, piece: Piece, key: str) -> None:
    """Notes that ``key``, where the piece has it, has no counterpart."""
    if key not in piece.values:
        return
    value = piece.values[key]
    if isinstance(value, Expression):
        reading.notes.append(
            template_error(
                "conversion.code",
                'The code "{written}" at character {character} was left out: what is pasted is '
                "never run.",
                piece.places[key],
                written=shortened(value.code),
            )
        )
        return
    reading.notes.append(
        template_error(
            "conversion.ignored_key",
            '"{key}" at character {character} was left out: it has no counterpart here.',
            piece.places[key],
            key=shortened(key),
        )
    )


class _SoftSlots:
    """Reads soft pieces; the first of one ``soft_id`` says what all of them are."""

    def __init__(self, source: str) -> None:
        self.seen: set[int] = set()
        self.taken = {int(number) for number in re.findall(r"soft_id\W+([0-9]{1,3})", source)}

    def read(self, piece: Piece) -> list[Part]:
        share = piece.number("soft_id")
        if share in self.seen:
            return [SoftSlot(share=share)]
        self.seen |= {share} if share else set()
        if piece.values.get("soft") is not None:
            words = " ".join(piece.text("soft").split())
            return [SoftSlot(words=words or None, share=share)]
        count = piece.number("duplicate") or 1
        if count == 1 or not piece.switch("same", False):
            return [SoftSlot(count, share=share)]
        if share is None:
            share = next(number for number in count_from(1) if number not in self.taken)
            self.taken.add(share)
        return [SoftSlot(share=share)] * count


OPENPROMPT = Dialect(
    "OpenPrompt", re.compile(_PIECE.pattern + r"|<text_[a-z]>|<meta:[^<>\n\r]+>"), _read
)
