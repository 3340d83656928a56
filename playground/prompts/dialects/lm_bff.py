"""LM-BFF's templates (Gao et al. 2021): ``*cls**sent_0*_It_was*mask*.*sep+*``

Stars part a template into pieces. A piece that is the name of a variable is that variable, any
other is text with ``_`` for a space. There is no way to write a star.
"""

import re

from playground.prompts.dialects.reading import (
    Dialect,
    Reading,
    SpecialToken,
    spaced_answer_slot,
)
from playground.prompts.parts import Field, Text
from playground.prompts.syntax import template_error

# "+" puts a space before the sentence, "l" and "u" change the case of its first letter, and "-"
# drops its last character.
_SENTENCE = re.compile(r"(?P<space>\+?)sent(?P<case>[lu]?)(?P<cut>-?)_(?P<number>[0-9]{1,3})")
_LABEL = re.compile(r"labelx?_[0-9]+")


def _read(source: str) -> Reading:
    reading = Reading()
    numbers: set[int] = set()
    position = 0
    for piece in source.split("*"):
        sentence = _SENTENCE.fullmatch(piece)
        if piece in ("cls", "sep", "sep+"):
            reading.parts.append(SpecialToken(f"*{piece}*", position))
        elif piece == "mask":
            # its label words are tokens with a space before them
            spaced_answer_slot(reading.parts, position)
        elif sentence:
            numbers.add(int(sentence["number"]))
            _read_sentence(reading, sentence, position)
        elif _LABEL.fullmatch(piece):
            reading.notes.append(
                template_error(
                    "conversion.label_word",
                    'The label word "{piece}" of a demonstration (at character {character}) was '
                    "left out: a template has no demonstrations of its own.",
                    position,
                    piece=piece,
                )
            )
        elif piece:
            reading.parts.append(Text(piece.replace("_", " "), position=position))
        position += len(piece) + 1
    reading.texts = [f"sent_{number}" for number in sorted(numbers)]
    return reading


def _read_sentence(reading: Reading, sentence: re.Match[str], position: int) -> None:
    name = f"sent_{int(sentence['number'])}"
    if sentence["space"]:
        reading.parts.append(Text(" "))
    if sentence["case"]:
        reading.notes.append(
            template_error(
                "conversion.first_letter",
                'The change of the first letter\'s case in "{piece}" (at character {character}) '
                "was left out: there is no such filter.",
                position,
                piece=sentence.group(),
            )
        )
    if sentence["cut"]:
        reading.notes.append(
            template_error(
                "conversion.last_character",
                '"{piece}" (at character {character}) drops the last character, whatever it is. '
                "The filter strip_punctuation in its place drops final punctuation only.",
                position,
                piece=sentence.group(),
            )
        )
    filters = ("strip_punctuation",) if sentence["cut"] else ()
    reading.parts.append(Field(name, filters, position=position))


LM_BFF = Dialect("LM-BFF", re.compile(r"\*(?:mask|\+?sent[lu]?-?_[0-9]+)\*"), _read)
