"""Verbalizers: which words at an answer slot stand for which label."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

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


class Verbalizer:
    """Labels and the words that stand for them, as in ``{"positive": ["great", "good"], ...}``.

    Words are a sequence, or a string with commas between them. White space around labels and
    words does not count, letter case does. ``colours`` gives labels their ``#rrggbb``; the others
    get Okabe and Ito's, by their place in the order.

    ``labels`` and ``all_words`` are tuples in order, ``words`` and ``colours`` go from label to
    words and to colour, and ``groups`` holds the indices into ``all_words`` for each label.

    What does not decide between at least two labels raises a `VerbalizerError`.
    """

    def __init__(
        self,
        labels: Mapping[str, Sequence[str] | str],
        colours: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(labels, Mapping):
            raise _not_labels()
        self.words = _read_words(labels)
        self.labels = tuple(self.words)
        self.all_words = tuple(word for words in self.words.values() for word in words)
        self.colours = _read_colours(self.labels, {} if colours is None else colours)
        groups, start = [], 0
        for words in self.words.values():
            groups.append(tuple(range(start, start + len(words))))
            start += len(words)
        self.groups: tuple[tuple[int, ...], ...] = tuple(groups)

    def __repr__(self) -> str:
        return f"Verbalizer({ {label: list(words) for label, words in self.words.items()} })"

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Verbalizer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:  # the order of the labels is the order of the scores
        return tuple(self.words.items()), tuple(self.colours.items())

    def scores(self, word_logits: Any) -> Any:
        """Each label's score: the mean over its words' logits.

        Takes a NumPy array or a torch tensor (..., words), its last axis in the order of
        ``all_words``, and gives one of the same kind (..., labels), differentiable if it was.
        """
        if word_logits.shape[-1:] != (len(self.all_words),):
            raise _error(
                "verbalizer.word_count",
                "The verbalizer has {words} words, but the scores are of shape {shape}: the last "
                "axis must have one for each word.",
                words=len(self.all_words),
                shape=tuple(word_logits.shape),
            )
        # Labels are never more than words, so a slice of the input has the shape, kind, device
        # and gradient that the result needs; dividing makes it a floating-point copy.
        scores = word_logits[..., : len(self.labels)] / 1
        for i, group in enumerate(self.groups):
            scores[..., i] = word_logits[..., group[0] : group[-1] + 1].mean(-1)
        return scores

    def probabilities(self, word_logits: np.ndarray) -> np.ndarray:
        """The softmax over the labels' scores: (..., words) to (..., labels), summing to 1."""
        scores = self.scores(word_logits)
        exponentials = np.exp(scores - scores.max(-1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(-1, keepdims=True))

    def to_json(self) -> str:
        """Labels, words and colours as a JSON object that `from_json` reads."""
        return json.dumps(
            {"labels": self.words, "colours": self.colours}, ensure_ascii=False, indent=2
        )

    @classmethod
    def from_json(cls, source: str) -> "Verbalizer":
        """Read what `to_json` wrote, or the bare object of labels and words in use elsewhere."""
        if not isinstance(source, str):
            raise _not_labels()
        try:
            value = json.loads(source, object_pairs_hook=_without_duplicates)
        except json.JSONDecodeError as error:
            raise _error(
                "verbalizer.bad_json",
                "This cannot be read as JSON from line {line}, column {column} on. Write labels "
                'and words as in {{"negative": ["bad"], "positive": ["good"]}}.',
                line=error.lineno,
                column=error.colno,
            ) from error
        except (ValueError, RecursionError) as error:  # numbers and nesting beyond all measure
            raise _not_labels() from error
        if isinstance(value, dict) and isinstance(value.get("labels"), dict):
            return cls(value["labels"], value.get("colours"))
        return cls(value)

    def to_rows(self) -> list[dict[str, str]]:
        """One row a label, for a table: ``label``, ``words`` with commas, ``colour``."""
        return [
            {"label": label, "words": ", ".join(words), "colour": self.colours[label]}
            for label, words in self.words.items()
        ]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]]) -> "Verbalizer":
        """Read rows as `to_rows` makes them. Rows without anything in them are passed over."""
        if not isinstance(rows, Iterable):
            raise _not_rows()
        labels: dict[str, Any] = {}
        colours: dict[str, Any] = {}
        for number, row in enumerate(rows, start=1):
            label, words, colour = (_cell(row, name) for name in ("label", "words", "colour"))
            if label == "" and words == "":
                continue
            label = _read_label(label, number)
            if label in labels:
                raise _duplicate(label)
            labels[label] = words
            if colour != "":
                colours[label] = colour
        return cls(labels, colours)


