"""What the ways of ranking label words share: the examples, and choosing words from the scores."""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.methods.search_settings import LabelWordSettings
from playground.models import Encoded, LanguageModel
from playground.processors import batch_rows


@dataclass(frozen=True)
class LabelledExamples:
    """Examples as the model reads them, and the places of their labels: (examples,)."""

    encoded: list[Encoded]
    targets: Tensor

    def __len__(self) -> int:
        return len(self.encoded)

    def batches(self, model: LanguageModel) -> list[range]:
        size = batch_rows(model.device.type)
        return [range(at, min(at + size, len(self))) for at in range(0, len(self), size)]


class Ranking(ABC):
    """A way of ranking words for labels, made step by step.

    ``whole`` (vocabulary,) says which tokens can be label words at all. What a ranking has found
    follows from its `tensors` and the number of steps made.
    """

    steps: int

    def __init__(
        self,
        model: LanguageModel,
        labels: tuple[str, ...],
        whole: Tensor,
        train: LabelledExamples,
        dev: LabelledExamples,
        settings: LabelWordSettings,
    ) -> None:
        self.model = model
        self.labels = labels
        self.whole = whole.cpu()
        self.train, self.dev = train, dev
        self.settings = settings
        self.train_batches = train.batches(model)
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Sets `steps`, and all that is known before the first."""

    @abstractmethod
    def advance(self, step: int) -> Generator[None, None, dict[str, Any]]:
        """Makes the step after ``step`` others; yields breaths, returns figures for its event."""

    @abstractmethod
    def scores(self) -> Tensor | None:
        """How well each word suits each label, -inf where it cannot: (labels, vocabulary).

        None while nothing is known.
        """

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on."""

    @abstractmethod
    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes `tensors` back. Raises KeyError or ValueError for those of another search."""

    def read(self, rows: range) -> tuple[Tensor, Tensor]:
        """What the model says of some train rows, and the places of their labels (batch,).

        That is the log-probability of every token at the first answer slot: (batch, vocabulary).
        """
        with torch.inference_mode():
            logits = self.model.answer_logits([self.train.encoded[row] for row in rows])
        shares = logits[:, 0].cpu().double().log_softmax(-1)
        return shares, self.train.targets[list(rows)].cpu()

    def words(self) -> list[list[int]] | None:
        """The tokens chosen for each label, the best first; None while there are too few."""
        scores = self.scores()
        return None if scores is None else distinct_words(scores, self.settings.words)

    def table(self, most: int) -> list[dict[str, Any]]:
        """What the words chosen were the best of."""
        return self.word_table(most)

    def word_table(self, most: int) -> list[dict[str, Any]]:
        """The words of highest score for each label."""
        scores = self.scores()
        if scores is None:
            return []
        found = []
        for label, own in zip(self.labels, scores, strict=True):
            best = own.topk(min(most, int(own.isfinite().sum())))
            for token, score in zip(best.indices.tolist(), best.values.tolist(), strict=True):
                text = self.model.token_text(token)
                found.append({"label": label, "word": text, "id": token, "score": score})
        return found


def distinct_words(scores: Tensor, count: int) -> list[list[int]] | None:
    """Up to ``count`` words a label, none of them twice: scores (labels, vocabulary), -inf: never.

    A word is that of the label it suits best. A label that would get none takes the best word that
    nobody has; None where there is none left.
    """
    best = scores.amax(0)
    chosen: list[list[int]] = []
    for own in scores:
        mine = own.where((own == best) & own.isfinite(), -torch.inf)
        order = mine.topk(min(count, int(mine.isfinite().sum()))).indices.tolist()
        chosen.append([token for token in order if not any(token in other for other in chosen)])
    for own, words in zip(scores, chosen, strict=True):
        if words:
            continue
        left = own.clone()
        left[[token for other in chosen for token in other]] = -torch.inf
        if not left.isfinite().any():
            return None
        words.append(int(left.argmax()))
    return chosen


def restored(tensors: dict[str, Tensor], like: dict[str, Tensor]) -> dict[str, Tensor]:
    """``tensors``, of the shapes of ``like``. Raises KeyError or ValueError where they differ."""
    for name, value in like.items():
        if tensors[name].shape != value.shape:
            raise ValueError("it was made with other settings")
    # a file's tensors may lie at odd addresses, where the same sum can round otherwise
    return {name: tensors[name].to(value.device).clone() for name, value in like.items()}
