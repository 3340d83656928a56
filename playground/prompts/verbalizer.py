"""Verbalizers: which words at an answer slot stand for which label."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, Literal, get_args

import numpy as np

from playground.prompts.labels import (
    OKABE_ITO,
    duplicate,
    not_labels,
    not_rows,
    read_choice,
    read_colours,
    read_label,
    read_weights,
    read_words,
    verbalizer_error,
)

__all__ = ["OKABE_ITO", "Aggregation", "MultiToken", "Verbalizer"]

Aggregation = Literal["mean", "max", "logsumexp"]
MultiToken = Literal["first", "mean", "exact"]
_SETTINGS = ("aggregation", "weights", "multi_token")
Words = Sequence[str] | Sequence[Sequence[str]] | str


class Verbalizer:
    """Labels and the words that stand for them, as in ``{"positive": ["great", "good"], ...}``.

    Words are a sequence, or a string with commas between them. White space around labels and
    words does not count, letter case does. ``colours`` gives labels their ``#rrggbb``; the others
    get Okabe and Ito's, by their place in the order.

    A template with several answer slots takes words for each of them: a sequence of sequences, or
    a string with ``|`` between the slots, as in ``"person | founded, made | company"``. A label's
    score is the sum over the slots (Han et al. 2021, "PTR: Prompt Tuning with Rules for Text
    Classification", section 3.3, https://arxiv.org/abs/2105.11259); labels may share words at some
    of the slots. A verbalizer for one slot reads the first.

    ``aggregation`` makes one score of a label's words: the ``"mean"`` of their scores, weighted
    where ``weights`` (word → 0 or more, 1 where none is given) say so; their ``"max"``; or
    ``"logsumexp"``, which adds up their probabilities. ``multi_token`` says what the score of a
    word of several tokens is: the logit of its ``"first"``, the ``"mean"`` logit over all of them,
    or ``"exact"``, its log-probability: as a continuation in a causal model, with a slot for each
    of its tokens in a masked one.

    ``labels`` and ``all_words`` are tuples in order, ``words`` and ``colours`` go from label to
    words and to colour, and ``groups`` holds the indices into ``all_words`` for each label.
    ``slots`` is the number of answer slots it has words for; ``word_labels`` and ``word_slots``
    say where each of ``all_words`` belongs.

    What does not decide between at least two labels raises a `VerbalizerError`.
    """

    def __init__(
        self,
        labels: Mapping[str, Words],
        colours: Mapping[str, str] | None = None,
        *,
        aggregation: Aggregation = "mean",
        weights: Mapping[str, float] | None = None,
        multi_token: MultiToken = "first",
    ) -> None:
        self._words = read_words(labels)  # label → slot → words
        self.labels = tuple(self._words)
        self.words = {label: reduce(add, slots) for label, slots in self._words.items()}
        self.all_words = reduce(add, self.words.values())
        self.slots = len(self._words[self.labels[0]])
        self.colours = read_colours(self.labels, {} if colours is None else colours)
        read_choice("aggregation", aggregation, get_args(Aggregation))
        read_choice("multi_token", multi_token, get_args(MultiToken))
        self.aggregation, self.multi_token = aggregation, multi_token
        self.weights = read_weights(self._words, {} if weights is None else weights)
        if self.weights and aggregation != "mean":
            raise verbalizer_error(
                "verbalizer.unused_weights",
                "Weights belong to the mean, and the words are aggregated by {aggregation}. Leave "
                "out the weights, or choose mean.",
                aggregation=aggregation,
            )
        self._number_words()

    def _number_words(self) -> None:
        word_labels: list[str] = []
        word_slots: list[int] = []
        groups: list[tuple[int, ...]] = []
        self._stretches: list[list[slice]] = []  # label → slot → its words' place in all_words
        for label, slots in self._words.items():
            begin = len(word_slots)
            stretches = []
            for slot, words in enumerate(slots):
                stretches.append(slice(len(word_slots), len(word_slots) + len(words)))
                word_labels += [label] * len(words)
                word_slots += [slot] * len(words)
            self._stretches.append(stretches)
            groups.append(tuple(range(begin, len(word_slots))))
        self.word_labels, self.word_slots = tuple(word_labels), tuple(word_slots)
        self.groups = tuple(groups)

    def __repr__(self) -> str:
        written = [repr(self.to_labels())]
        written += [f"{name}={value!r}" for name, value in self.settings.items()]
        return f"Verbalizer({', '.join(written)})"

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Verbalizer) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:  # the order of the labels is the order of the scores
        weights = tuple(self.weights.get(word, 1.0) for word in self.all_words)
        colours = tuple(self.colours.items())
        return tuple(self._words.items()), colours, weights, self.aggregation, self.multi_token

    @property
    def settings(self) -> dict[str, Any]:
        """What of ``aggregation``, ``weights`` and ``multi_token`` is not as by default."""
        settings: dict[str, Any] = {}
        if self.aggregation != "mean":
            settings["aggregation"] = self.aggregation
        if self.weights:
            settings["weights"] = self.weights
        if self.multi_token != "first":
            settings["multi_token"] = self.multi_token
        return settings

    def to_labels(self) -> dict[str, list[str] | list[list[str]]]:
        """Labels and words as making a verbalizer takes them: a list a slot, if several."""
        if self.slots == 1:
            return {label: list(words) for label, words in self.words.items()}
        return {label: list(map(list, slots)) for label, slots in self._words.items()}

    def with_labels(self, labels: Mapping[str, Words]) -> "Verbalizer":
        """Other words, with the colours and settings of this one where they still apply.

        Raises as making a verbalizer does.
        """
        read = read_words(labels)
        known = {word for slots in read.values() for slot in slots for word in slot}
        return Verbalizer(
            labels,
            {label: colour for label, colour in self.colours.items() if label in read},
            aggregation=self.aggregation,
            weights={word: weight for word, weight in self.weights.items() if word in known},
            multi_token=self.multi_token,
        )

    def scores(self, word_scores: Any) -> Any:
        """Each label's score: over its words by ``aggregation``, summed over the answer slots.

        Takes a NumPy array or a torch tensor (..., words), its last axis in the order of
        ``all_words``, and gives one of the same kind (..., labels), differentiable if it was.
        """
        if word_scores.shape[-1:] != (len(self.all_words),):
            raise verbalizer_error(
                "verbalizer.word_count",
                "The verbalizer has {words} words, but the scores are of shape {shape}: the last "
                "axis must have one for each word.",
                words=len(self.all_words),
                shape=tuple(word_scores.shape),
            )
        # Labels are never more than words, so a slice of the input has the shape, kind, device
        # and gradient that the result needs; dividing makes it a floating-point copy.
        scores = word_scores[..., : len(self.labels)] / 1
        for i, slots in enumerate(self._stretches):
            scores[..., i] = reduce(add, [self._aggregated(word_scores, slot) for slot in slots])
        return scores

    def _aggregated(self, word_scores: Any, stretch: slice) -> Any:
        """The words of one label at one slot: (..., words) to (...)."""
        scores = word_scores[..., stretch]
        if self.weights:
            weights = [self.weights.get(word, 1.0) for word in self.all_words[stretch]]
            weighed = [scores[..., i] * weight for i, weight in enumerate(weights) if weight]
            return reduce(add, weighed) / sum(weights)
        if self.aggregation == "mean":
            return scores.mean(-1)
        is_numpy = isinstance(scores, np.ndarray)
        if self.aggregation == "max":
            return scores.max(-1) if is_numpy else scores.amax(-1)
        return np.logaddexp.reduce(scores, axis=-1) if is_numpy else scores.logsumexp(-1)

    def probabilities(self, word_scores: np.ndarray) -> np.ndarray:
        """The softmax over the labels' scores: (..., words) to (..., labels), summing to 1."""
        scores = self.scores(word_scores)
        exponentials = np.exp(scores - scores.max(-1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(-1, keepdims=True))

    def to_json(self) -> str:
        """Labels, words, colours and what is not as by default, as JSON that `from_json` reads."""
        value = {"labels": self.to_labels(), "colours": self.colours} | self.settings
        return json.dumps(value, ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, source: str) -> "Verbalizer":
        """Read what `to_json` wrote, or the bare object of labels and words in use elsewhere."""
        if not isinstance(source, str):
            raise not_labels()
        try:
            value = json.loads(source, object_pairs_hook=_without_duplicates)
        except json.JSONDecodeError as error:
            raise verbalizer_error(
                "verbalizer.bad_json",
                "This cannot be read as JSON from line {line}, column {column} on. Write labels "
                'and words as in {{"negative": ["bad"], "positive": ["good"]}}.',
                line=error.lineno,
                column=error.colno,
            ) from error
        except (ValueError, RecursionError) as error:  # numbers and nesting beyond all measure
            raise not_labels() from error
        if isinstance(value, dict) and isinstance(value.get("labels"), dict):
            settings = {name: value[name] for name in _SETTINGS if name in value}
            return cls(value["labels"], value.get("colours"), **settings)
        return cls(value)

    def to_rows(self) -> list[dict[str, str]]:
        """One row a label, for a table: ``label``, ``words`` with commas, ``colour``.

        Words for several answer slots have ``|`` between the slots.
        """
        return [
            {
                "label": label,
                "words": " | ".join(", ".join(words) for words in slots),
                "colour": self.colours[label],
            }
            for label, slots in self._words.items()
        ]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, object]], **settings: Any) -> "Verbalizer":
        """Read rows as `to_rows` makes them. Rows without anything in them are passed over.

        ``settings``: ``aggregation``, ``weights`` and ``multi_token``, which rows do not hold.
        """
        if not isinstance(rows, Iterable):
            raise not_rows()
        labels: dict[str, Any] = {}
        colours: dict[str, Any] = {}
        for number, row in enumerate(rows, start=1):
            label, words, colour = (_cell(row, name) for name in ("label", "words", "colour"))
            if label == "" and words == "":
                continue
            label = read_label(label, number)
            if label in labels:
                raise duplicate(label)
            labels[label] = words
            if colour != "":
                colours[label] = colour
        return cls(labels, colours, **settings)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """What JSON would lose silently: the first of two equal names in one object."""
    names: dict[str, object] = {}
    for name, value in pairs:
        if name in names:
            raise duplicate(name)
        names[name] = value
    return names


def _cell(row: object, name: str) -> Any:
    if not isinstance(row, Mapping):
        raise not_rows()
    value = row.get(name)
    if isinstance(value, str):
        return value.strip()
    return "" if str(value) in ("None", "nan", "NaT", "<NA>") else value
