"""The cells of a comparison that are scored together: one template with several verbalizers."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from playground.errors import TemplateError
from playground.methods.comparison_settings import concerning
from playground.methods.demonstrations import Demonstrations
from playground.models import Encoded, LanguageModel
from playground.models.encoded import FIELD
from playground.models.label_reader import LabelReader
from playground.prompts import Template, Verbalizer

Rows = Sequence[dict[str, Any]]


class Scorer:
    """A template, and the verbalizers that one forward pass a row serves.

    ``number`` is the template's among those compared, ``numbers`` are the verbalizers'. A
    verbalizer whose words take several passes (see `LabelReader`) has a scorer of its own, and so
    has each one where demonstrations hold its words.
    """

    def __init__(
        self,
        model: LanguageModel,
        number: int,
        template: Template,
        readers: dict[int, LabelReader],
        demonstrations: Demonstrations | None,
    ) -> None:
        self.model = model
        self.number = number
        self.numbers = tuple(readers)
        self._template = template
        self._readers = tuple(readers.values())
        self._demonstrations = demonstrations
        # what is common to several verbalizers is asked for once
        ids = [reader.token_ids for reader in self._readers]
        self._token_ids, columns = torch.cat(ids).unique(return_inverse=True)
        self._columns = columns.split([len(own) for own in ids])

    def score(
        self, rows: Rows, labels: Sequence[str], *, batch_size: int, behind: int = 0
    ) -> Iterator[tuple[list[int], Tensor]]:
        """Scores rows batch by batch, the longest first, but for the ``behind`` first batches.

        Yields which rows, and log-probabilities (verbalizers, batch, labels) in float32.
        Raises TemplateError, and DataError for a row that finds too few demonstrations.
        """
        encoded = self.encode(rows)
        order = sorted(range(len(encoded)), key=lambda at: len(encoded[at]), reverse=True)
        order = order[behind * batch_size :]
        if self._readers[0].several_passes:
            for start in range(0, len(order), batch_size):
                chosen = order[start : start + batch_size]
                yield chosen, self._of_labels([self._several([rows[at] for at in chosen])], labels)
            return
        for places, logits in self.model.score(
            [encoded[at] for at in order], self._token_ids, batch_size=batch_size
        ):
            scores = [
                reader.label_scores(logits[..., own])  # of (batch, slots, tokens)
                for reader, own in zip(self._readers, self._columns, strict=True)
            ]
            yield [order[at] for at in places], self._of_labels(scores, labels)

    def _of_labels(self, scores: Sequence[Tensor], labels: Sequence[str]) -> Tensor:
        """Log-probabilities (verbalizers, batch, labels), the labels in one order for all."""
        found = []
        for reader, own in zip(self._readers, scores, strict=True):
            order = [reader.verbalizer.labels.index(label) for label in labels]
            found.append(own.log_softmax(1)[:, order])
        return torch.stack(found)

    def _several(self, rows: Rows) -> Tensor:
        """Scores by a verbalizer whose words take several passes: (rows, labels)."""
        (reader,) = self._readers
        scores = torch.empty(len(rows), len(reader.verbalizer.labels), device=self.model.device)
        for template, places in self._templates(rows).items():
            own = self.model.label_reader(template, reader.verbalizer)
            scores[places] = own.score_rows([rows[at] for at in places])
        return scores

    def encode(self, rows: Rows) -> list[Encoded]:
        """What the model reads, demonstrations in front. Raises TemplateError or DataError."""
        encoded: dict[int, Encoded] = {}
        for template, places in self._templates(rows).items():
            found = self._encode(template, [rows[at] for at in places])
            encoded.update(zip(places, found, strict=True))
        return [encoded[at] for at in range(len(rows))]

    def _templates(self, rows: Rows) -> dict[Template, list[int]]:
        """Which rows are read with which template: all with one, but for demonstrations."""
        if self._demonstrations is None:
            return {self._template: list(range(len(rows)))}
        (reader,) = self._readers
        places: dict[Template, list[int]] = {}
        longer = self._demonstrations.before(self._template, reader.verbalizer, rows)
        for at, template in enumerate(longer):
            places.setdefault(template, []).append(at)
        return places

    def _encode(self, template: Template, rows: Rows) -> list[Encoded]:
        """As `LanguageModel.encode`, unless demonstrations leave nothing of a text."""
        if self._demonstrations is None:
            return self.model.encode(template, rows)
        try:
            encoded = self.model.encode(template, rows)
        except TemplateError as error:
            if error.code != "template.too_long":
                raise
            encoded = []
        if not encoded or any(one.cut and FIELD not in one.kinds for one in encoded):
            raise TemplateError(
                f"The {self._demonstrations.count} demonstrations leave no room for the text: this "
                f"model reads at most {self.model.max_length} tokens. Show fewer, or choose a "
                "model that reads more.",
                code="comparison.no_room",
                count=self._demonstrations.count,
                room=self.model.max_length,
            )
        return encoded


def scorers(
    model: LanguageModel,
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    demonstrations: Demonstrations | None,
) -> list[Scorer]:
    """As few scorers as serve all templates with all verbalizers.

    Raises VerbalizerError for words that the model cannot read.
    """
    found = []
    for number, template in enumerate(templates):
        groups: list[dict[int, LabelReader]] = []
        shared: dict[int, LabelReader] = {}
        for at, verbalizer in enumerate(verbalizers):
            with concerning(template=number, verbalizer=at):
                reader = model.label_reader(template, verbalizer)
            if demonstrations is not None or reader.several_passes:
                groups.append({at: reader})
            else:
                shared[at] = reader
        if shared:
            groups.insert(0, shared)
        found += [Scorer(model, number, template, group, demonstrations) for group in groups]
    return found
