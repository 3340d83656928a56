"""The one training loop that all methods share.

A `Training` is walked through event by event: asking for the next one makes the next step, not
asking pauses it. Nothing in it depends on when it was paused, saved or resumed, so a resumed run
draws the same curve as an uninterrupted one.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn

from playground.errors import DataError, PlaygroundError, RunError
from playground.methods.best import Best
from playground.methods.checkpoint import learned, put_back, read_checkpoint, write_checkpoint
from playground.methods.learner import Learner, trainable_reader, without_soft_slots
from playground.methods.registry import method
from playground.methods.settings import TrainingSettings
from playground.methods.soft_token_map import SoftTokenMap
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.zero_shot import iterate
from playground.models import Encoded, LanguageModel
from playground.models.label_scorer import score_labels
from playground.prompts import Template, Verbalizer
from playground.tasks.sampling import draw
from playground.tasks.table import LABEL, require_labels, without_labels

if TYPE_CHECKING:
    from playground.methods.pet import Pet

Event = dict[str, Any]
GRADIENT_NORM = 1.0


class Training:
    """One training, walked through event by event (see the module's docstring).

    ``soft_labels`` (rows, labels) are what ``train`` is to be taught in place of its labels.
    """

    def __init__(
        self,
        method: str,
        learner: Learner,
        train: pd.DataFrame,
        dev: pd.DataFrame,
        pinned: pd.DataFrame,
        unlabelled: pd.DataFrame | None = None,
        *,
        soft_labels: Tensor | None = None,
    ) -> None:
        self.method = method
        self.learner = learner
        self.settings = learner.settings
        self.step = 0
        self.steps = self.settings.steps
        self.looking = False  # whether what is due at this step is not all yielded yet
        self.best: Best | None = None  # by the dev set, if that is to be kept
        self.labels = learner.verbalizer.labels
        self.settings.check_dev(len(dev))
        if train.empty:
            raise DataError("There are no examples to learn from.", code="data.no_rows")
        for table in (train, dev, pinned):
            if len(table):
                require_labels(table, self.labels)
        learner.prepare(train, unlabelled)
        self._train = self._encode(train)
        self._targets = self._label_indices(train) if soft_labels is None else soft_labels
        self._dev = self._encode(dev)
        self._dev_table = dev
        self._dev_targets = self._label_indices(dev)
        self._pinned = self._encode(pinned)
        self._pinned_table = pinned
        # fused: one pass over the numbers, a fifth of the time
        self._optimizer = torch.optim.AdamW(
            learner.parameter_groups(), weight_decay=0.0, fused=True
        )
        learner.eval()  # dropout is for the steps alone
        self._map = SoftTokenMap.of(learner)  # of where they start, also if it is resumed

    # ---- walking through -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | None]:
        """Yields events; None in between is a breath, where a caller may look up and pause."""
        if self.step == 0:
            yield from self._opening()
        yield from self._look()
        while not self.ended:
            event = self._advance()
            self.looking = True
            yield event
            yield from self._look()
            self.looking = False
            yield None
        if self.best is not None:
            early = self.step < self.steps
            yield {"step": self.step, "split": "end", "early": early, "best": self.best.measured}

    @property
    def ended(self) -> bool:
        """Whether all steps are made, or patience is at its end; asked after a look."""
        if self.step == self.steps or self.best is None or not self.settings.patience:
            return self.step == self.steps
        # counted by the steps alone, so that a look repeated after a resume counts once
        every = self.settings.dev_every
        return self.step // every - self.best.step // every >= self.settings.patience

    def _opening(self) -> Iterator[Event | None]:
        accuracy = None
        for result in self._zero_shot():
            yield None
            accuracy = result["accuracy"]
        verbalizer = self.learner.verbalizer
        yield {
            "step": 0,
            "split": "start",
            "method": self.method,
            "steps": self.steps,
            "parameters": self.learner.trainable(),
            "total_parameters": self.learner.base_model.parameters,
            "labels": list(self.labels),
            "colours": {label: verbalizer.colours[label] for label in self.labels},
            "zero_shot_accuracy": accuracy,
            "device": str(self.learner.base_model.device),
            "precision": str(self.learner.base_model.precision).removeprefix("torch."),
        }
        if self._map is not None:
            yield self._map.event()

    def _look(self) -> Iterator[Event | None]:
        """What is due at this step besides training: a snapshot, a measure on the dev set."""
        last = self.step == self.steps
        if self.step % self.settings.snapshot_every == 0 or last:
            yield self._snapshot()
        if len(self._dev) and (self.step % self.settings.dev_every == 0 or last):
            measured: Event = {}
            scored = score_labels(self.learner.scorer, *self._answering(), self._dev)
            for so_far in _measure(scored, self._dev_targets):
                measured = so_far
                yield None
            yield {"step": self.step, "split": "dev", **measured, **self._compared(**measured)}

    def _compared(self, accuracy: float, loss: float) -> Event:
        """Keeps what is there now if it is the best so far; the best, if that is to be kept."""
        if not self.settings.keeps_best:
            return {}
        if self.best is None or self.best.is_beaten_by(accuracy, loss):
            self.best = Best(self.step, accuracy, loss, learned(self.learner))
        return {"best": self.best.measured}

    def _advance(self) -> Event:
        """One step of gradient descent. Raises RunError where the numbers get out of hand.

        Then nothing has been changed: what was trained is as after the step before.
        """
        began = time.perf_counter()
        chosen = self._batch_at(self.step)
        batch = [self._train[i] for i in chosen]
        targets = self._targets[chosen]  # (batch,), or soft ones (batch, labels)
        share = self._schedule(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = group["peak"] * share
        # what is drawn in a step (dropout) depends on the step alone, not on the steps before
        torch.manual_seed(self.settings.seed * 1_000_003 + self.step)
        self.learner.train()
        loss, scores = self.learner.loss(batch, targets)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(
            [p for group in self._optimizer.param_groups for p in group["params"]], GRADIENT_NORM
        )
        if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
            self.learner.eval()
            raise RunError(
                f"After {self.step} steps the loss is no number any more. The prompt is kept as it "
                "was before. Start anew with a smaller learning rate.",
                code="training.diverged",
                step=self.step,
            )
        self._optimizer.step()
        self.learner.eval()
        self.step += 1
        wanted = targets if targets.ndim == 1 else targets.argmax(1)  # (batch,)
        seconds = time.perf_counter() - began
        return {
            "step": self.step,
            "split": "train",
            "loss": float(loss.detach()),
            "accuracy": float((scores.argmax(1) == wanted).float().mean()),
            "learning_rate": self.settings.learning_rate * share,
            "tokens_per_second": sum(map(len, batch)) / seconds,
            "seconds": seconds,
        }

    def _schedule(self, step: int) -> float:
        """Share of the peak learning rate: rises over the warm-up, then falls linearly to zero."""
        rise = max(1, round(self.settings.warmup * self.steps))
        if step < rise:
            return (step + 1) / rise
        return (self.steps - step) / max(1, self.steps - rise)

    def _batch_at(self, step: int) -> list[int]:
        """The rows of a step: a fresh permutation each epoch, known from the step alone."""
        count = len(self._train)
        rows = []
        for place in range(step * self.settings.batch_size, (step + 1) * self.settings.batch_size):
            epoch, at = divmod(place, count)
            rows.append(self._permutation(epoch, count)[at])
        return rows

    def _permutation(self, epoch: int, count: int) -> list[int]:
        cached: tuple[int, list[int]] | None = getattr(self, "_order", None)
        if cached is None or cached[0] != epoch:
            generator = torch.Generator().manual_seed(self.settings.seed * 7_919 + epoch)
            self._order = (epoch, torch.randperm(count, generator=generator).tolist())
        order: list[int] = self._order[1]
        return order

    # ---- looking -------------------------------------------------------------------------------

    def _zero_shot(self) -> Iterator[dict[str, float]]:
        """What the model as it is measures on the dev set, by the words, if it can read them."""
        model = self.learner.base_model
        plain = without_soft_slots(self.learner.template)
        try:
            reader = trainable_reader(model, plain, self.learner.verbalizer)
            encoded = reader.encode(model, self._rows(self._dev_table))
        except PlaygroundError:  # a head reads texts that suit no words
            return
        yield from _measure(score_labels(reader, model, None, encoded), self._dev_targets)

    def _snapshot(self) -> Event:
        learner = self.learner
        model, vectors = self._answering()
        pinned = []
        if self._pinned:
            probabilities: list[list[float]] = [[]] * len(self._pinned)
            for chosen, scores in score_labels(learner.scorer, model, vectors, self._pinned):
                for place, share in zip(chosen, scores.softmax(-1).tolist(), strict=True):
                    probabilities[place] = share
            for row, share in zip(self._rows(self._pinned_table), probabilities, strict=True):
                shown = " / ".join(str(row[name]) for name in learner.template.fields)
                pinned.append(
                    {
                        "text": shown,
                        "label": str(row[LABEL]),
                        "probabilities": dict(zip(self.labels, share, strict=True)),
                    }
                )
        told: Event = {"step": self.step, "split": "snapshot", "pinned": pinned, "soft_tokens": []}
        if self._map is None or vectors is None:
            return told
        return told | self._map.snapshot(vectors)

    def _answering(self) -> tuple[LanguageModel, Tensor | None]:
        with torch.no_grad():
            return self.learner.answering()

    # ---- keeping -------------------------------------------------------------------------------

    def results(self) -> dict[str, TrainedPrompt]:
        """What a run leaves, by the name of its folder."""
        return {"prompt": self.trained_prompt()}

    def trained_prompt(self) -> TrainedPrompt:
        """What the training has come to, or the best of it: usable at any step."""
        if self.best is None or self.best.step == self.step:
            return self._prompt(self.step)
        now = learned(self.learner)
        put_back(self.learner, self.best.tensors)
        try:
            return self._prompt(self.best.step)
        finally:
            put_back(self.learner, now)

    def _prompt(self, step: int) -> TrainedPrompt:
        """A copy of what the learner holds, which is of that step."""
        learner = self.learner
        with torch.no_grad():
            model, vectors = learner.trained()
        return TrainedPrompt(
            method=self.method,
            model=model,
            template=learner.template,
            verbalizer=learner.verbalizer,
            settings=self.settings.model_dump(),
            step=step,
            vectors=vectors,
            head=None if learner.head is None else learner.head.frozen_copy(),
            tunes_model=learner.network is not None,
            demonstrator=learner.demonstrator,
        )

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """Writes everything that the next step depends on.

        ``last``: the folder of this training's last checkpoint, if there is one.
        """
        write_checkpoint(folder, self.step, self.learner, self._optimizer)
        if self.best is not None:
            self.best.save(folder, last)

    def load_checkpoint(self, folder: Path) -> None:
        """Goes back to a checkpoint. Call it before iterating. Raises RunError."""
        self.step = read_checkpoint(folder, self.learner, self._optimizer)
        self.best = Best.load(folder)

    # ---- rows ----------------------------------------------------------------------------------

    def _rows(self, table: pd.DataFrame) -> list[dict[str, Any]]:
        return list(iterate(table))

    def _encode(self, table: pd.DataFrame) -> list[Encoded]:
        return self.learner.encode(self._rows(table))

    def _label_indices(self, table: pd.DataFrame) -> Tensor:
        index = {label: i for i, label in enumerate(self.labels)}
        return torch.tensor(
            [index[label] for label in table.get(LABEL, [])],
            dtype=torch.long,
            device=self.learner.base_model.device,
        )


def start(
    name: str,
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    train: pd.DataFrame,
    dev: pd.DataFrame,
    settings: dict[str, Any],
    pinned: pd.DataFrame | None = None,
    unlabelled: pd.DataFrame | None = None,
) -> "Training | Pet":
    """Sets a training of the method ``name`` up; iterate over it to train.

    ``train``, ``dev`` and ``pinned`` have a column ``label`` and the template's fields; without
    ``pinned`` the first three rows of dev (or train) are watched. ``unlabelled`` are further rows
    of the task, whose labels are not looked at, for methods that learn from texts too; the settings
    say how many of them are used.
    Raises SettingsError, TemplateError, VerbalizerError or DataError before any step is made.
    """
    chosen = method(name)
    checked = chosen.settings.checked(settings)
    learner = chosen.learner(model, template, verbalizer, checked)
    if pinned is None:
        pinned = (dev if len(dev) else train).head(3)
    return chosen.training(name, learner, train, dev, pinned, drawn(unlabelled, checked))


def drawn(unlabelled: pd.DataFrame | None, settings: TrainingSettings) -> pd.DataFrame | None:
    """As many of the rows as the settings say, without labels."""
    if unlabelled is None:
        return None
    return draw(without_labels(unlabelled), settings.unlabelled_used, settings.seed)


def _measure(
    scored: Iterable[tuple[list[int], Tensor]], targets: Tensor
) -> Iterator[dict[str, float]]:
    """Loss and accuracy so far, after each batch of what `score_labels` gives."""
    loss, right, seen = 0.0, 0, 0
    for chosen, scores in scored:  # (batch, labels)
        wanted = targets[chosen]
        loss += float(nn.functional.cross_entropy(scores, wanted, reduction="sum"))
        right += int((scores.argmax(1) == wanted).sum())
        seen += len(chosen)
        yield {"loss": loss / seen, "accuracy": right / seen}
