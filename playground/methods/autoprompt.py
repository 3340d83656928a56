"""AutoPrompt: Shin et al. 2020, https://arxiv.org/abs/2010.15980.

A prompt's trigger tokens are changed one at a time, to the token that the gradient of the loss
promises most of and that keeps the promise. The language model stays frozen.
"""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from playground.errors import VerbalizerError
from playground.methods.search import Breaths, Event, Search, batches
from playground.methods.search_result import SearchResult
from playground.methods.search_settings import AutoPromptSettings
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.triggers import (
    soft_template,
    trigger_vectors,
    with_triggers,
    without_triggers,
    written_template,
)
from playground.methods.vocabulary import capitalised_starts, special_tokens
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer

WRITTEN_ROWS = 256  # rows on which words found must read as the tokens they were
_GRADIENT, _SCORE, _POSITION = range(3)  # what is drawn in a step, each by a seed of its own


class AutoPrompt(Search):
    """Searches tokens for the template's trigger slots, from [MASK] in all of them.

    One iteration (section 2.2, and the authors' code): the gradient at the trigger embeddings is
    summed over some batches; a position is drawn; the candidates for it are the tokens of highest
    first-order gain; they and the present token are scored on batches drawn anew; the best one is
    taken if it is better than the present one. The triggers with the best dev accuracy are kept,
    of equal ones those of lower loss.

    The loss of an example is the negative log-probability of its label's words, among the whole
    vocabulary or among all labels' words. The verbalizer says what makes one number of several
    words: ``"logsumexp"`` adds up their probabilities as the authors do.

    Events, besides the first: after each iteration, ``"split": "search"``, the ``triggers`` as
    they are now, the ``position`` tried, its ``candidates`` (``gain``: estimated decrease of the
    loss; ``loss`` and ``accuracy`` as measured), whether a swap was ``accepted``, and ``loss`` and
    ``accuracy`` of the triggers as they are now on the same rows. After a swap, ``"split":
    "dev"`` with the dev set's loss and accuracy and the ``best`` triggers so far.

    Raises what `Search` does, and VerbalizerError for words that the model cannot read, or that
    take several passes.
    """

    method = "autoprompt"

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        train: pd.DataFrame,
        dev: pd.DataFrame,
        settings: AutoPromptSettings,
    ) -> None:
        super().__init__(model, template, verbalizer, train, dev)
        self.settings = settings
        self.steps = settings.iterations
        self.trigger_template = with_triggers(template, settings.triggers)
        self.soft_template = soft_template(self.trigger_template)
        self.reader = model.label_reader(self.soft_template, verbalizer)
        if self.reader.several_passes:
            raise VerbalizerError(
                "Words of several tokens that are scored exactly take several looks at each "
                "example, which a training cannot make. Score them by their first token or by "
                "their mean.",
                code="verbalizer.not_trainable",
            )
        self._train = model.encode(self.soft_template, self.train_rows)
        self._dev = model.encode(self.soft_template, self.dev_rows)
        self.allowed = self._allowed()  # (vocabulary,)
        count = model.soft_layout(self.soft_template).vectors
        self.triggers = [model.encoder.placeholder_id] * count
        self.best: dict[str, Any] | None = None  # by the dev set: triggers, step, loss, accuracy
        self.swaps: list[dict[str, Any]] = []
        self._looked_at: list[int] | None = None  # the triggers last measured on the dev set

    def _allowed(self) -> Tensor:
        settings = self.settings
        special = special_tokens(self.model)
        allowed = torch.ones_like(special)
        allowed[len(self.model.tokenizer) :] = False
        if settings.filter_special:
            allowed &= ~special
        if settings.filter_capitalised:
            allowed &= ~capitalised_starts(self.model)
        if settings.filter_label_words:
            allowed[[token for pieces in self.reader.pieces for token in pieces]] = False
        return allowed

    # ---- the parts of an iteration -------------------------------------------------------------

    def losses(self, logits: Tensor) -> Tensor:
        """The negative log-probability of each label: (batch, slots, words) to (batch, labels).

        Instead of the words it takes the vocabulary where the loss is over that.
        """
        if self.settings.loss_over == "labels":
            return -self.reader.label_scores(logits).log_softmax(1)
        scores = self.reader.label_scores(logits[..., self.reader.token_ids])  # (batch, labels)
        read = logits[:, : self.verbalizer.slots]  # one with words for one slot reads the first
        return read.logsumexp(-1).sum(1, keepdim=True) - scores

    @property
    def _token_ids(self) -> Tensor | None:
        return self.reader.token_ids if self.settings.loss_over == "labels" else None

    def gradient(self, rows: Sequence[int]) -> Tensor:
        """That of the summed loss of train ``rows`` at the triggers: (triggers, embedding)."""
        vectors = trigger_vectors(self.model, self.triggers).requires_grad_()
        batch = [self._train[row] for row in rows]
        logits = self.model.answer_logits(batch, token_ids=self._token_ids, soft_vectors=vectors)
        losses = self.losses(logits)  # (batch, labels)
        own = losses.gather(1, self.train_targets[list(rows), None])  # (batch, 1)
        (gradient,) = torch.autograd.grad(own.sum(), vectors)
        return gradient.to(torch.promote_types(gradient.dtype, torch.float32))

    def gains(self, position: int, gradient: Tensor) -> Tensor:
        """How much each token at ``position`` promises to lower the loss: (vocabulary,).

        To first order that is (e_present - e_token) · gradient (equation 2 of the paper, from
        Ebrahimi et al. 2018, "HotFlip"). ``gradient`` is (embedding,).
        """
        present = trigger_vectors(self.model, [self.triggers[position]])[0]
        weight = self.model.embedding_weight.detach().to(gradient.dtype)
        return present.to(gradient.dtype) @ gradient - weight @ gradient

    def candidates(self, position: int, gains: Tensor) -> list[int]:
        """The tokens to try at ``position``, the most promising first."""
        open_to = self.allowed.clone()
        open_to[self.triggers[position]] = False
        count = min(self.settings.candidates, int(open_to.sum()))
        found: list[int] = gains.where(open_to, -torch.inf).topk(count).indices.tolist()
        return found

    def measure(self, rows: Sequence[int], triggers: Sequence[int]) -> tuple[float, int]:
        """The summed loss of train ``rows`` with these triggers, and how many it gets right."""
        with torch.inference_mode():
            logits = self.model.answer_logits(
                [self._train[row] for row in rows],
                token_ids=self._token_ids,
                soft_vectors=trigger_vectors(self.model, triggers),
            )
        return self._measured(logits, self.train_targets[list(rows)])

    def _measured(self, logits: Tensor, targets: Tensor) -> tuple[float, int]:
        losses = self.losses(logits)  # (batch, labels)
        own = losses.gather(1, targets[:, None])
        return float(own.double().sum()), int((losses.argmin(1) == targets).sum())

    def _draw(self, purpose: int) -> torch.Generator:
        """What is drawn in a step follows from the step alone, not from the steps before."""
        seed = self.settings.seed * 1_000_003 + 3 * self.step + purpose
        return torch.Generator().manual_seed(seed)

    def _batches(self, purpose: int) -> list[list[int]]:
        """Train rows, none of them twice."""
        order = torch.randperm(len(self._train), generator=self._draw(purpose)).tolist()
        most = self.settings.accumulation_steps * self.settings.batch_size
        return batches(order[:most], self.settings.batch_size)

    # ---- walking through -----------------------------------------------------------------------

    def opening(self) -> Breaths:
        plain = without_triggers(self.trigger_template)
        accuracy = yield from self.dev_accuracy(plain, self.verbalizer)
        return {
            "template": str(self.trigger_template),
            "triggers": self._shown(self.triggers),
            "zero_shot_accuracy": accuracy,
        }

    def advance(self) -> Breaths:
        began = time.perf_counter()
        gradient, count = torch.zeros(()), 0
        for rows in self._batches(_GRADIENT):
            gradient = gradient.to(self.model.device) + self.gradient(rows)
            count += len(rows)
            yield
        generator = self._draw(_POSITION)
        position = int(torch.randint(len(self.triggers), (), generator=generator))
        gains = self.gains(position, gradient[position] / count)
        tried = self.candidates(position, gains)
        tokens = [self.triggers[position], *tried]
        found = yield from self._score(position, tokens)
        # of equal ones the first: the present token, so that a swap has to be strictly better
        chosen = max(range(len(tokens)), key=lambda at: self._better(found[at]))
        self.step += 1
        if chosen:
            self.triggers = self._swapped(position, tokens[chosen])
            self.swaps.append(
                {
                    "step": self.step,
                    "position": position,
                    "token_id": tokens[chosen],
                    "token": self.model.token_text(tokens[chosen]),
                    **found[chosen],
                    "triggers": [self.model.token_text(token) for token in self.triggers],
                    "dev_accuracy": None,
                }
            )
        return {
            "step": self.step,
            "split": "search",
            "triggers": self._shown(self.triggers),
            "position": position,
            "candidates": [
                {
                    "id": token,
                    "text": self.model.token_text(token),
                    "gain": float(gains[token]),
                    **measured,
                }
                for token, measured in zip(tried, found[1:], strict=True)
            ],
            "accepted": bool(chosen),
            **found[chosen],
            "seconds": time.perf_counter() - began,
        }

    def _score(self, position: int, tokens: Sequence[int]) -> Breaths:
        """Mean loss and accuracy with each token at ``position``, all on the same fresh rows."""
        totals = [[0.0, 0] for _ in tokens]
        count = 0
        for rows in self._batches(_SCORE):
            count += len(rows)
            for total, token in zip(totals, tokens, strict=True):
                loss, right = self.measure(rows, self._swapped(position, token))
                total[0] += loss
                total[1] += right
                yield
        return [{"loss": loss / count, "accuracy": right / count} for loss, right in totals]

    def _better(self, measured: dict[str, float]) -> float:
        by_accuracy = self.settings.score == "accuracy"
        return measured["accuracy"] if by_accuracy else -measured["loss"]

    def _swapped(self, position: int, token: int) -> list[int]:
        return [*self.triggers[:position], token, *self.triggers[position + 1 :]]

    def look(self) -> Iterator[Event | None]:
        due = self.step % self.settings.dev_every == 0 or self.step == self.steps
        if not self._dev or not due or self.triggers == self._looked_at:
            return
        vectors = trigger_vectors(self.model, self.triggers)
        loss, right = 0.0, 0
        for chosen, logits in self.model.score(self._dev, self._token_ids, soft_vectors=vectors):
            added = self._measured(logits, self.dev_targets[chosen])
            loss, right = loss + added[0], right + added[1]
            yield None
        measured = {"loss": loss / len(self._dev), "accuracy": right / len(self._dev)}
        now: dict[str, Any] = {"step": self.step, "triggers": list(self.triggers), **measured}
        if self.best is None or _rank(now) > _rank(self.best):
            self.best = now
        if self.swaps:
            self.swaps[-1]["dev_accuracy"] = measured["accuracy"]
        self._looked_at = list(self.triggers)
        best = {**self.best, "triggers": self._shown(self.best["triggers"])}
        yield {"step": self.step, "split": "dev", **measured, "best": best}

    def _shown(self, triggers: Sequence[int]) -> list[dict[str, Any]]:
        return [{"id": token, "text": self.model.token_text(token)} for token in triggers]

    # ---- keeping -------------------------------------------------------------------------------

    @property
    def best_triggers(self) -> list[int]:
        """Those with the best dev accuracy, or without dev rows those of the last swap."""
        return self.triggers if self.best is None else list(self.best["triggers"])

    def _written(self) -> Template | None:
        rows = self.train_rows[:WRITTEN_ROWS]
        return written_template(self.model, self.trigger_template, self.best_triggers, rows)

    def trained_prompt(self) -> TrainedPrompt:
        """The template with the best triggers in words, or else their embeddings in soft slots."""
        written = self._written()
        return TrainedPrompt(
            method=self.method,
            model=self.model,
            template=self.soft_template if written is None else written,
            verbalizer=self.verbalizer,
            vectors=trigger_vectors(self.model, self.best_triggers) if written is None else None,
            step=self.step,
            settings=self.settings.model_dump(),
        )

    def result(self) -> SearchResult:
        written = self._written()
        template = self.soft_template if written is None else written
        return SearchResult(
            method=self.method,
            template=str(template),
            truncation=template.truncation,
            verbalizer=json.loads(self.verbalizer.to_json()),
            step=self.step,
            dev_accuracy=None if self.best is None else self.best["accuracy"],
            rows=tuple(self.swaps),
            triggers=tuple(self._shown(self.best_triggers)),
            written=written is not None,
        )

    def state(self) -> dict[str, Any]:
        return {
            "triggers": self.triggers,
            "best": self.best,
            "swaps": self.swaps,
            "looked_at": self._looked_at,
        }

    def restore(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        triggers = [int(token) for token in state["triggers"]]
        if len(triggers) != len(self.triggers) or not set(triggers) <= set(
            range(len(self.allowed))
        ):
            raise ValueError("it was made with other settings")
        self.best, self.swaps = state["best"], list(state["swaps"])
        self.triggers, self._looked_at = triggers, state["looked_at"]


def _rank(measured: dict[str, Any]) -> tuple[float, float]:
    return measured["accuracy"], -measured["loss"]
