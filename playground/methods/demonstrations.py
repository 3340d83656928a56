"""Demonstrations: labelled examples, filled in and answered, in front of a prompt.

In-context learning (Brown et al. 2020, "Language Models are Few-Shot Learners",
https://arxiv.org/abs/2005.14165, section 2), for masked models as in LM-BFF (Gao et al. 2021,
"Making Pre-trained Language Models Better Few-shot Learners", https://arxiv.org/abs/2012.15723,
section 6), but in front of the text and all drawn at once, not a set an example: for those of a
training see `playground.methods.demonstrated`.

A causal model reads them once for all rows (see `playground.models.shared_prefix`). To a masked
model, which reads to both sides, they are something else before every text, and nothing of them
can be kept.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from playground.errors import DataError
from playground.prompts import AnswerSlot, Filled, Separator, SoftSlot, Template, Text, Verbalizer
from playground.prompts.syntax import write
from playground.tasks.table import LABEL, records

# A blank line stands between examples that end with their answer, as in GPT-3's prompts.
BETWEEN_PREFIXES, BETWEEN_CLOZES = "\n\n", " "


class Demonstrations:
    """``count`` examples of ``train``, by turns of each of ``labels``, drawn by ``seed``.

    The same ones stand before every row, but for one that they hold itself: the next of its label
    takes that place. In each turn the labels come in an order of its own, because models favour
    the label that they read last (Zhao et al. 2021, section 4).
    Raises DataError where a label has too few examples.
    """

    def __init__(self, train: pd.DataFrame, labels: Sequence[str], count: int, seed: int) -> None:
        self.count = count
        generator = np.random.default_rng(seed)
        self._rows = records(train)
        turns = [generator.permutation(labels).tolist() for _ in range(-(-count // len(labels)))]
        self._order: list[str] = [label for turn in turns for label in turn][:count]
        own = train[LABEL].to_numpy()
        self._drawn = {
            label: generator.permutation(np.flatnonzero(own == label)).tolist() for label in labels
        }
        for label in labels:
            available, needed = len(self._drawn[label]), self._order.count(label)
            if available < needed:
                raise too_few(label, available, needed)

    def before(
        self, template: Template, verbalizer: Verbalizer, rows: Sequence[Mapping[str, Any]]
    ) -> list[Template]:
        """For each row, the template with its demonstrations in front, as literal text.

        Raises DataError where a label has no example besides the row itself.
        """

        @cache  # nearly all rows have the same
        def with_examples(chosen: tuple[int, ...]) -> Template:
            between = BETWEEN_PREFIXES if template.is_prefix else BETWEEN_CLOZES
            shown = [
                _filled_in(template, self._rows[at], first_words(verbalizer, label)) + between
                for at, label in zip(chosen, self._order, strict=True)
            ]
            return template.with_source(write((Text("".join(shown)), *template.parts)))

        return [with_examples(self._chosen(template.fields, row)) for row in rows]

    def _chosen(self, fields: Sequence[str], row: Mapping[str, Any]) -> tuple[int, ...]:
        """The examples for a row, by their place in the table that they are drawn from."""

        others = {
            label: (at for at in drawn if not same_texts(fields, self._rows[at], row))
            for label, drawn in self._drawn.items()
        }
        chosen = []
        for label in self._order:
            found = next(others[label], None)
            if found is None:
                needed = self._order.count(label)
                raise too_few(label, needed - 1, needed)
            chosen.append(found)
        return tuple(chosen)


def same_texts(fields: Sequence[str], one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two rows read alike, as a row and its own demonstration would."""
    return bool(fields) and all(str(one[name]) == str(other[name]) for name in fields)


def first_words(verbalizer: Verbalizer, label: str) -> list[str]:
    """The first word of a label at each answer slot."""
    words = zip(verbalizer.all_words, verbalizer.word_labels, verbalizer.word_slots, strict=True)
    first: dict[int, str] = {}
    for word, of_label, slot in words:
        if of_label == label:
            first.setdefault(slot, word)
    return [first[slot] for slot in range(verbalizer.slots)]


def _filled_in(template: Template, row: Mapping[str, Any], answers: Sequence[str]) -> str:
    """The template with the row's texts and the answers, as far as there are any, in its slots.

    A separator becomes a space: the first one in all that is read belongs to the prompt itself,
    where the second of its two texts begins.
    """
    text = ""
    left = iter(answers)
    for part in template.render(row):
        if isinstance(part, Filled):
            text += part.text
        elif isinstance(part, AnswerSlot):
            text += next(left, "")
        elif isinstance(part, SoftSlot):
            text += part.words or ""
        elif isinstance(part, Separator):
            text += " "
    return text.strip()


def too_few(label: str, available: int, needed: int) -> DataError:
    """The error where a label has not enough examples to show."""
    return DataError(
        f"Each prompt is to show {needed} of the label “{label}”, and besides the row itself there "
        f"are only {available}. Show fewer demonstrations.",
        code="data.too_few_demonstrations",
        given=label,
        rows=available,
        needed=needed,
    )
