"""Label words by likelihood ratio: Schick, Schmid & Schütze 2020, "Automatically Identifying Words
That Can Serve as Labels for Few-Shot Text Classification" (PETAL),
https://arxiv.org/abs/2010.13641.
"""

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from playground.methods.label_word_ranking import Ranking, restored

_CERTAIN = -1e-12  # the log-probability above which the odds would have no logarithm


class LikelihoodRatio(Ranking):
    """Words whose odds at the slot are higher in the examples of a label than in the others.

    Each label against the rest (section 3): the log-likelihood ratio of a word is the sum of its
    log-odds, log p - log(1 - p), over the label's examples, minus that over all others, the first
    scaled by how many times more the others are. Divided by the number of others, as here, it is
    the difference of two means, which compares across labels. Only words that the model finds
    likeliest for the label compete (section 4.1: the authors keep 1000, and want them frequent in
    texts of the task, which is not asked here). A step reads a batch of the train rows.
    """

    def prepare(self) -> None:
        self.steps = len(self.train_batches)
        shape = (len(self.labels), len(self.whole))
        self._log_odds = torch.zeros(shape, dtype=torch.float64)  # summed over a label's examples
        self._log_shares = torch.zeros(shape, dtype=torch.float64)
        self._seen = torch.zeros(len(self.labels), dtype=torch.long)

    def advance(self, step: int) -> Generator[None, None, dict[str, Any]]:
        yield
        shares, targets = self.read(self.train_batches[step])
        odds = shares - torch.expm1(shares.clamp(max=_CERTAIN)).neg().log()
        self._log_odds.index_add_(0, targets, odds)
        self._log_shares.index_add_(0, targets, shares)
        self._seen += torch.bincount(targets, minlength=len(self.labels))
        return {}

    def scores(self) -> Tensor | None:
        others = self._seen.sum() - self._seen
        if not self._seen.all() or not others.all():
            return None
        inside = self._log_odds / self._seen[:, None]
        outside = (self._log_odds.sum(0) - self._log_odds) / others[:, None]
        likely = self._log_shares.where(self.whole, -torch.inf)
        kept = torch.zeros_like(likely, dtype=torch.bool)
        most = min(self.settings.likely_words, int(self.whole.sum()))
        kept.scatter_(1, likely.topk(most, dim=1).indices, True)
        return (inside - outside).where(kept, -torch.inf)

    def tensors(self) -> dict[str, Tensor]:
        return {
            "log_odds": self._log_odds,
            "log_shares": self._log_shares,
            "seen": self._seen,
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        kept = restored(tensors, self.tensors())
        self._log_odds, self._log_shares = kept["log_odds"], kept["log_shares"]
        self._seen = kept["seen"]
