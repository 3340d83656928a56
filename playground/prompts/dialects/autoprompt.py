"""AutoPrompt's templates (Shin et al. 2020): ``[CLS] {sentence} [T] [T] [T] [P] . [SEP]``

``{…}`` is read as Python's ``str.format`` does, ``[T]`` is a trigger and ``[P]`` the answer.
"""

import re

from playground.prompts.dialects.reading import (
    SPECIAL_TOKEN,
    Dialect,
    Reading,
    SpecialToken,
    column,
    split,
)
from playground.prompts.parts import AnswerSlot, Field, Text, TriggerSlot
from playground.prompts.syntax import template_error

_TOKEN = re.compile(
    SPECIAL_TOKEN
    + r"|(?P<trigger>\[T\])|(?P<answer>\[P\]|\[MASK\])"
    + r"|(?P<brace>\{\{|\}\})|\{(?P<name>[^{}!:\n\r]+)\}|(?P<stray>\{)"
)


def _read(source: str) -> Reading:
    reading = Reading()
    for text, token in split(_TOKEN, source):
        reading.parts += [Text(text)] if text else []
        if token is None:
            continue
        position = token.start()
        match token.lastgroup:
            case "special":
                reading.parts.append(SpecialToken(token["special"], position))
            case "trigger":
                reading.parts.append(TriggerSlot(position=position))
            case "answer":
                reading.parts.append(AnswerSlot(position=position))
            case "brace":
                reading.parts.append(Text(token["brace"][0]))
            case "name":
                name = column(token["name"], position)
                reading.texts.append(name)
                reading.parts.append(Field(name, position=position))
            case _:
                raise template_error(
                    "conversion.stray_brace",
                    "The {{ at character {character} does not hold a column's name. Write one, as "
                    "in {{sentence}}, or {{{{ for the brace itself.",
                    position,
                )
    return reading


AUTOPROMPT = Dialect("AutoPrompt", re.compile(r"\[[TP]\]"), _read)
