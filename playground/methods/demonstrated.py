"""Prompts that show labelled examples beside the text, drawn for each text: LM-BFF's way.

Gao et al. 2021, "Making Pre-trained Language Models Better Few-shot Learners",
https://arxiv.org/abs/2012.15723, section 6: behind the filled-in template stand filled-in and
answered ones, an example of each label. A training draws others at every step; an answer is the
mean over several sets of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from playground.methods.demonstrations import (
    BETWEEN_CLOZES,
    BETWEEN_PREFIXES,
    first_words,
    same_texts,
    too_few,
)
from playground.models import Encoded, LabelReader, LanguageModel
from playground.models.encoded import FIELD
from playground.models.label_scorer import score_labels
from playground.prompts import (
    AnswerSlot,
    Field,
    Part,
    Separator,
    SoftSlot,
    Template,
    Text,
    Verbalizer,
)
from playground.prompts.syntax import write
from playground.tasks.table import LABEL

Row = Mapping[str, Any]
Pools = tuple[tuple[int, ...], ...]  # for each label, the examples that may be shown, by number


@dataclass(frozen=True)
class Demonstrated(Encoded):
    """A row with demonstrations: itself with the first of its ``sets``, and all that draw others.

    ``pools`` are the examples among which it may be shown some.
    """

    row: Row = field(default_factory=dict)
    pools: Pools = ()
    sets: tuple[Encoded, ...] = ()


class Demonstrator:
    """Labelled ``examples``, and which of them to show beside a text: never the text itself.

    ``sets`` is how many are drawn for an answer, by ``seed`` and the text alone, so that a row is
    read in the same way whatever is asked beside it. With ``similar`` they are drawn from that half
    of a label's examples that is nearest to the text (section 6.2). The authors' vectors are those
    of a sentence encoder; here they are ``model``'s own: the mean of its last hidden states over
    the text, as in Reimers & Gurevych 2019, "Sentence-BERT", https://arxiv.org/abs/1908.10084,
    section 3. ``model`` stays as it is, whatever is trained.
    """

    def __init__(
        self,
        model: LanguageModel,
        examples: Sequence[Row],
        *,
        sets: int,
        similar: bool,
        seed: int,
    ) -> None:
        self.model = model
        self.examples = tuple(examples)
        self.sets = sets
        self.similar = similar
        self.seed = seed
        self._known: tuple[Template, Tensor] | None = None  # the examples' vectors

    def suits(self, template: Template) -> bool:
        """Whether the examples have all columns of the template."""
        return all(name in row for row in self.examples for name in template.fields)

    def pools(self, template: Template, labels: Sequence[str], rows: Sequence[Row]) -> list[Pools]:
        """For each row, the examples of each label that may be shown beside it.

        Raises DataError where there is none of a label but the row itself.
        """
        nearest = self._nearest(template, rows) if self.similar else None
        found = []
        for place, row in enumerate(rows):
            order = range(len(self.examples)) if nearest is None else nearest[place]
            others = [at for at in order if not same_texts(template.fields, self.examples[at], row)]
            found.append(tuple(self._pool(label, others) for label in labels))
        return found

    def _pool(self, label: str, others: Sequence[int]) -> tuple[int, ...]:
        own = tuple(at for at in others if self.examples[at][LABEL] == label)
        if not own:
            raise too_few(label, 0, 1)
        return own[: -(-len(own) // 2)] if self.similar else own

    def _nearest(self, template: Template, rows: Sequence[Row]) -> list[list[int]]:
        """The examples in the order of their likeness to each row."""
        if self._known is None or self._known[0] != template:
            self._known = (template, _text_vectors(self.model, template, self.examples))
        likeness = _text_vectors(self.model, template, rows) @ self._known[1].T  # (rows, examples)
        order: list[list[int]] = likeness.sort(dim=1, descending=True, stable=True)[1].tolist()
        return order

    def drawn_for(self, template: Template, row: Row, pools: Pools) -> list[tuple[int, ...]]:
        """The ``sets`` with which a row is answered, an example of each label in each."""
        texts = json.dumps([str(row[name]) for name in template.fields])
        own = int.from_bytes(blake2b(texts.encode(), digest_size=8).digest())
        generator = np.random.default_rng([self.seed, own])
        return [tuple(int(generator.choice(pool)) for pool in pools) for _ in range(self.sets)]

    def to_json(self) -> dict[str, Any]:
        """All but the model, as JSON: the examples, too."""
        return {
            "examples": [dict(row) for row in self.examples],
            "sets": self.sets,
            "similar": self.similar,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, model: LanguageModel, told: Mapping[str, Any]) -> Self:
        """What `to_json` tells of. Raises KeyError or TypeError where it is something else."""
        return cls(
            model,
            [dict(row) for row in told["examples"]],
            sets=int(told["sets"]),
            similar=bool(told["similar"]),
            seed=int(told["seed"]),
        )


class DemonstratedReader:
    """A `LabelScorer` by the words at the answer slot, with a ``demonstrator``'s examples shown.

    An example is answered with the first word of its label. A template that ends at its answer
    slot has them in front of it, others behind it, as published. Where a text and its
    demonstrations are too long together, the longest of their texts are cut first.
    """

    def __init__(
        self, template: Template, verbalizer: Verbalizer, demonstrator: Demonstrator
    ) -> None:
        self.demonstrator = demonstrator
        self._template = template
        self._labels = verbalizer.labels
        self._longer = with_demonstrations(template, verbalizer)
        self._reader = LabelReader(demonstrator.model, template, verbalizer)

    def encode(self, model: LanguageModel, rows: Sequence[Row]) -> list[Encoded]:
        """As `LabelScorer.encode`: see `demonstrated`."""
        return [*self.demonstrated(model, rows)]

    def demonstrated(self, model: LanguageModel, rows: Sequence[Row]) -> list[Demonstrated]:
        """The rows, each with its sets. Raises TemplateError, or DataError for too few examples."""
        shown = self.demonstrator
        for row in rows:
            self._template.check_fields(row)
        pools = shown.pools(self._template, self._labels, rows)
        sets = [shown.drawn_for(self._template, *pair) for pair in zip(rows, pools, strict=True)]
        # one after the other: (rows · sets)
        every = [(row, chosen) for row, drawn in zip(rows, sets, strict=True) for chosen in drawn]
        encoded = self._encode(model, every)
        count = shown.sets
        return [
            _with(encoded[at * count], row, own, tuple(encoded[at * count : (at + 1) * count]))
            for at, (row, own) in enumerate(zip(rows, pools, strict=True))
        ]

    def drawn(self, model: LanguageModel, batch: Sequence[Encoded]) -> list[Encoded]:
        """For a step: `demonstrated` ones, each with a set of its own from torch's generator."""
        chosen = []
        for example in batch:
            assert isinstance(example, Demonstrated)
            places = [int(torch.randint(len(pool), ())) for pool in example.pools]
            pairs = zip(example.pools, places, strict=True)
            chosen.append((example.row, tuple(pool[place] for pool, place in pairs)))
        return self._encode(model, chosen)

    def _encode(
        self, model: LanguageModel, chosen: Sequence[tuple[Row, tuple[int, ...]]]
    ) -> list[Encoded]:
        names = self._template.fields
        examples = self.demonstrator.examples
        rows = [
            {
                **row,
                **{
                    _name(name, number): examples[at][name]
                    for number, at in enumerate(places, start=1)
                    for name in names
                },
            }
            for row, places in chosen
        ]
        return [
            replace(encoded, cut={name: n for name, n in encoded.cut.items() if name in names})
            for encoded in model.encode(self._longer, rows)
        ]

    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelScorer.batch_scores`: (batch, labels), the mean over an example's sets.

        Those of `drawn` have one.
        """
        if not isinstance(batch[0], Demonstrated):
            return self._reader.batch_scores(model, batch, soft_vectors=soft_vectors)
        several = [example.sets for example in batch if isinstance(example, Demonstrated)]
        scores = [
            self._reader.batch_scores(model, one, soft_vectors=soft_vectors)
            for one in zip(*several, strict=True)
        ]
        return torch.stack(scores).mean(0)  # of (sets, batch, labels)

    def score_rows(
        self, model: LanguageModel, rows: Sequence[Row], soft_vectors: Tensor | None = None
    ) -> Tensor:
        """Scores of the labels for rows of a table: (rows, labels), without gradients."""
        scores = torch.zeros(len(rows), len(self._labels), device=model.device)
        for chosen, found in score_labels(self, model, soft_vectors, self.encode(model, rows)):
            scores[chosen] = found
        return scores


def with_demonstrations(template: Template, verbalizer: Verbalizer) -> Template:
    """The template and, for each label, itself once more, answered, with fields of its own."""
    between = Text(BETWEEN_PREFIXES if template.is_prefix else BETWEEN_CLOZES)
    parts: list[Part] = []
    for number, label in enumerate(verbalizer.labels, start=1):
        answered = _answered(template, number, first_words(verbalizer, label))
        parts += [*answered, between] if template.is_prefix else [between, *answered]
    whole = [*parts, *template.parts] if template.is_prefix else [*template.parts, *parts]
    return Template(write(whole), truncation="balanced")


def _answered(template: Template, number: int, answers: Sequence[str]) -> list[Part]:
    """The template as a demonstration: its fields renamed, with words in its slots.

    A separator becomes a space: the first one in all that is read belongs to the prompt itself.
    """
    left = iter(answers)
    parts: list[Part] = []
    for part in template.parts:
        if isinstance(part, Field):
            # a demonstration may always be cut, that there is room for the text itself
            parts.append(replace(part, name=_name(part.name, number), keep=False))
        elif isinstance(part, Text):
            parts.append(part)
        elif isinstance(part, AnswerSlot):
            parts.append(Text(next(left, "")))
        elif isinstance(part, SoftSlot):
            parts.append(Text(part.words or ""))
        elif isinstance(part, Separator):
            parts.append(Text(" "))
    return parts


def _name(field: str, number: int) -> str:
    """What a field is called in the demonstration of that number."""
    return f"{field} · demonstration {number}"


def _with(encoded: Encoded, row: Row, pools: Pools, sets: tuple[Encoded, ...]) -> Demonstrated:
    own = {each.name: getattr(encoded, each.name) for each in fields(Encoded)}
    return Demonstrated(**own, row=row, pools=pools, sets=sets)


def _text_vectors(model: LanguageModel, template: Template, rows: Sequence[Row]) -> Tensor:
    """The mean last hidden state over each text's tokens, of length one: (rows, hidden)."""
    encoded = model.encode(template, rows)
    vectors = torch.zeros(len(encoded), model.network.config.hidden_size, device=model.device)
    for chosen in model.batches(encoded):
        batch = [encoded[at] for at in chosen]
        with torch.inference_mode():
            inputs, _ = model.network_inputs(batch)
            states = model.run(inputs).last_hidden_state.float()  # (batch, length, hidden)
            own = torch.zeros(states.shape[:2], device=model.device)
            for row, example in enumerate(batch):
                for place, kind in enumerate(example.kinds):
                    own[row, place] = kind == FIELD
            sums = (own[..., None] * states).sum(1)  # (batch, hidden)
            vectors[chosen] = torch.nn.functional.normalize(sums, dim=1)
    return vectors
