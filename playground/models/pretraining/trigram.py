"""A smoothed trigram model: what a causal language model has to beat.

Interpolated Kneser-Ney with three discounts an order: Chen & Goodman 1999, "An Empirical Study of
Smoothing Techniques for Language Modeling", section 3.4 (their "modified Kneser-Ney").
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class _Order:
    """The n-grams of one length that were seen, and what is left for those that were not.

    An n-gram is a number: its tokens are digits in base ``vocabulary``, so that the n-grams of one
    context stand together. ``discounted`` (n-grams,) are their discounted relative frequencies,
    ``left`` (contexts,) is what the discounts leave for the lower order.
    """

    ngrams: Ids
    discounted: Shares
    contexts: Ids
    left: Shares

    def interpolated(self, ngrams: Ids, vocabulary: int, lower: Shares) -> Shares:
        """Probabilities of ``ngrams`` (n,), where ``lower`` (n,) are those by the order below."""
        seen = _look_up(self.ngrams, self.discounted, ngrams, otherwise=0.0)
        left = _look_up(self.contexts, self.left, ngrams // vocabulary, otherwise=1.0)
        return seen + left * lower


class Trigram:
    """Learns from a row of token ids (tokens,), each below ``vocabulary``.

    It takes about 30 bytes of memory for each token of the row.
    """

    def __init__(self, tokens: NDArray[np.integer], vocabulary: int) -> None:
        self.vocabulary = vocabulary
        trigrams, counts = np.unique(_trigrams(tokens, vocabulary), return_counts=True)
        # lower orders count contexts: in how many different ones a word was seen
        bigrams, bigram_contexts = np.unique(trigrams % vocabulary**2, return_counts=True)
        words, word_contexts = np.unique(bigrams % vocabulary, return_counts=True)
        self._orders = (
            _order(words, word_contexts, vocabulary),
            _order(bigrams, bigram_contexts, vocabulary),
            _order(trigrams, counts, vocabulary),
        )

    def probabilities(self, tokens: NDArray[np.integer]) -> Shares:
        """The probability of each token from the third on, given the two before: (tokens - 2,)."""
        trigrams = _trigrams(tokens, self.vocabulary)
        found: Shares = np.full(len(trigrams), 1 / self.vocabulary)
        for length, order in enumerate(self._orders, start=1):
            found = order.interpolated(trigrams % self.vocabulary**length, self.vocabulary, found)
        return found


def _trigrams(tokens: NDArray[np.integer], vocabulary: int) -> Ids:
    ids = tokens.astype(np.int64)
    return (ids[:-2] * vocabulary + ids[1:-1]) * vocabulary + ids[2:]


def _order(ngrams: Ids, counts: Ids, vocabulary: int) -> _Order:
    discounts = _discounts(counts)[np.minimum(counts, 3)]  # (n-grams,)
    contexts, first = np.unique(ngrams // vocabulary, return_index=True)
    totals = np.add.reduceat(counts, first)  # (contexts,)
    sizes = np.diff(first, append=len(ngrams))
    return _Order(
        ngrams=ngrams,
        discounted=(counts - discounts) / np.repeat(totals, sizes),
        contexts=contexts,
        left=np.add.reduceat(discounts, first) / totals,
    )


def _discounts(counts: Ids) -> Shares:
    """What is taken from n-grams seen 0, 1, 2, and 3 or more times (Chen & Goodman, equation 17).

    In a text too small to tell (where nothing was seen twice, say) it stays within the count.
    """
    once, twice, thrice, four = (max(1, int((counts == times).sum())) for times in (1, 2, 3, 4))
    share = once / (once + 2 * twice)
    found = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice]
    found.append(3 - 4 * share * four / thrice)
    return np.array([0.0, *np.clip(found, 0.1, [0.9, 1.8, 2.7])])


def _look_up(known: Ids, values: Shares, wanted: Ids, *, otherwise: float) -> Shares:
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, values[at], otherwise)