def _read_words(labels: Mapping[str, Sequence[str] | str]) -> dict[str, tuple[str, ...]]:
    read: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for number, (name, value) in enumerate(labels.items(), start=1):
        label = _read_label(name, number)
        if label in read:
            raise _duplicate(label)
        read[label] = _split(value, label)
        for word in read[label]:
            if word in owners:
                raise _error(
                    "verbalizer.shared_word",
                    'The word "{word}" stands for both "{other}" and "{label}". '
                    "Leave it with one of them.",
                    label,
                    word=word,
                    other=owners[word],
                )
            owners[word] = label
    if not read:
        raise _error(
            "verbalizer.empty",
            "The verbalizer is empty. Write at least two labels, each with a word.",
        )
    if len(read) == 1:
        raise _error(
            "verbalizer.one_label",
            'There is only the label "{label}", so nothing to decide. Add another label.',
            label,
        )
    return read


def _read_label(name: object, number: int) -> str:
    if not isinstance(name, str):
        raise _error(
            "verbalizer.label_not_text",
            'Label {number} is not text but {value}. Write it as text, such as "{value}".',
            number=number,
            value=_shown(name),
        )
    if not name.strip():
        raise _error(
            "verbalizer.empty_label",
            "Label {number} has no name. Name it, or delete its words too.",
            number=number,
        )
    return name.strip()


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
            raise _error(
                "verbalizer.word_not_text",
                'The words of the label "{label}" hold {value}, which is not text.',
                label,
                value=_shown(word),
            )
        if _SEPARATORS.search(word):
            raise _error(
                "verbalizer.comma_in_word",
                'The word "{word}" of the label "{label}" holds a comma or a line break. Write '
                "each word on its own.",
                label,
                word=word,
            )
        if word.strip():
            words[word.strip()] = None
    if not words:
        raise _error(
            "verbalizer.no_words",
            'The label "{label}" has no words. Write at least one that stands for it.',
            label,
        )
    return tuple(words)


def _read_colours(labels: tuple[str, ...], given: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise _not_labels()
    colours = {label: OKABE_ITO[i % len(OKABE_ITO)] for i, label in enumerate(labels)}
    for name, colour in given.items():
        label = name.strip() if isinstance(name, str) else name
        if label not in colours:
            raise _error(
                "verbalizer.unknown_label",
                'A colour is given for "{name}", which is not a label.',
                name=_shown(label),
            )
        if not isinstance(colour, str) or not re.fullmatch("#[0-9a-fA-F]{6}", colour):
            raise _error(
                "verbalizer.bad_colour",
                'The colour of the label "{label}" is "{colour}". Write it as # and six '
                "hexadecimal digits, such as #0072B2.",
                label,
                colour=_shown(colour),
            )
        colours[label] = colour
    return colours


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """What JSON would lose silently: the first of two equal names in one object."""
    names: dict[str, object] = {}
    for name, value in pairs:
        if name in names:
            raise _duplicate(name)
        names[name] = value
    return names


def _cell(row: object, name: str) -> Any:
    if not isinstance(row, Mapping):
        raise _not_rows()
    value = row.get(name)
    if isinstance(value, str):
        return value.strip()
    return "" if str(value) in ("None", "nan", "NaT", "<NA>") else value


def _not_labels() -> VerbalizerError:
    return _error(
        "verbalizer.not_labels",
        "A verbalizer goes from labels to their words. Write it as in "
        '{{"negative": ["bad"], "positive": ["good"]}}.',
    )


def _not_rows() -> VerbalizerError:
    return _error(
        "verbalizer.not_rows",
        "A verbalizer's table has a row for each label, with the columns label, words and colour.",
    )


def _duplicate(label: str) -> VerbalizerError:
    return _error(
        "verbalizer.duplicate_label",
        'The label "{label}" stands there twice. Put all its words together.',
        label,
    )


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _error(
    code: str, sentence: str, label: str | None = None, **details: object
) -> VerbalizerError:
    """An error whose sentence is filled in from its details, so that these lack no value."""
    message = sentence.format(label=label, **details)
    return VerbalizerError(message, label=label, code=code, **details)
