"""OptiPrompt's templates (Zhong et al. 2021): ``[X] [V1] [V2] [V3] [Y] .``

``[X]`` is the subject of a fact, ``[Y]`` its object, which is the answer. ``[V1]`` and so on are
vectors; those with one number are the same.
"""

import re
from collections import Counter

from playground.prompts.dialects.reading import (
    SPECIAL_TOKEN,
    Dialect,
    Reading,
    SpecialToken,
    split,
)
from playground.prompts.parts import AnswerSlot, Field, SoftSlot, Text

_VECTOR = re.compile(r"\[V([0-9]+)\]")
_TOKEN = re.compile(
    SPECIAL_TOKEN + r"|(?P<subject>\[X\])|(?P<answer>\[Y\]|\[MASK\])|\[V(?P<vector>[0-9]+)\]"
)


def _read(source: str) -> Reading:
    reading = Reading(texts=["X"])
    repeated = [number for number, times in Counter(_VECTOR.findall(source)).items() if times > 1]
    shares = {number: share for share, number in enumerate(repeated, 1)}
    for text, token in split(_TOKEN, source):
        reading.parts += [Text(text)] if text else []
        if token is None:
            continue
        position = token.start()
        match token.lastgroup:
            case "special":
                reading.parts.append(SpecialToken(token["special"], position))
            case "subject":
                reading.parts.append(Field("X", position=position))
            case "answer":
                reading.parts.append(AnswerSlot(position=position))
            case _:
                share = shares.get(token["vector"])
                reading.parts.append(SoftSlot(share=share, position=position))
    return reading


OPTIPROMPT = Dialect("OptiPrompt", re.compile(r"\[(?:[XY]|V[0-9]+)\]"), _read)
