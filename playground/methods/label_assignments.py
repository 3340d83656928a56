"""Label words by trying all assignments: Gao et al. 2021, "Making Pre-trained Language Models
Better Few-shot Learners" (LM-BFF), https://arxiv.org/abs/2012.15723, section 5.1.
"""

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from playground.errors import VerbalizerError
from playground.methods.label_word_ranking import LabelledExamples, Ranking, restored

MOST_ASSIGNMENTS = 1_000_000
_BLOCK = 2_000_000  # scores looked at together: assignments × rows × labels
SHOWN = 10


class LabelAssignments(Ranking):
    """One word for each label, by how many examples all of them together get right.

    1. For each label, the words with the highest mean log-probability at the slot over its own
       examples: ``tried_words`` of them, or fewer where there would be more than a million
       assignments.
    2. The logits of these words on all rows, of train and dev.
    3. Every assignment of different words, by its zero-shot accuracy on the train rows.
    4. The best ``assignments`` of them, by their accuracy on the dev rows. The authors fine-tune
       the model with each before they measure it; here it stays as it is.

    Of equal accuracies the lower cross-entropy decides, which the paper leaves open. A step reads
    a batch of rows (1, 2), tries one word of the first label with all of the others (3), or
    measures on the dev rows (4). Raises VerbalizerError for more labels than can be assigned.
    """

    def prepare(self) -> None:
        count = len(self.labels)
        most = int((MOST_ASSIGNMENTS + 0.5) ** (1 / count))
        if most < 2:
            raise VerbalizerError(
                f"With {count} labels there are too many assignments of words to try. Choose "
                "another algorithm.",
                code="search.too_many_labels",
                count=count,
            )
        self.likely = min(self.settings.tried_words, most, int(self.whole.sum()))
        self._dev_batches = self.dev.batches(self.model)
        reading = len(self.train_batches)
        # where each part of the work begins
        self._logits_from = reading
        self._dev_from = 2 * reading
        self._trying_from = self._dev_from + len(self._dev_batches)
        self._ranking_at = self._trying_from + self.likely
        self.steps = self._ranking_at + 1
        self._log_shares = torch.zeros((count, len(self.whole)), dtype=torch.float64)
        self._seen = torch.zeros(count, dtype=torch.long)
        shape = (count, self.likely)
        self._train_logits = torch.zeros((len(self.train), *shape))
        self._dev_logits = torch.zeros((len(self.dev), *shape))
        # the best so far: places in `candidates` (best, labels), with what was measured (best, 4)
        self._best = torch.full((self.settings.assignments, count), -1)
        self._measured = torch.full((self.settings.assignments, 4), torch.nan, dtype=torch.float64)

    def advance(self, step: int) -> Generator[None, None, dict[str, Any]]:
        yield
        if step < self._logits_from:
            shares, targets = self.read(self.train_batches[step])
            self._log_shares.index_add_(0, targets, shares)
            self._seen += torch.bincount(targets, minlength=len(self.labels))
        elif step < self._dev_from:
            rows = self.train_batches[step - self._logits_from]
            self._train_logits[list(rows)] = self._logits(self.train, rows)
        elif step < self._trying_from:
            rows = self._dev_batches[step - self._dev_from]
            self._dev_logits[list(rows)] = self._logits(self.dev, rows)
        elif step < self._ranking_at:
            yield from self._try(step - self._trying_from)
        else:
            self._rank_on_dev()
        return {"assignments": self.table(SHOWN)} if step >= self._trying_from else {}

    # ---- the words that are likely for a label -------------------------------------------------

    def scores(self) -> Tensor | None:
        if not self._seen.all():
            return None
        means = self._log_shares / self._seen[:, None]
        return means.where(self.whole, -torch.inf)

    def candidates(self) -> Tensor:
        """The likely words of each label: (labels, likely)."""
        scores = self._log_shares.where(self.whole, -torch.inf)
        return scores.topk(self.likely, dim=1).indices

    def _logits(self, examples: LabelledExamples, rows: range) -> Tensor:
        """Of the likely words: (batch, labels, likely)."""
        words = self.candidates()
        with torch.inference_mode():
            logits = self.model.answer_logits(
                [examples.encoded[row] for row in rows],
                token_ids=words.flatten().to(self.model.device),
            )
        return logits[:, 0].cpu().float().unflatten(1, words.shape)

    # ---- the assignments -----------------------------------------------------------------------

    def _try(self, first: int) -> Generator[None, None, None]:
        """All assignments with the first label's word at ``first``."""
        likely = torch.arange(self.likely)
        count = len(self.labels)
        others = torch.cartesian_prod(*[likely] * (count - 1)).view(-1, count - 1)
        tried = torch.cat([torch.full((len(others), 1), first), others], 1)  # (assignments, labels)
        words = self.candidates()[torch.arange(count), tried].sort(1).values
        tried = tried[(words[:, 1:] != words[:, :-1]).all(1)]  # no word for two labels
        size = max(1, _BLOCK // (len(self.train) * count))
        best, measured = self._best, self._measured
        for block in tried.split(size):
            best, measured = self._better(best, measured, block)
            yield
        self._best, self._measured = best, measured

    def _better(self, best: Tensor, measured: Tensor, block: Tensor) -> tuple[Tensor, Tensor]:
        """The best of those so far and those of ``block`` (assignments, labels)."""
        found = torch.full((len(block), 4), torch.nan, dtype=torch.float64)
        found[:, :2] = _measure(self._train_logits, self.train.targets.cpu(), block)
        best, measured = torch.cat([best, block]), torch.cat([measured, found])
        order = _order(measured[:, :2])[: self.settings.assignments]
        return best[order], measured[order]

    def _rank_on_dev(self) -> None:
        if not len(self.dev):
            return
        known = self._best[:, 0] >= 0
        best, measured = self._best[known], self._measured[known]
        measured[:, 2:] = _measure(self._dev_logits, self.dev.targets.cpu(), best)
        order = _order(measured[:, 2:])
        self._best[known], self._measured[known] = best[order], measured[order]

    def words(self) -> list[list[int]] | None:
        """One word a label: the best assignment's, or the likeliest before any was tried."""
        if self._best[0, 0] < 0:
            found = super().words()
            return None if found is None else [words[:1] for words in found]
        best = self.candidates()[torch.arange(len(self.labels)), self._best[0]]
        return [[token] for token in best.tolist()]

    def table(self, most: int) -> list[dict[str, Any]]:
        """The best assignments; before any was tried, the likeliest words."""
        if self._best[0, 0] < 0:
            return self.word_table(most)
        words = self.candidates()[torch.arange(len(self.labels)), self._best]  # (best, labels)
        rows: list[dict[str, Any]] = []
        for own, places, measured in zip(words, self._best, self._measured.tolist(), strict=True):
            if places[0] < 0 or len(rows) == most:
                break
            texts = map(self.model.token_text, own.tolist())
            names = ("accuracy", "loss", "dev_accuracy", "dev_loss")
            figures = {
                name: None if value != value else value
                for name, value in zip(names, measured, strict=True)
            }
            rows.append({"words": dict(zip(self.labels, texts, strict=True)), **figures})
        return rows

    # ---- keeping -------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        return {
            "log_shares": self._log_shares,
            "seen": self._seen,
            "train_logits": self._train_logits,
            "dev_logits": self._dev_logits,
            "best": self._best,
            "measured": self._measured,
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        kept = restored(tensors, self.tensors())
        self._log_shares, self._seen = kept["log_shares"], kept["seen"]
        self._train_logits, self._dev_logits = kept["train_logits"], kept["dev_logits"]
        self._best, self._measured = kept["best"], kept["measured"]


def _measure(logits: Tensor, targets: Tensor, assignments: Tensor) -> Tensor:
    """Accuracy and mean cross-entropy of each assignment: (assignments, 2).

    ``logits`` are (rows, labels, likely), ``assignments`` (assignments, labels).
    """
    labels = torch.arange(logits.shape[1])
    scores = logits[:, labels, assignments]  # (rows, assignments, labels)
    right = (scores.argmax(2) == targets[:, None]).double().mean(0)
    own = targets[:, None, None].expand(-1, len(assignments), 1)
    losses = -scores.log_softmax(2).gather(2, own)[..., 0].double().mean(0)
    return torch.stack([right, losses], 1)


def _order(measured: Tensor) -> Tensor:
    """By accuracy, of equal ones by cross-entropy, what was not measured last: (n, 2) to (n,)."""
    by_loss = measured[:, 1].nan_to_num(torch.inf).argsort(stable=True)
    accuracy = measured[by_loss, 0].nan_to_num(-1)
    return by_loss[accuracy.argsort(descending=True, stable=True)]
