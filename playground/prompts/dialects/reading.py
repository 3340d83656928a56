"""From what a dialect reads to a template of ours: columns, special tokens, runs of slots.

Notes are errors that are told and not raised: each says of one piece what became of it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from playground.errors import TemplateError
from playground.prompts.parts import (
    AnswerSlot,
    Field,
    Part,
    Separator,
    SoftSlot,
    Text,
    TriggerSlot,
)
from playground.prompts.syntax import MAXIMUM_COUNT, template_error, write
from playground.prompts.template import Template


@dataclass(frozen=True, slots=True)
class Conversion:
    """Another tool's template as one of ours.

    ``notes`` say piece by piece what could not be taken over as it was. ``dialect`` is the name of
    the tool, None where the source was in our own syntax.
    """

    template: Template
    dialect: str | None
    notes: tuple[TemplateError, ...] = ()


@dataclass(frozen=True, slots=True)
class SpecialToken:
    """A token such as ``[CLS]``, which the model at hand may write in another way."""

    token: str
    position: int


@dataclass
class Reading:
    """What a dialect makes of a source, before it is fitted to a table.

    ``texts`` are the columns that stand for the row's texts, in the order of the texts, and that
    may have other names in the table at hand.
    """

    parts: list[Part | SpecialToken] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    notes: list[TemplateError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dialect:
    """A tool's syntax: what gives it away, and how it is read."""

    name: str
    marks: re.Pattern[str]
    read: Callable[[str], Reading]


SPECIAL_TOKEN = r"(?P<special>\[CLS\]|\[SEP\]|</?s>|<cls>|<sep>)"
_SEPARATORS = ("[SEP]", "</s>", "<sep>", "*sep*", "*sep+*")


def split(pattern: re.Pattern[str], source: str) -> list[tuple[str, re.Match[str] | None]]:
    """The text before each token, with the token; last the text after all of them."""
    found: list[tuple[str, re.Match[str] | None]] = []
    end = 0
    for token in pattern.finditer(source):
        found.append((source[end : token.start()], token))
        end = token.end()
    return [*found, (source[end:], None)]


def column(name: str, position: int) -> str:
    """``name`` as the name of a column, or a `TemplateError` where our syntax has none for it."""
    if not name.strip() or re.search(r"[{}|!\\\n\r]", name):
        raise template_error(
            "conversion.column_name",
            'The name "{name}" at character {character} cannot be a column\'s name here. Use one '
            "of letters, digits and underscores.",
            position,
            name=shortened(name),
        )
    return name.strip()


def shortened(text: str) -> str:
    """``text`` short enough to stand in a sentence."""
    return text if len(text) <= 60 else text[:59] + "…"


def convert_reading(dialect: str, reading: Reading, fields: Sequence[str]) -> Conversion:
    """The template that a reading stands for, with the columns of a table that has ``fields``."""
    notes = [*reading.notes]
    parts = _rename(_without_special(reading.parts, notes), reading.texts, fields, notes)
    source = write(_merge(parts)).rstrip()
    notes.sort(key=lambda note: note.position or 0)
    return Conversion(Template(source), dialect, tuple(notes))


def _without_special(
    parts: Sequence[Part | SpecialToken], notes: list[TemplateError]
) -> list[Part]:
    """Those at the ends are the model's to add; those in the middle part two texts."""
    visible = [
        index
        for index, part in enumerate(parts)
        if not isinstance(part, SpecialToken)
        and not (isinstance(part, Text) and not part.text.strip())
    ]
    start, end = (visible[0], visible[-1] + 1) if visible else (0, 0)
    ends = [part for part in (*parts[:start], *parts[end:]) if isinstance(part, SpecialToken)]
    if ends:
        notes.append(
            template_error(
                "conversion.special_tokens",
                "The special tokens at the ends ({tokens}) were left out: the model's own are "
                "added to every text.",
                ends[0].position,
                tokens=shortened(" ".join(special.token for special in ends)),
            )
        )
    kept: list[Part] = []
    for part in parts[start:end]:
        if not isinstance(part, SpecialToken):
            kept.append(part)
            continue
        if part.token not in _SEPARATORS:
            notes.append(
                template_error(
                    "conversion.separator",
                    'The special token "{token}" at character {character} is [SEP] here, which is '
                    "the model's own token between two texts.",
                    part.position,
                    token=shortened(part.token),
                )
            )
        if not isinstance(kept[-1], Separator):
            kept.append(Separator(position=part.position))
    return kept


def _rename(
    parts: list[Part], texts: Sequence[str], fields: Sequence[str], notes: list[TemplateError]
) -> list[Part]:
    """Texts that the table does not know by name are its other columns, in order."""
    used = {part.name for part in parts if isinstance(part, Field)}
    unknown = [name for name in dict.fromkeys(texts) if name in used and name not in fields]
    columns = dict(zip(unknown, (name for name in fields if name not in used), strict=False))
    for name, new in columns.items():
        first = next(part for part in parts if isinstance(part, Field) and part.name == name)
        notes.append(
            template_error(
                "conversion.renamed",
                'The text "{name}" (at character {character}) is the column "{column}" here.',
                first.position,
                name=shortened(name),
                column=new,
            )
        )
    return [
        replace(part, name=columns.get(part.name, part.name)) if isinstance(part, Field) else part
        for part in parts
    ]


def _merge(parts: Iterable[Part]) -> list[Part]:
    """Slots of one kind that follow each other, with at most spaces between, become one slot."""
    merged: list[Part] = []
    for part in parts:
        blank = bool(merged) and isinstance(merged[-1], Text) and not merged[-1].text.strip()
        before = merged[-2 if blank else -1] if len(merged) > blank else None
        together = _together(before, part)
        if together is not None:
            del merged[-2 if blank else -1 :]
        merged.append(together or part)
    return merged


def _together(first: Part | None, second: Part) -> SoftSlot | TriggerSlot | None:
    match first, second:
        case (SoftSlot(a, None, None), SoftSlot(b, None, None)) if a + b <= MAXIMUM_COUNT:
            return SoftSlot(a + b)
        case (TriggerSlot(a), TriggerSlot(b)) if a + b <= MAXIMUM_COUNT:
            return TriggerSlot(a + b)
    return None


def spaced_answer_slot(parts: list[Part | SpecialToken], position: int) -> None:
    """Appends an answer slot with a space before it, unless the text begins there."""
    before = next((part for part in reversed(parts) if not isinstance(part, SpecialToken)), None)
    if before is not None and not (isinstance(before, Text) and before.text[-1:].isspace()):
        parts.append(Text(" "))
    parts.append(AnswerSlot(position=position))
