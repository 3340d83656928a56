"""Label-word search: which words stand for which label, found by what a model says at the slot."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
from torch import Tensor

from playground.errors import VerbalizerError
from playground.methods.label_assignments import LabelAssignments
from playground.methods.label_word_ranking import LabelledExamples, Ranking
from playground.methods.likelihood_ratio import LikelihoodRatio
from playground.methods.linear_label_words import LinearLabelWords
from playground.methods.search import Breaths, Event, Search
from playground.methods.search_result import SearchResult
from playground.methods.search_settings import LabelWordSettings
from playground.methods.trained_prompt import TrainedPrompt
from playground.methods.vocabulary import whole_words
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer

_RANKINGS: dict[str, type[Ranking]] = {
    "likelihood-ratio": LikelihoodRatio,
    "linear": LinearLabelWords,
    "assignments": LabelAssignments,
}
TABLES = 50  # ranked tables told in a search, at most about
SHOWN = 10  # words of each label in them
KEPT = 50  # rows of each label, or assignments, in the result


class LabelWordSearch(Search):
    """Searches whole words for the labels of ``verbalizer``, at the template's first answer slot.

    Its own words do not matter to the search; its colours and settings go over to the verbalizer
    that is found. Special tokens, pieces of words and single letters are no label words, and no
    word is one twice. See `LikelihoodRatio`, `LinearLabelWords` and `LabelAssignments` for what
    the algorithms do.

    Events, besides the first: ``"split": "search"`` with the ``loss`` and ``accuracy`` of the
    linear layer, now and then ``words`` (the best ``label``, ``word``, ``id``, ``score``) and the
    best ``assignments``; at the end ``"split": "dev"`` with the accuracy of the words found.

    Raises what `Search` does, and VerbalizerError for a verbalizer of several slots, or for too
    many labels.
    """

    method = "label-word-search"

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        train: pd.DataFrame,
        dev: pd.DataFrame,
        settings: LabelWordSettings,
    ) -> None:
        super().__init__(model, template, verbalizer, train, dev)
        if verbalizer.slots > 1:
            raise VerbalizerError(
                "Label words can be searched for one answer slot, and this verbalizer has words "
                "for several. Leave out the | between them.",
                code="search.several_slots",
            )
        self.settings = settings
        self.ranking = _RANKINGS[settings.algorithm](
            model,
            verbalizer.labels,
            whole_words(model, template),
            LabelledExamples(model.encode(template, self.train_rows), self.train_targets),
            LabelledExamples(model.encode(template, self.dev_rows), self.dev_targets),
            settings,
        )
        self.steps = self.ranking.steps
        self._dev_accuracy: float | None = None

    # ---- walking through -----------------------------------------------------------------------

    def opening(self) -> Breaths:
        """With the accuracy of the given words, where the model can read them."""
        try:
            several = self.model.label_reader(self.template, self.verbalizer).several_passes
        except VerbalizerError:
            several = True
        accuracy = None
        if not several:
            accuracy = yield from self.dev_accuracy(self.template, self.verbalizer)
        return {"algorithm": self.settings.algorithm, "zero_shot_accuracy": accuracy}

    def advance(self) -> Breaths:
        began = time.perf_counter()
        event = {"step": self.step + 1, "split": "search"}
        event |= yield from self.ranking.advance(self.step)
        self.step += 1
        every = max(1, self.steps // TABLES)
        if self.step % every == 0 or self.step == self.steps:
            event["words"] = self.ranking.word_table(SHOWN)
        else:
            event.pop("assignments", None)
        return {**event, "seconds": time.perf_counter() - began}

    def look(self) -> Iterator[Event | None]:
        if self.step < self.steps or not self.dev_rows:
            return
        self._dev_accuracy = yield from self.dev_accuracy(self.template, self.found())
        yield {"step": self.step, "split": "dev", "accuracy": self._dev_accuracy}

    def found(self) -> Verbalizer:
        """The labels with the words found so far; the given words while there are none."""
        words = self.ranking.words()
        if words is None:
            return self.verbalizer
        texts = [[self.model.token_text(token) for token in tokens] for tokens in words]
        return self.verbalizer.with_labels(dict(zip(self.verbalizer.labels, texts, strict=True)))

    # ---- keeping -------------------------------------------------------------------------------

    def trained_prompt(self) -> TrainedPrompt:
        return TrainedPrompt(
            method=self.method,
            model=self.model,
            template=self.template,
            verbalizer=self.found(),
            vectors=None,
            step=self.step,
            settings=self.settings.model_dump(),
        )

    def result(self) -> SearchResult:
        return SearchResult(
            method=self.method,
            template=str(self.template),
            truncation=self.template.truncation,
            verbalizer=json.loads(self.found().to_json()),
            step=self.step,
            dev_accuracy=self._dev_accuracy,
            rows=tuple(self.ranking.table(KEPT)),
        )

    def state(self) -> dict[str, Any]:
        return {"algorithm": self.settings.algorithm, "dev_accuracy": self._dev_accuracy}

    def restore(self, state: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        if state["algorithm"] != self.settings.algorithm:
            raise ValueError("it was made with other settings")
        self.ranking.restore(tensors)
        self._dev_accuracy = state["dev_accuracy"]

    def tensors(self) -> dict[str, Tensor]:
        return self.ranking.tensors()
