"""Comparing prompts: up to eight templates with up to four verbalizers, on the same rows.

A `Comparison` is walked through as a training is: asking for the next event scores a batch. What
is scored is kept by row, so a comparison that was stopped anywhere goes on to the same results.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from playground.errors import RunError, TemplateError
from playground.methods.calibration import CONTENT_FREE, content_free_prior, texts_prior
from playground.methods.comparison_check import check_comparison
from playground.methods.comparison_result import ComparisonResult
from playground.methods.comparison_scoring import Scorer, scorers
from playground.methods.comparison_settings import CalibrationKind, concerning
from playground.methods.demonstrations import Demonstrations
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer
from playground.tasks.table import LABEL, records

Event = dict[str, Any]

# Rows tokenized at a time and sorted by length: many batches, and soon done.
CHUNK = 1024
NEWS_SECONDS = 0.2  # between two events of a cell that is not done
NEWS_SHARE = 0.1  # of the time at most goes into measuring

_TENSORS, _STATE = "checkpoint.safetensors", "checkpoint.json"


class Comparison:
    """Scores ``rows`` by every template with every verbalizer, event by event.

    ``rows`` and ``train`` have the templates' fields and a column ``label``. All verbalizers of a
    template share one forward pass, which computes no more of the vocabulary than their words.
    ``demonstrations`` of ``train`` stand in front of each prompt (see `Demonstrations`); they hold
    a verbalizer's words, so that each needs a pass of its own, as do words of several tokens that
    are scored exactly. ``calibration`` takes out what the model thinks without content, or on
    average over the texts of ``train``, or of ``rows`` where there is no ``train`` (see
    `Calibration`). Rows are taken in an order drawn by ``seed``, so that those of an unfinished
    comparison are a fair sample.

    An event is ``{"step": batches so far, "split": "compare", "cells": [...]}`` with the cells
    that have changed, as `ComparisonResult.measure` tells them; that of a finished cell comes at
    once, others now and then. Raises what `check_comparison` does, and TemplateError or
    VerbalizerError for a prompt that the model cannot use.
    """

    looking = False  # every event belongs to the step that was just made

    def __init__(
        self,
        model: LanguageModel,
        templates: Sequence[Template],
        verbalizers: Sequence[Verbalizer],
        rows: pd.DataFrame,
        *,
        train: pd.DataFrame | None = None,
        demonstrations: int = 0,
        calibration: CalibrationKind = "none",
        seed: int = 13,
    ) -> None:
        train = rows.head(0) if train is None else train
        self.settings = check_comparison(
            templates,
            verbalizers,
            rows,
            train,
            demonstrations=demonstrations,
            calibration=calibration,
            seed=seed,
        )
        self.model = model
        self.templates = tuple(templates)
        self.verbalizers = tuple(verbalizers)
        self.labels = self.verbalizers[0].labels
        self.step = 0
        self.batch_size = model.batch_rows
        place = {label: at for at, label in enumerate(self.labels)}
        self._truth = np.array([place[label] for label in rows[LABEL]])
        texts = self._texts_to_calibrate_on(train)
        self._texts = len(texts)  # they come before the rows, in the order and in the scores
        self._rows: list[dict[str, Any]] = texts + records(rows)
        order = self._texts + np.random.default_rng(seed).permutation(len(rows))
        self._chunks = [
            part[start : start + CHUNK]
            for part in (np.arange(self._texts), order)
            for start in range(0, len(part), CHUNK)
        ]
        cells = (len(self.templates), len(self.verbalizers))
        self._scores = np.full((*cells, len(self._rows), len(self.labels)), np.nan, np.float32)

        shown = Demonstrations(train, self.labels, demonstrations, seed) if demonstrations else None
        self._scorers = scorers(model, self.templates, self.verbalizers, shown)
        self.steps = self._all_batches()
        self._next_news = 0.0
        for one in self._scorers:  # what the model cannot use is told at once
            with self._naming(one, self._chunks[-1][:1]):
                one.encode([self._rows[at] for at in self._chunks[-1][:1]])

    def _all_batches(self) -> int:
        return len(self._scorers) * sum(map(self._batches, self._chunks))

    def _batches(self, chunk: np.ndarray) -> int:
        return -(-len(chunk) // self.batch_size)

    # ---- walking through -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | None]:
        """Yields events; None in between is a breath, where a caller may look up and pause."""
        return self.walk()

    def walk(self, *, telling: bool = True) -> Iterator[Event | None]:
        """As iterating does; without ``telling`` there are no events, which saves measuring."""
        begun = 0  # the step at which a chunk begins
        for one in self._scorers:
            for chunk in self._chunks:
                if self.step < begun + self._batches(chunk):
                    yield None
                    for done in self._score(one, chunk, self.step - begun):
                        last = done and chunk is self._chunks[-1]
                        if telling and (event := self._news(one, done=last)) is not None:
                            yield event
                        yield None
                begun += self._batches(chunk)

    def _score(self, one: Scorer, chunk: np.ndarray, behind: int) -> Iterator[bool]:
        """Scores a chunk, but for the ``behind`` batches of it that were scored before.

        Yields after each batch whether it was the last.
        """
        left = self._batches(chunk) - behind
        rows = [self._rows[at] for at in chunk]
        with self._naming(one, chunk):
            for places, found in one.score(
                rows, self.labels, batch_size=self.batch_size, behind=behind
            ):
                cells = (one.number, np.array(one.numbers)[:, None], chunk[places])
                self._scores[cells] = found.cpu().numpy()
                self.step += 1
                left -= 1
                yield not left

    @contextlib.contextmanager
    def _naming(self, one: Scorer, chunk: np.ndarray) -> Iterator[None]:
        """Adds to an error the template that it is about, and the row that does not fit."""
        with concerning(template=one.number):
            try:
                yield
            except TemplateError as error:
                if error.code == "template.too_long":
                    self._name_row(one, chunk)
                raise

    def _name_row(self, one: Scorer, chunk: np.ndarray) -> None:
        """Raises TemplateError for the first row of a chunk that does not fit the model."""
        for at in sorted(chunk.tolist()):
            try:
                one.encode([self._rows[at]])
            except TemplateError as error:
                row, tokens = at - self._texts + 1, error.details["tokens"]
                raise TemplateError(
                    f"Row {row} of those compared has {tokens} tokens with the template, and this "
                    f"model reads at most {self.model.max_length}. Drop the row, or let a field "
                    "be cut (write {text} without the !).",
                    code="comparison.row_too_long",
                    row=row,
                    tokens=tokens,
                    room=self.model.max_length,
                ) from error

    def _news(self, one: Scorer, *, done: bool) -> Event | None:
        """The cells of a scorer as they are now; None where they were told a moment ago."""
        began = time.monotonic()
        if not done and began < self._next_news:
            return None
        result = self.result()
        cells = [result.measure(one.number, number) for number in one.numbers]
        if not cells[0]["count"]:
            return None
        if done and result.ensemble > 1:
            whole = [v for v in one.numbers if result.done(result.ensemble, v).all()]
            cells += [result.measure(result.ensemble, number) for number in whole]
        now = time.monotonic()
        self._next_news = now + max(NEWS_SECONDS, (now - began) / NEWS_SHARE)
        return {"step": self.step, "split": "compare", "cells": cells}

    def _texts_to_calibrate_on(self, train: pd.DataFrame) -> list[dict[str, Any]]:
        match self.settings.calibration:
            case "contextual":
                fields = {field for template in self.templates for field in template.fields}
                return [dict.fromkeys(fields, text) for text in CONTENT_FREE]
            case "texts":
                return records(train)
            case _:
                return []

    # ---- what is left --------------------------------------------------------------------------

    def results(self) -> dict[str, ComparisonResult]:
        """What a run leaves, by the name of its folder."""
        return {"comparison": self.result()}

    def result(self) -> ComparisonResult:
        """What has been found so far; the scores are not copied."""
        return ComparisonResult(
            templates=tuple(self.settings.templates),
            verbalizers=tuple(self.settings.verbalizers),
            labels=self.labels,
            calibration=self.settings.calibration,
            log_probabilities=self._scores[:, :, self._texts :],
            prior=self._prior(),
            truth=self._truth,
        )

    def _prior(self) -> np.ndarray:
        """What calibration subtracts, zero where it is not known: (templates, verbalizers, labels)

        It follows from the texts that were put in front for it, or else from the rows so far.
        """
        kinds = {"contextual": content_free_prior, "texts": texts_prior}
        prior = np.zeros((*self._scores.shape[:2], len(self.labels)), np.float32)
        if self.settings.calibration in kinds:
            log_prior = kinds[self.settings.calibration]
            for cell in np.ndindex(prior.shape[:2]):
                scores = self._scores[cell][: self._texts or None]
                known = scores[~np.isnan(scores[:, 0])]
                if len(known):
                    prior[cell] = log_prior(torch.from_numpy(known)).numpy()
        return prior

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """Writes everything that the next step depends on, none of which is large."""
        save_file({"scores": self._scores}, folder / _TENSORS)
        state = {"format": 1, "step": self.step, "batch_size": self.batch_size}
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")

    def load_checkpoint(self, folder: Path) -> None:
        """Goes back to a checkpoint. Call it before iterating. Raises RunError."""
        try:
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            scores = load_file(folder / _TENSORS)["scores"]
            if scores.shape != self._scores.shape:
                raise ValueError("it was made with other settings")
            self.step, self.batch_size = int(state["step"]), int(state["batch_size"])
            self.steps = self._all_batches()
            self._scores = scores
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise RunError(
                f"The checkpoint of this run cannot be read ({error}). Start the run anew.",
                code="runs.bad_checkpoint",
                reason=str(error),
            ) from error


def compare(
    model: LanguageModel,
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    rows: pd.DataFrame,
    *,
    train: pd.DataFrame | None = None,
    demonstrations: int = 0,
    calibration: CalibrationKind = "none",
    seed: int = 13,
    on_event: Callable[[Event], object] | None = None,
) -> ComparisonResult:
    """Compares prompts on labelled rows: see `Comparison`, whose events ``on_event`` is told."""
    comparison = Comparison(
        model,
        templates,
        verbalizers,
        rows,
        train=train,
        demonstrations=demonstrations,
        calibration=calibration,
        seed=seed,
    )
    for event in comparison.walk(telling=on_event is not None):
        if event is not None and on_event is not None:
            on_event(event)
    return comparison.result()
