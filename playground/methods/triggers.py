"""Templates with trigger slots: where the slots stand, and what the found tokens make of them.

To the model a trigger is a soft slot that holds a token's own embedding. So a search never has to
spell a token, and what it has found can be used wherever a trained prompt can.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor

from playground.errors import TemplateError
from playground.models import LanguageModel
from playground.prompts import AnswerSlot, Part, SoftSlot, Template, Text, TriggerSlot
from playground.prompts.syntax import write

_SPELLINGS = 81  # ways of writing the found words that are tried at most


def with_triggers(template: Template, count: int) -> Template:
    """The template itself where it has triggers, else with ``count`` before its answer slot.

    That is where the authors have them: ``{sentence} [T] [T] [T] [P] .`` is one of their templates.
    """
    if any(isinstance(part, TriggerSlot) for part in template.parts):
        return template
    at = next(i for i, part in enumerate(template.parts) if isinstance(part, AnswerSlot))
    added: tuple[Part, ...] = (TriggerSlot(count), Text(" "))
    return template.with_source(write(template.parts[:at] + added + template.parts[at:]))


def without_triggers(template: Template) -> Template:
    """The template as if its trigger slots, with the space after each, had not been written."""
    parts: list[Part] = []
    for at, part in enumerate(template.parts):
        if isinstance(part, TriggerSlot):
            continue
        if isinstance(part, Text) and at and isinstance(template.parts[at - 1], TriggerSlot):
            part = Text(part.text.removeprefix(" "))
        parts.append(part)
    return template.with_source(write(parts))


def soft_template(template: Template) -> Template:
    """The template with a soft slot in place of each trigger slot."""
    parts = [SoftSlot(p.count) if isinstance(p, TriggerSlot) else p for p in template.parts]
    return template.with_source(write(parts))


def trigger_vectors(model: LanguageModel, ids: Sequence[int]) -> Tensor:
    """What stands in the soft slots for these tokens: (triggers, embedding)."""
    with torch.no_grad():
        embedded: Tensor = model.network.get_input_embeddings()(
            torch.tensor(ids, device=model.device)
        )
    return embedded


def written_template(
    model: LanguageModel,
    template: Template,
    ids: Sequence[int],
    rows: Sequence[Mapping[str, Any]],
) -> Template | None:
    """The template with its triggers written out, or None if they cannot be told in writing.

    They can where the model reads ``rows`` as the very tokens ``ids`` in the trigger slots.
    """
    soft = soft_template(template)
    wanted = [
        (_replaced(one.ids, one.soft, ids), one.answer, one.types)
        for one in model.encode(soft, rows)
    ]
    spaces = _spaces(model, soft)
    for written in _spelled(model, template, ids):
        try:
            read = [(one.ids, one.answer, one.types) for one in model.encode(written, rows)]
        except TemplateError:  # read as more tokens than they were, it does not fit
            continue
        if read == wanted and _spaces(model, written) == spaces:
            return written
    return None


def _replaced(
    given: tuple[int, ...], soft: tuple[tuple[int, int], ...], ids: Sequence[int]
) -> tuple[int, ...]:
    replaced = list(given)
    for position, trigger in soft:
        replaced[position] = ids[trigger]
    return tuple(replaced)


def _spaces(model: LanguageModel, template: Template) -> list[bool]:
    """Whether a label word has a space before it, at each answer slot."""
    slots = range(template.answer_slots)
    return [model.encoder.answer_after_space(template, slot) for slot in slots]


def _spelled(model: LanguageModel, template: Template, ids: Sequence[int]) -> Iterator[Template]:
    """Templates that may say these tokens: words with the space around them, or without."""
    counts = [part.count for part in template.parts if isinstance(part, TriggerSlot)]
    left = list(ids)
    spellings = []
    for count in counts:
        tokens, left = left[:count], left[count:]
        words = str(model.tokenizer.decode(tokens, clean_up_tokenization_spaces=False))
        spellings.append(list(dict.fromkeys((words, words.strip(), " " + words.strip()))))
    for chosen in islice(product(*spellings), _SPELLINGS):
        texts = iter(chosen)
        parts = [Text(next(texts)) if isinstance(p, TriggerSlot) else p for p in template.parts]
        yield template.with_source(write(parts))
