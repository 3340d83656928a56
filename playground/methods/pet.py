"""PET: models of several templates label texts together, and a classifier learns from them.

Schick & Schütze 2021, "Exploiting Cloze Questions for Few Shot Text Classification and Natural
Language Inference", https://arxiv.org/abs/2001.07676, sections 3.1 to 3.3.
"""

import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.methods.checkpoint import unreadable
from playground.methods.distillation import Distillation, ensemble, softened
from playground.methods.learner import Learner, trainable_reader, without_soft_slots
from playground.methods.prompt_finetuning import PromptFineTuning
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.training import Event, Training
from playground.models import LanguageModel
from playground.models.label_scorer import LabelScorer, score_labels
from playground.prompts import Template
from playground.tasks.table import LABEL, records

_TENSORS, _STATE = "ensemble.safetensors", "ensemble.json"


class Pet:
    """One run of PET, walked through as a `Training` is, and made of several.

    First each template has a training, whose model then scores the ``unlabelled`` rows and is let
    go; then the classifier, ``learner``, has one on what these scores come to together. Steps are
    counted through all of them. Every event has a ``phase``: its ``name``, "template" or
    "classifier", its ``number``, and the ``count`` of its kind. An event "ensemble" after each
    template says how well those so far do together on the dev set, and how much it counts.

    What a run has come to is what the training under way has come to.
    Raises DataError where there are no ``unlabelled`` rows.
    """

    def __init__(
        self,
        method: str,
        learner: Learner,
        train: pd.DataFrame,
        dev: pd.DataFrame,
        pinned: pd.DataFrame,
        unlabelled: pd.DataFrame | None,
    ) -> None:
        self.method = method
        self.learner = cast(Distillation, learner)
        self.settings = self.learner.pet
        self.labels = learner.verbalizer.labels
        unlabelled = train.head(0) if unlabelled is None else unlabelled
        self.settings.check_unlabelled(len(unlabelled))
        self._train, self._dev, self._pinned = train, dev, pinned
        self._unlabelled = unlabelled
        for template in self.learner.templates:  # what does not fit is told before any step
            for table in (train, dev, pinned, unlabelled):
                learner.base_model.encode(template, records(table))
        self._count = len(self.learner.templates)
        self._planned = [self.settings.steps] * self._count + [self.settings.distillation_steps]
        self.phase = 0
        # of each template that is done: how much it counts, its scores (rows, labels) of the
        # unlabelled rows and of the dev rows
        self._weights: list[float] = []
        self._scores: list[Tensor] = []
        self._dev_scores: list[Tensor] = []
        self._training = self._begin()

    @property
    def step(self) -> int:
        return self._before + self._training.step

    @property
    def steps(self) -> int:
        return sum(self._planned)

    @property
    def looking(self) -> bool:
        return self._training.looking

    @property
    def _before(self) -> int:
        """The step at which the phase under way begins; one that ended early counts as whole."""
        return sum(self._planned[: self.phase])

    # ---- walking through -----------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | None]:
        """Yields events; None in between is a breath, where a caller may look up and pause."""
        while True:
            for event in self._training:
                # before its first step a later phase stands at the step where the last one ended
                seen = event is not None and (event["step"] > 0 or self.phase == 0)
                yield self._told(event) if event is not None and seen else None
            if self.phase == self._count:
                return
            yield from self._label()
            self.phase += 1
            self._training = self._begin()

    def _begin(self) -> Training:
        """The training of the phase under way, before its first step."""
        if self.phase == self._count:
            mean = ensemble(self._scores, self._weights)  # (rows, labels)
            soft = softened(mean, self.settings.temperature)
            likeliest = [self.labels[at] for at in soft.argmax(1).tolist()]
            taught = self._unlabelled.assign(**{LABEL: likeliest})
            tables = (taught, self._dev, self._pinned)
            return Training(self.method, self.learner, *tables, soft_labels=soft)
        learner = PromptFineTuning(
            self.learner.base_model,
            self.learner.templates[self.phase],
            self.learner.verbalizer,
            self.settings.of_template(),
        )
        tables = (self._train, self._dev, self._pinned)
        return Training(self.method, learner, *tables, self._unlabelled)

    def _told(self, event: Event) -> Event:
        """An event of the training under way as one of the whole run."""
        before = self._before
        templates = self.phase < self._count
        told = {
            **event,
            "step": before + event["step"],
            "phase": {
                "name": "template" if templates else "classifier",
                "number": self.phase + 1 if templates else 1,
                "count": self._count if templates else 1,
            },
        }
        if "best" in event:
            told["best"] = {**event["best"], "step": before + event["best"]["step"]}
        if event["split"] == "start":
            told |= {"steps": self.steps, "parameters": self.learner.trainable()}
        return told

    # ---- labelling -----------------------------------------------------------------------------

    def _label(self) -> Iterator[Event | None]:
        """Scores the rows with the model of the template that is trained."""
        prompt, learner = self._training.trained_prompt(), self._training.learner
        weight = 1.0
        if self.settings.template_weights == "accuracy":
            weight = yield from self._zero_shot(learner.template)
        own = (learner.scorer, prompt.model, prompt.vectors)
        scores = yield from _scored(*own, self._unlabelled)
        dev_scores = yield from _scored(*own, self._dev)
        self._weights.append(weight)
        self._scores.append(scores)
        self._dev_scores.append(dev_scores)
        event = {"step": self._training.step, "split": "ensemble", "weight": weight}
        if len(self._dev):
            event["accuracy"] = self._accuracy(ensemble(self._dev_scores, self._weights), self._dev)
        yield self._told(event)

    def _zero_shot(self, template: Template) -> Generator[None, None, float]:
        """The accuracy of the model as it was given on the train rows, by the words."""
        model = self.learner.base_model
        reader = trainable_reader(model, without_soft_slots(template), self.learner.verbalizer)
        scores = yield from _scored(reader, model, None, self._train)
        return self._accuracy(scores, self._train)

    def _accuracy(self, scores: Tensor, table: pd.DataFrame) -> float:
        predicted = [self.labels[at] for at in scores.argmax(1).tolist()]
        return float((table[LABEL].to_numpy() == predicted).mean())

    # ---- keeping -------------------------------------------------------------------------------

    def results(self) -> dict[str, TrainedPrompt]:
        """What a run leaves, by the name of its folder."""
        return {"prompt": self.trained_prompt()}

    def trained_prompt(self) -> TrainedPrompt:
        """What the training under way has come to: at the end, the classifier."""
        prompt = self._training.trained_prompt()
        settings = self.settings.model_dump(mode="json")
        return replace(prompt, step=self._before + prompt.step, settings=settings)

    def save_checkpoint(self, folder: Path, last: Path | None = None) -> None:
        """As `Training.save_checkpoint`. Of the phases that are done, their scores are kept."""
        of_phase = str(self.phase)
        self._training.save_checkpoint(folder / of_phase, None if last is None else last / of_phase)
        done = range(self.phase)  # a template that is not let go yet scores its rows again
        tensors = {f"unlabelled.{at}": self._scores[at] for at in done}
        tensors |= {f"dev.{at}": self._dev_scores[at] for at in done}
        save_file({name: scores.cpu() for name, scores in tensors.items()}, folder / _TENSORS)
        weights = self._weights[: self.phase]
        state = {"format": 1, "phase": self.phase, "steps": self.steps, "weights": weights}
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")

    def load_checkpoint(self, folder: Path) -> None:
        """As `Training.load_checkpoint`."""
        try:
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            tensors = load_file(folder / _TENSORS, device=str(self.learner.base_model.device))
            if state["steps"] != self.steps or not 0 <= state["phase"] <= self._count:
                raise ValueError("it was made with other settings")
            self.phase = state["phase"]
            self._weights = [float(weight) for weight in state["weights"]]
            self._scores = [tensors[f"unlabelled.{at}"] for at in range(self.phase)]
            self._dev_scores = [tensors[f"dev.{at}"] for at in range(self.phase)]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise unreadable(error) from error
        self._training = self._begin()
        self._training.load_checkpoint(folder / str(self.phase))


def _scored(
    scorer: LabelScorer, model: LanguageModel, vectors: Tensor | None, table: pd.DataFrame
) -> Generator[None, None, Tensor]:
    """Scores of the labels for the rows of a table, (rows, labels), with breaths in between."""
    encoded = scorer.encode(model, records(table))
    found: dict[int, Tensor] = {}
    for chosen, scores in score_labels(scorer, model, vectors, encoded):
        found |= zip(chosen, scores, strict=True)
        yield None
    rows = [found[at] for at in range(len(encoded))]
    return torch.stack(rows) if rows else torch.zeros(0, 0, device=model.device)
