"""What the searches share: rows, the measure on the dev set, checkpoints, and what is left.

A search is walked through as a training is: asking for the next event makes the next step, not
asking pauses it. Nothing in it depends on when it was paused, saved or resumed.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.errors import DataError, RunError
from playground.methods.search_check import refuse_soft_slots
from playground.methods.search_result import SearchResult
from playground.methods.trained_prompt import TrainedPrompt
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer
from playground.tasks.table import LABEL, records, require_labels

Event = dict[str, Any]
# A step in the making: yields breaths, where a caller may pause, and returns what was found.
Breaths = Generator[None, None, Any]

_TENSORS, _STATE = "checkpoint.safetensors", "checkpoint.json"


class Search(ABC):
    """One search, walked through event by event (see the module's docstring).

    ``train`` and ``dev`` have the template's fields and a column ``label``; ``dev`` may be empty.
    Raises TemplateError for a template with soft slots, DataError for rows that cannot be used.
    """

    method: str
    steps: int

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        train: pd.DataFrame,
        dev: pd.DataFrame,
    ) -> None:
        refuse_soft_slots(template)
        if train.empty:
            raise DataError("There are no examples to learn from.", code="data.no_rows")
        for table in (train, dev):
            if len(table):
                require_labels(table, verbalizer.labels)
        self.model = model
        self.template = template
        self.verbalizer = verbalizer
        self.step = 0
        self.looking = False  # whether what is due at this step is not all yielded yet
        self.train_rows, self.dev_rows = records(train), records(dev)
        self.train_targets = self._label_indices(train)  # (rows,)
        self.dev_targets = self._label_indices(dev)

    def _label_indices(self, table: pd.DataFrame) -> Tensor:
        index = {label: place for place, label in enumerate(self.verbalizer.labels)}
        places = [index[label] for label in table.get(LABEL, [])]
        return torch.tensor(places, dtype=torch.long, device=self.model.device)

    # ---- walking through -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | None]:
        """Yields events; None in between is a breath, where a caller may look up and pause."""
        if self.step == 0:
            yield self._start((yield from self.opening()))
        yield from self.look()
        while self.step < self.steps:
            event = yield from self.advance()
            self.looking = True
            yield event
            yield from self.look()
            self.looking = False
            yield None

    def _start(self, found: Event) -> Event:
        return {
            "step": 0,
            "split": "start",
            "method": self.method,
            "steps": self.steps,
            "labels": list(self.verbalizer.labels),
            "colours": {name: self.verbalizer.colours[name] for name in self.verbalizer.labels},
            "device": str(self.model.device),
            "precision": str(self.model.precision).removeprefix("torch."),
            **found,
        }

    @abstractmethod
    def opening(self) -> Breaths:
        """What the first event says besides what every search says."""

    @abstractmethod
    def advance(self) -> Breaths:
        """Makes one step, changing nothing before it is whole; returns its event."""

    @abstractmethod
    def look(self) -> Iterator[Event | None]:
        """What is due at this step besides."""

    def dev_accuracy(self, template: Template, verbalizer: Verbalizer) -> Breaths:
        """The share of the dev rows that a written prompt gets right; None without dev rows."""
        if not self.dev_rows:
            return None
        reader = self.model.label_reader(template, verbalizer)
        encoded = self.model.encode(template, self.dev_rows)
        right = 0
        for chosen, logits in self.model.score(encoded, reader.token_ids):
            predicted = reader.label_scores(logits).argmax(1)  # (batch,)
            right += int((predicted == self.dev_targets[chosen]).sum())
            yield
        return right / len(encoded)

    # ---- keeping -------------------------------------------------------------------------------

    def results(self) -> dict[str, TrainedPrompt | SearchResult]:
        """What a run leaves, by the name of its folder."""
        return {"prompt": self.trained_prompt(), "search": self.result()}

    @abstractmethod
    def trained_prompt(self) -> TrainedPrompt:
        """The best prompt so far: usable at any step."""

    @abstractmethod
    def result(self) -> SearchResult:
        """The best prompt so far in writing, and the table behind it."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All but the step that the next step depends on, as JSON."""

    @abstractmethod
    def restore(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Takes back what `state` and `tensors` gave. May raise as reading a wrong value does."""

    def tensors(self) -> dict[str, Tensor]:
        """What of the state is large."""
        return {}

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """Writes everything that the next step depends on, none of which is large."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value.contiguous().cpu() for name, value in self.tensors().items()}
        save_file(kept, folder / _TENSORS)
        state = {"format": 1, "step": self.step, "steps": self.steps, **self.state()}
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")

    def load_checkpoint(self, folder: Path) -> None:
        """Goes back to a checkpoint. Call it before iterating. Raises RunError."""
        try:
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            tensors = load_file(folder / _TENSORS, device=str(self.model.device))
            step = int(state["step"])
            if state["steps"] != self.steps:
                raise ValueError("it was made with other settings")
            self.restore(state, tensors)
            self.step = step
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RunError(
                f"The checkpoint of this run cannot be read ({error}). Start the run anew.",
                code="runs.bad_checkpoint",
                reason=str(error),
            ) from error


def batches(rows: list[int], size: int) -> list[list[int]]:
    """``rows`` in order, at most ``size`` at a time."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]
