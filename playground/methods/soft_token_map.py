"""Soft tokens among words: which lie nearest, and a plane on which they are all drawn."""

from typing import Any

import torch
from torch import Tensor

from playground.errors import PlaygroundError
from playground.methods.learner import Learner
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer

NEAREST = 5  # words told of each soft token


class SoftTokenMap:
    """The words nearest to soft tokens, and where all of them lie on one plane.

    Near means a high cosine similarity, so words and soft tokens are drawn by their directions
    alone, each a vector of length 1. ``axes`` (2, embedding) span the plane: a position is their
    product with a direction. They are the two principal components of the label words and of the
    words nearest to ``vectors`` (vectors, embedding), where the soft tokens start; so the map stays
    the same for a whole training, and is the same for the same start.
    """

    def __init__(
        self, model: LanguageModel, template: Template, verbalizer: Verbalizer, vectors: Tensor
    ) -> None:
        self.model = model
        self._label_words: list[tuple[str, str]] = []
        self._label_directions = torch.zeros(0, vectors.shape[1])
        try:
            pieces = model.label_reader(template, verbalizer).pieces
        except PlaygroundError:  # labels may be read off otherwise than by words
            pieces = ()
        if pieces:
            self._label_words = list(zip(verbalizer.all_words, verbalizer.word_labels, strict=True))
            means = [model.embedding_weight[list(ids)].float().mean(0) for ids in pieces]
            self._label_directions = _directions(torch.stack(means))
        ids, _ = model.nearest_tokens(vectors, NEAREST)
        self.axes = _principal_axes(torch.cat([self._label_directions, self._words(ids.unique())]))

    @classmethod
    def of(cls, learner: Learner) -> "SoftTokenMap | None":
        """Of the soft tokens as a learner has them now; None where it has none."""
        with torch.no_grad():
            _, vectors = learner.answering()
        if vectors is None:
            return None
        return cls(learner.base_model, learner.template, learner.verbalizer, vectors)

    def event(self) -> dict[str, Any]:
        """What does not change: the axes, and the label words with their labels and positions."""
        positions = self._positions(self._label_directions)
        return {
            "step": 0,
            "split": "map",
            "axes": [[round(number, 6) for number in axis] for axis in self.axes.tolist()],
            "label_words": [
                {"word": word, "label": label, "at": at}
                for (word, label), at in zip(self._label_words, positions, strict=True)
            ],
        }

    def snapshot(self, vectors: Tensor) -> dict[str, Any]:
        """``vectors`` (vectors, embedding) now: each with its position and its nearest words.

        A word comes with its similarity and its position. ``kept``: the share of the variance of
        all that is drawn, in all dimensions, that is left of it on the plane.
        """
        ids, similarity = self.model.nearest_tokens(vectors, NEAREST)  # both (vectors, words)
        tokens, words = _directions(vectors), self._words(ids)
        told = zip(
            *(self._positions(tokens), ids.tolist(), similarity.tolist(), self._positions(words)),
            strict=True,
        )
        drawn = torch.cat([tokens, words.flatten(0, 1), self._label_directions])
        return {
            "soft_tokens": [
                {
                    "name": f"p{index}",
                    "at": at,
                    "nearest": [
                        [self.model.token_text(token), value, *place]
                        for token, value, place in zip(near, values, places, strict=True)
                    ],
                }
                for index, (at, near, values, places) in enumerate(told, start=1)
            ],
            "kept": round(self._kept(drawn), 4),
        }

    def _words(self, ids: Tensor) -> Tensor:
        """Directions of tokens (...): (..., embedding)."""
        return _directions(self.model.embedding_weight[ids])

    def _positions(self, directions: Tensor) -> list[Any]:
        """Directions (..., embedding) on the plane: x and y of each, as nested lists."""
        positions: list[Any] = torch.round((directions @ self.axes.T).double(), decimals=4).tolist()
        return positions

    def _kept(self, directions: Tensor) -> float:
        apart = directions - directions.mean(0)
        return float((apart @ self.axes.T).square().sum() / apart.square().sum().clamp(min=1e-12))


def _directions(vectors: Tensor) -> Tensor:
    """Vectors of length 1 (..., embedding), on the CPU in float32: they are few."""
    return torch.nn.functional.normalize(vectors.detach().float(), dim=-1).cpu()


def _principal_axes(points: Tensor) -> Tensor:
    """The two directions along which ``points`` (n, embedding) differ most: (2, embedding).

    Their signs, which principal components leave open, make their largest component positive.
    """
    axes: Tensor = torch.linalg.svd(points - points.mean(0), full_matrices=False).Vh[:2]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * largest.sign()
