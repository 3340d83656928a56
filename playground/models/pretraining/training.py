"""The training loop, for both kinds of model, on a processor or a GPU."""

import json
import signal
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from playground.models.pretraining.batches import Batch, Batches
from playground.models.pretraining.checkpoint import (
    NEWEST,
    STABLE,
    read_checkpoint,
    write_checkpoint,
)
from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.export import read_weights
from playground.models.pretraining.initial_weights import set_initial_weights
from playground.models.pretraining.networks import Network, answer_logits, make_network
from playground.models.pretraining.optimizers import make_optimizers, set_rate
from playground.models.pretraining.preparation import HELD_OUT, TRAINING, VECTORS
from playground.models.pretraining.recipe import Recipe
from playground.models.pretraining.schedule import Budget, Progress
from playground.models.pretraining.tokenizer import load_tokenizer
from playground.models.pretraining.word_vectors import token_counts

LOG = "log.jsonl"
REPORT_STEPS, MEASURE_STEPS, SAVE_SECONDS = 50, 500, 60.0
HELD_OUT_BATCHES = 8
# Where in the decay a model that is trained further begins: at 0.6 of the rates.
TRAINED_FURTHER = 0.16


def train(
    recipe: Recipe,
    folder: Path,
    budget: Budget,
    *,
    origin: Path | None = None,
    prolong: bool = False,
    save_seconds: float = SAVE_SECONDS,
    say: Callable[[str], None] = print,
) -> Progress:
    """Trains what `prepare` put into ``folder`` until the budget is used up.

    Goes on from the newest checkpoint there; with ``prolong`` from the last one before the decay.
    Where there is none it begins with the weights of the model folder ``origin``, if one is given.
    A termination signal or Ctrl+C saves and ends. Returns the progress, ``finished`` or not.
    """
    training = Training(recipe, folder)
    if origin is not None:
        training.begin_with(origin)
    training.resume(STABLE if prolong else NEWEST)
    with _told_to_stop() as stopped:
        training.run(budget, stopped=stopped, save_seconds=save_seconds, say=say)
    return training.progress


class Training:
    """A network on its way, with its text, its optimizers and its progress."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        tokenizer = load_tokenizer(folder)
        corpus = EncodedCorpus.open(folder / TRAINING)
        self._batches = Batches(corpus, recipe, tokenizer)
        self._held_out = Batches(EncodedCorpus.open(folder / HELD_OUT), recipe, tokenizer)
        self.network: Network = make_network(recipe, tokenizer)
        set_initial_weights(
            self.network,
            recipe,
            torch.from_numpy(np.load(folder / VECTORS)),
            torch.from_numpy(token_counts(corpus, recipe)).float(),
        )
        self.network.to(self.device).train()
        self._optimizers = make_optimizers(self.network, recipe)
        self.progress = Progress()
        self._losses: list[float] = []

    def begin_with(self, origin: Path) -> None:
        """Puts an exported model's weights in place. What is trained already needs no stable phase:
        the decay has begun. It goes on to other rows than those of a whole training.
        """
        read_weights(origin, self.network, load_tokenizer(self.folder))
        self.progress = Progress(decayed=TRAINED_FURTHER, batches_before=self.recipe.steps)

    def resume(self, checkpoint: str) -> None:
        """Puts a checkpoint's state in place, if there is that checkpoint."""
        if (self.folder / checkpoint).exists():
            self.progress = read_checkpoint(
                self.folder / checkpoint, self.network, self._optimizers
            )

    def save(self, checkpoint: str) -> None:
        write_checkpoint(self.folder / checkpoint, self.network, self._optimizers, self.progress)

    def run(
        self,
        budget: Budget,
        *,
        stopped: Callable[[], bool],
        save_seconds: float,
        say: Callable[[str], None],
    ) -> None:
        """Steps until finished or ``stopped``, with a checkpoint every ``save_seconds``."""
        recent: deque[float] = deque(maxlen=REPORT_STEPS)
        saved = time.monotonic()
        while not self.progress.finished and not stopped():
            begun = time.monotonic()
            left = budget(self.progress, statistics.median(recent) if recent else 1.0)
            self.step(left)
            recent.append(time.monotonic() - begun)
            self.progress.seconds += recent[-1]
            if self.progress.step % REPORT_STEPS == 0 or self.progress.finished:
                self._report(statistics.median(recent), left, say)
            if time.monotonic() - saved > save_seconds:
                self.save(NEWEST)
                saved = time.monotonic()
        self.save(NEWEST)

    def step(self, left: float) -> None:
        """One optimizer step, with ``left`` to come including it."""
        if self.progress.decayed == 0 and self.progress.decays(self.recipe, left):
            self.save(STABLE)
        batch = self._batches.batch(self.progress.batch, decayed=self.progress.decayed)
        batch = batch.to(self.device)
        loss = self._loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        set_rate(self._optimizers, self.progress.rate(self.recipe))
        for optimizer in self._optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._losses.append(float(loss.detach()))
        self.progress.tokens += batch.tokens
        self.progress.advance(self.recipe, left)

    def _loss(self, batch: Batch) -> Tensor:
        return cross_entropy(self._logits(batch), batch.answers)

    def _logits(self, batch: Batch) -> Tensor:
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            logits = answer_logits(self.network, batch.ids, batch.attention, batch.places)
        return logits.float()

    @torch.no_grad()
    def measure(self) -> tuple[float, float]:
        """Loss and accuracy at the answers of a few held-out batches, masked as at the end."""
        losses, right = [], []
        self.network.eval()
        for number in range(HELD_OUT_BATCHES):
            # far apart, for rows of each kind and length
            batch = self._held_out.batch(9 * number, decayed=1.0).to(self.device)
            logits = self._logits(batch)
            losses.append(float(cross_entropy(logits, batch.answers)))
            right.append(float((logits.argmax(1) == batch.answers).float().mean()))
        self.network.train()
        return statistics.mean(losses), statistics.mean(right)

    def _report(self, seconds: float, left: float, say: Callable[[str], None]) -> None:
        done = self.progress
        loss = statistics.mean(self._losses)
        self._losses.clear()
        entry = {
            "step": done.step,
            "tokens": done.tokens,
            "seconds": round(done.seconds, 1),
            "rate": round(done.rate(self.recipe), 4),
            "loss": round(loss, 4),
        }
        line = (
            f"step {done.step:,}  {done.tokens / 1e6:.2f} M tokens  loss {loss:.3f}  "
            f"rate {entry['rate']:.2f}  {done.tokens / done.seconds:,.0f} tokens/s  "
            f"{timedelta(seconds=round(left * seconds))} left"
        )
        if done.step % MEASURE_STEPS == 0 or done.finished:
            held_out, accuracy = self.measure()
            entry |= {"held_out_loss": round(held_out, 4), "held_out_accuracy": round(accuracy, 4)}
            line += f"  held out: loss {held_out:.3f}, {accuracy:.1%} right"
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        say(line)


@contextmanager
def _told_to_stop() -> Iterator[Callable[[], bool]]:
    """Whether a termination signal or Ctrl+C has come meanwhile."""
    told: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        told.append(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, note) for number in numbers]
    try:
        yield lambda: bool(told)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
