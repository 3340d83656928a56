"""Word vectors from the corpus, for a network to start from.

Positive pointwise mutual information with smoothed contexts, factorised (Levy, Goldberg and Dagan
2015, “Improving distributional similarity with lessons learned from word embeddings”, sections 2.1
and 3.2). A network that starts from random vectors spends its first millions of tokens on finding
these.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.recipe import Recipe

WINDOW = 5  # words to either side, weighted by one over their distance
SMOOTHING = 0.75
PIECE, MOST = 1_000_000, 30_000_000  # tokens counted at once, and in all


def word_vectors(corpus: EncodedCorpus, recipe: Recipe) -> NDArray[np.float32]:
    """Tables with a row of unit length for each token: (tables, vocabulary, width).

    A masked model has one table. A causal model has two, of a word as one that is read and as one
    that follows. Tokens never seen have zeros. The largest dimensions come first.
    """
    counts = torch.from_numpy(_cooccurrences(corpus, recipe))
    if recipe.kind == "masked":
        counts += counts.T.clone()
    torch.manual_seed(recipe.seed)  # of the randomised factorisation
    rank = min(recipe.width, recipe.vocabulary)
    spare = min(rank + 32, recipe.vocabulary)
    left, values, right = torch.svd_lowrank(_positive_pmi(counts), q=spare, niter=3)
    tables = [_unit_rows((left * values.sqrt())[:, :rank], counts.sum(1) > 0)]
    if recipe.kind == "causal":
        tables.append(_unit_rows((right * values.sqrt())[:, :rank], counts.sum(0) > 0))
    padded = torch.nn.functional.pad(torch.stack(tables), (0, recipe.width - rank))
    return padded.numpy().astype(np.float32)


def _unit_rows(vectors: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    centred = vectors - vectors[seen].mean(0)  # what all words share tells none apart
    return torch.nn.functional.normalize(centred, dim=1) * seen[:, None]


def token_counts(corpus: EncodedCorpus, recipe: Recipe) -> NDArray[np.float64]:
    """How often each token is met in the recipe's mix, relative to all: (vocabulary,).

    Counts one more of each than there is, so that none is zero.
    """
    total = np.ones(recipe.vocabulary)
    for ids, weight in _pieces(corpus, recipe):
        total += weight * np.bincount(ids, minlength=recipe.vocabulary)
    return total / total.sum()


def _pieces(corpus: EncodedCorpus, recipe: Recipe) -> list[tuple[NDArray[np.int64], float]]:
    """Stretches of text with the weight that makes the sources as frequent as in the mix."""
    total = sum(recipe.mix.values())
    pieces = []
    for source in corpus.sources:
        start, end = (int(corpus.sentences[at]) for at in (source.first, source.end))
        size = min(end - start, int(MOST * recipe.mix[source.name] / total))
        wanted = MOST * recipe.mix[source.name] / total
        for first in range(start, start + size, PIECE):
            ids = corpus.tokens[first : min(first + PIECE, start + size)].astype(np.int64)
            pieces.append((ids, wanted / size))
    return pieces


def _cooccurrences(corpus: EncodedCorpus, recipe: Recipe) -> NDArray[np.float32]:
    """Weighted counts of a token (row) with those that follow it: (vocabulary, vocabulary)."""
    size = recipe.vocabulary
    counts = np.zeros(size * size, np.float32)
    for ids, weight in _pieces(corpus, recipe):
        for distance in range(1, WINDOW + 1):
            pairs, times = np.unique(ids[:-distance] * size + ids[distance:], return_counts=True)
            counts[pairs] += times * np.float32(weight / distance)
    return counts.reshape(size, size)


def _positive_pmi(counts: torch.Tensor) -> torch.Tensor:
    """max(0, log p(word, context) / p(word) p(context)^0.75): (vocabulary, vocabulary)."""
    words, contexts = counts.sum(1), counts.sum(0) ** SMOOTHING
    expected = (words / words.sum())[:, None] * (contexts / contexts.sum())[None, :]
    return (counts / counts.sum() / expected.clamp(min=1e-20)).clamp(min=1.0).log()
