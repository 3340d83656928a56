"""Our templates in OpenPrompt's syntax."""

import json
import re
from collections.abc import Iterator

from playground.errors import TemplateError
from playground.prompts.dialects.post_processing import written_post_processing
from playground.prompts.parts import AnswerSlot, Field, Separator, SoftSlot, Text, TriggerSlot
from playground.prompts.syntax import template_error
from playground.prompts.template import Template

_TEXTS = ("text_a", "text_b")  # of every example; other columns are its "meta"


def export_openprompt(template: Template) -> tuple[str, tuple[TemplateError, ...]]:
    """``template`` in OpenPrompt's syntax, and notes on what it cannot say there.

    The columns ``text_a`` and ``text_b`` are placeholders, all others the example's ``meta``.
    """
    notes: list[TemplateError] = []
    shared: set[int] = set()
    pieces = []
    for part in template.parts:
        match part:
            case Text(text):
                pieces.append(_write_text(text))
            case Field():
                pieces.append(_write_field(part, notes))
            case AnswerSlot():
                pieces.append('{"mask"}')
            case Separator():
                pieces.append('{"special": "<sep>"}')
            case SoftSlot():
                pieces.append(_write_soft(part, again=part.share in shared))
                shared |= {part.share} if part.share else set()
            case TriggerSlot(count):
                notes.append(
                    template_error(
                        "export.trigger",
                        "The trigger slot at character {character} was left out: OpenPrompt has "
                        "no such tokens.",
                        part.position,
                        count=count,
                    )
                )
    return "".join(pieces), tuple(notes)


def _write_text(text: str) -> str:
    """As it is where OpenPrompt reads it so, else as a piece: it takes only single spaces."""
    is_plain = not re.search(r"[{\n\r]|^  |  $", text)
    return text if is_plain else f'{{"text": {_quoted(text)}}}'


def _write_field(part: Field, notes: list[TemplateError]) -> str:
    is_text = part.name in _TEXTS
    entries = [f'"{"placeholder" if is_text else "meta"}": {_quoted(part.name)}']
    if part.keep == is_text:
        entries.append(f'"shortenable": {not part.keep}')
    if not is_text and not any(note.details.get("name") == part.name for note in notes):
        notes.append(
            template_error(
                "export.meta",
                'OpenPrompt knows the texts text_a and text_b. The column "{name}" goes into the '
                '"meta" of each example.',
                part.position,
                name=part.name,
            )
        )
    code = written_post_processing(part.filters)
    if code is None:
        notes.append(
            template_error(
                "export.filter",
                "The filters of {{{name}}} at character {character} were left out: {filters} has "
                "no counterpart there.",
                part.position,
                name=part.name,
                filters="|".join(part.filters),
            )
        )
    elif part.filters:
        entries.append(f'"post_processing": {code}')
    return "{" + ", ".join(entries) + "}"


def _write_soft(part: SoftSlot, *, again: bool) -> str:
    return "{" + ", ".join(_soft_entries(part, again)) + "}"


def _soft_entries(part: SoftSlot, again: bool) -> Iterator[str]:
    if again:
        yield f'"soft_id": {part.share}'
        return
    if part.words:
        yield f'"soft": {_quoted(part.words)}'
    elif part.count > 1 or part.share:
        yield '"soft": None'
    else:
        yield '"soft"'
    if part.count > 1:
        yield f'"duplicate": {part.count}'
    if part.share:
        yield f'"soft_id": {part.share}'


def _quoted(text: str) -> str:
    """A string literal without braces, which OpenPrompt would count."""
    return json.dumps(text, ensure_ascii=False).replace("{", "\\u007b").replace("}", "\\u007d")
