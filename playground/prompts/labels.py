"""Reading labels, words, colours and weights as people give them, with sentences for mistakes."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from playground.errors import VerbalizerError

# Okabe and Ito (2008), "Color Universal Design": tell apart with any colour vision.
OKABE_ITO = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#F0E442",
    "#999999",
)
_SEPARATORS = re.compile(r"[,，、\n\r]")
_SLOT_MARKS = re.compile(r"[|｜]")

Slots = tuple[tuple[str, ...], ...]


def read_words(labels: object) -> dict[str, Slots]:
    """For each label the words at each answer slot, the same number of slots for all labels."""
    if not isinstance(labels, Mapping):
        raise not_labels()
    read: dict[str, Slots] = {}
    for number, (name, value) in enumerate(labels.items(), start=1):
        label = read_label(name, number)
        if label in read:
            raise duplicate(label)
        read[label] = _split_slots(value, label)
    if not read:
        raise verbalizer_error(
            "verbalizer.empty",
            "The verbalizer is empty. Write at least two labels, each with a word.",
        )
    if len(read) == 1:
        raise verbalizer_error(
            "verbalizer.one_label",
            'There is only the label "{label}", so nothing to decide. Add another label.',
            next(iter(read)),
        )
    _check_slots(read)
    return read


def _check_slots(read: Mapping[str, Slots]) -> None:
    (first, slots), *others = read.items()
    for label, words in others:
        if len(words) != len(slots):
            raise verbalizer_error(
                "verbalizer.unequal_slots",
                'The label "{other}" has words for {expected} answer slots, "{label}" for {given}. '
                "Give every label words for the same number of slots, parted by |.",
                label,
                other=first,
                expected=len(slots),
                given=len(words),
            )
    if len(slots) == 1:
        _check_no_word_is_shared(read)
        return
    owners: dict[object, str] = {}  # labels may share words at some slots, but not at all
    for label, words in read.items():
        other = owners.setdefault(tuple(map(frozenset, words)), label)
        if other != label:
            raise verbalizer_error(
                "verbalizer.same_slots",
                'The labels "{other}" and "{label}" have the same words at every answer slot, so '
                "nothing tells them apart. Change one of them.",
                label,
                other=other,
            )


def _check_no_word_is_shared(read: Mapping[str, Slots]) -> None:
    owners: dict[str, str] = {}
    for label, (words,) in read.items():
        for word in words:
            if word in owners:
                raise verbalizer_error(
                    "verbalizer.shared_word",
                    'The word "{word}" stands for both "{other}" and "{label}". '
                    "Leave it with one of them.",
                    label,
                    word=word,
                    other=owners[word],
                )
            owners[word] = label


def read_label(name: object, number: int) -> str:
    if not isinstance(name, str):
        raise verbalizer_error(
            "verbalizer.label_not_text",
            'Label {number} is not text but {value}. Write it as text, such as "{value}".',
            number=number,
            value=shortened(name),
        )
    if not name.strip():
        raise verbalizer_error(
            "verbalizer.empty_label",
            "Label {number} has no name. Name it, or delete its words too.",
            number=number,
        )
    return name.strip()


def _split_slots(value: object, label: str) -> Slots:
    """``"person | founded, made"``, or the same as a list of lists; mostly there is one slot."""
    if isinstance(value, str):
        slots: Sequence[object] = _SLOT_MARKS.split(value)
    elif isinstance(value, Sequence) and any(_is_list(element) for element in value):
        slots = value
    else:
        slots = [value]
    read = tuple(_split(slot, label) for slot in slots)
    if () in read and len(read) > 1:
        raise verbalizer_error(
            "verbalizer.no_slot_words",
            'The label "{label}" has no words for answer slot {slot}. Write at least one, or '
            "leave out the |.",
            label,
            slot=read.index(()) + 1,
        )
    if () in read:
        raise verbalizer_error(
            "verbalizer.no_words",
            'The label "{label}" has no words. Write at least one that stands for it.',
            label,
        )
    return read


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _split(value: object, label: str) -> tuple[str, ...]:
    """The distinct words in ``value``, in order."""
    if isinstance(value, str):
        given: Sequence[object] = _SEPARATORS.split(value)
    elif isinstance(value, Sequence):
        given = value
    else:
        given = [value]
    words: dict[str, None] = {}
    for word in given:
        if not isinstance(word, str):
            raise verbalizer_error(
                "verbalizer.word_not_text",
                'The words of the label "{label}" hold {value}, which is not text.',
                label,
                value=shortened(word),
            )
        if _SEPARATORS.search(word) or _SLOT_MARKS.search(word):
            raise verbalizer_error(
                "verbalizer.comma_in_word",
                'The word "{word}" of the label "{label}" holds a comma, a | or a line break. '
                "Write each word on its own.",
                label,
                word=word,
            )
        if word.strip():
            words[word.strip()] = None
    return tuple(words)


def read_colours(labels: Sequence[str], given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise not_labels()
    colours = {label: OKABE_ITO[i % len(OKABE_ITO)] for i, label in enumerate(labels)}
    for name, colour in given.items():
        label = name.strip() if isinstance(name, str) else name
        if label not in colours:
            raise verbalizer_error(
                "verbalizer.unknown_label",
                'A colour is given for "{name}", which is not a label.',
                name=shortened(label),
            )
        if not isinstance(colour, str) or not re.fullmatch("#[0-9a-fA-F]{6}", colour):
            raise verbalizer_error(
                "verbalizer.bad_colour",
                'The colour of the label "{label}" is "{colour}". Write it as # and six '
                "hexadecimal digits, such as #0072B2.",
                label,
                colour=shortened(colour),
            )
        colours[label] = colour
    return colours


def read_weights(words: Mapping[str, Slots], given: object) -> dict[str, float]:
    """Weights of words, each a number of 0 or more; what has none counts 1."""
    if not isinstance(given, Mapping):
        raise verbalizer_error(
            "verbalizer.not_weights",
            'Weights go from words to numbers. Write them as in {{"great": 2, "good": 1}}.',
        )
    known = {word for slots in words.values() for slot in slots for word in slot}
    weights: dict[str, float] = {}
    for word, weight in given.items():
        if word not in known:
            raise verbalizer_error(
                "verbalizer.weight_of_no_word",
                'A weight is given for "{word}", which is no word of any label.',
                word=shortened(word),
            )
        if not _is_weight(weight):
            raise verbalizer_error(
                "verbalizer.bad_weight",
                'The weight of the word "{word}" is {weight}. Write a number of 0 or more.',
                word=word,
                weight=shortened(weight),
            )
        weights[word] = float(weight)
    for label, slots in words.items():
        for slot in slots:
            if not any(weights.get(word, 1) for word in slot):
                raise verbalizer_error(
                    "verbalizer.no_weight",
                    'All words of the label "{label}" weigh 0, so nothing stands for it. Give one '
                    "of them a weight.",
                    label,
                )
    return weights


def _is_weight(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= cast(float, value) <= 1e9


def read_choice(setting: str, value: object, choices: Sequence[str]) -> None:
    """Refuses what is not one of the choices."""
    if value not in choices:
        raise verbalizer_error(
            "verbalizer.unknown_choice",
            'A verbalizer\'s {setting} cannot be "{value}". Choose one of: {choices}.',
            setting=setting,
            value=shortened(value),
            choices=", ".join(choices),
        )


def not_labels() -> VerbalizerError:
    return verbalizer_error(
        "verbalizer.not_labels",
        "A verbalizer goes from labels to their words. Write it as in "
        '{{"negative": ["bad"], "positive": ["good"]}}.',
    )


def not_rows() -> VerbalizerError:
    return verbalizer_error(
        "verbalizer.not_rows",
        "A verbalizer's table has a row for each label, with the columns label, words and colour.",
    )


def duplicate(label: str) -> VerbalizerError:
    return verbalizer_error(
        "verbalizer.duplicate_label",
        'The label "{label}" stands there twice. Put all its words together.',
        label,
    )


def shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def verbalizer_error(
    code: str, sentence: str, label: str | None = None, **details: object
) -> VerbalizerError:
    """An error whose sentence is filled in from its details, so that these lack no value."""
    message = sentence.format(label=label, **details)
    return VerbalizerError(message, label=label, code=code, **details)
