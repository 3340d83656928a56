"""Templates: how a row of a table becomes what a language model reads."""

import string
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from playground.errors import DataError, TemplateError
from playground.prompts.parts import AnswerSlot, Field, Filled, Part, RenderedPart, Text
from playground.prompts.syntax import (
    FILTERS,
    closest,
    is_punctuation,
    read,
    template_error,
    write,
)

# What a table's empty cells read as: those of plain Python, of NumPy and of pandas.
_EMPTY_CELLS = frozenset({"None", "nan", "NaT", "<NA>"})
_MARKS_AFTER_A_SLOT = ".,:;!?-–—，。：；！？、"
_COLUMNS_SHOWN = 12

Truncation = Literal["balanced", "tail", "head"]


class Template:
    """A template in the syntax of `playground.prompts.syntax`, such as ``{text} It was [MASK].``

    ``source`` is what was written, ``parts`` what it means, ``fields`` the distinct columns in
    the order of their first use, and ``answer_slots`` the number of answer slots, at least one. A
    template that ends at an answer slot ``is_prefix`` and suits causal models too.

    ``truncation`` says what goes where a filled-in template is longer than a model reads:
    ``"tail"`` the end of the last field, then of those before it; ``"head"`` the beginning of the
    first field, then of those after it; ``"balanced"`` the ends of the longest fields, so that
    those that are cut keep like lengths.

    Templates are equal when their parts and their truncation are; ``str`` gives the canonical
    source. A source that cannot be read raises a `TemplateError` with its position.
    """

    def __init__(self, source: str, *, truncation: Truncation = "balanced") -> None:
        if not isinstance(source, str):
            raise template_error(
                "template.not_text",
                "A template is text, such as {{text}} It was [MASK].",
            )
        if not source.strip():
            raise template_error(
                "template.empty",
                "The template is empty. Write a column in braces, and [MASK] where the model "
                "should answer, such as {{text}} It was [MASK].",
            )
        if truncation not in get_args(Truncation):
            raise template_error(
                "template.unknown_truncation",
                'A template cannot be cut by "{truncation}". Choose one of: {truncations}.',
                truncation=truncation,
                truncations=", ".join(get_args(Truncation)),
            )
        self.truncation = truncation
        self.source = source
        self.parts = read(source)
        self.fields = tuple(
            dict.fromkeys(part.name for part in self.parts if isinstance(part, Field))
        )
        self.answer_slots = sum(isinstance(part, AnswerSlot) for part in self.parts)
        if not self.answer_slots:
            raise template_error(
                "template.no_answer_slot",
                "The template has no answer slot. Write [MASK] where the model should answer.",
            )
        visible = [p for p in self.parts if not (isinstance(p, Text) and p.text.isspace())]
        self.is_prefix = isinstance(visible[-1], AnswerSlot)

    def __str__(self) -> str:
        return write(self.parts)

    def __repr__(self) -> str:
        cut = f", truncation={self.truncation!r}" if self.truncation != "balanced" else ""
        return f"Template({str(self)!r}{cut})"

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Template) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.parts, self.truncation

    def with_source(self, source: str) -> "Template":
        """Another source, cut in the same way. Raises as making a template does."""
        return Template(source, truncation=self.truncation)

    def render(self, row: Mapping[str, object]) -> tuple[RenderedPart, ...]:
        """The parts with every text filled in from ``row``, slots left as they are.

        Raises a `TemplateError` for a column that ``row`` has not, and a `DataError` for one
        without a value (``None`` or not a number); an empty string is a value.
        """
        return tuple(_fill(part, row) for part in self.parts)

    def check_fields(self, columns: Iterable[str]) -> None:
        """Raise the `TemplateError` that `render` would for a table with these columns."""
        known = list(columns)
        for part in self.parts:
            if isinstance(part, Field) and part.name not in known:
                raise _unknown_field(part, known)

    def reshape(self, shape: Literal["cloze", "prefix"]) -> "Template":
        """This template with its last answer slot inside the text, or at its end.

        A prefix template loses what follows the slot where that is only punctuation; otherwise
        the slot moves to the end. In a cloze template a full stop follows a slot that stood at
        the end. A template that has the shape already stays as it is.
        """
        if shape not in ("cloze", "prefix"):
            raise template_error(
                "template.unknown_shape",
                'A template cannot be made "{shape}". Choose cloze or prefix.',
                shape=shape,
            )
        slot = max(i for i, part in enumerate(self.parts) if isinstance(part, AnswerSlot))
        through_slot, after = self.parts[: slot + 1], self.parts[slot + 1 :]
        if shape == "cloze":
            if not self.is_prefix:
                return self
            return self.with_source(write(through_slot) + self._full_stop())
        if all(isinstance(part, Text) and is_punctuation(part.text) for part in after):
            return self.with_source(write(through_slot)) if after else self
        before, rest = write(self.parts[:slot]), write(after)
        if not before.strip():  # "[MASK]: {text}" should not begin with the colon
            rest = rest.lstrip(_MARKS_AFTER_A_SLOT + string.whitespace)
        elif rest[0].isspace() or rest[0] in _MARKS_AFTER_A_SLOT:
            before = before.rstrip()
        return self.with_source(f"{(before + rest).rstrip()} [MASK]")

    def _full_stop(self) -> str:
        literal = "".join(part.text for part in self.parts if isinstance(part, Text))
        is_chinese = any("\u4e00" <= char <= "\u9fff" for char in literal)
        return "。" if is_chinese else "."


def _fill(part: Part, row: Mapping[str, object]) -> RenderedPart:
    if isinstance(part, Text):
        return Filled(part.text, None, keep=True)
    if not isinstance(part, Field):
        return part
    if part.name not in row:
        raise _unknown_field(part, row)
    value = row[part.name]
    text = str(value)
    if not isinstance(value, str) and text in _EMPTY_CELLS:
        sentence = 'The column "{field}" has no value in this row. Fill it in or drop the row.'
        raise DataError(
            sentence.format(field=part.name), code="data.missing_value", field=part.name
        )
    for name in part.filters:
        text = FILTERS[name](text)
    return Filled(text, part.name, part.keep)


def _unknown_field(part: Field, columns: Iterable[object]) -> TemplateError:
    known = [str(column) for column in columns]
    if not known:
        return template_error(
            "template.no_columns",
            'The template names the column "{field}" at character {character}, but the table has '
            "no columns.",
            part.position,
            field=part.name,
        )
    near = closest(part.name, known)
    return template_error(
        "template.unknown_field",
        'The table has no column "{field}", which the template names at character {character}. '
        "Its columns are: {columns}.",
        part.position,
        field=part.name,
        columns=", ".join(known[:_COLUMNS_SHOWN]) + (", …" if len(known) > _COLUMNS_SHOWN else ""),
        suggestion=f"{{{near}}}" if near else None,
    )
