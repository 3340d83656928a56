"""What the built-in models are worth: each measure by name.

The prompts and settings here were chosen on the K-shot splits, not on the test rows. "Calibrated"
is always over the texts of a training split (`playground.Calibration.over_texts`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from playground.errors import ModelError
from playground.methods import start
from playground.methods.calibration import texts_prior
from playground.methods.zero_shot import label_scores
from playground.models import LanguageModel
from playground.models.pretraining import held_out
from playground.models.pretraining.benchmarks import SEEDS, Benchmark, read_benchmark
from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.figures import (
    Figure,
    Values,
    accuracy,
    accuracy_by_document,
    perplexity,
    perplexity_ratio,
)
from playground.models.pretraining.preparation import HELD_OUT, TRAINING
from playground.models.pretraining.tokenizer import load_tokenizer
from playground.models.pretraining.trigram import Trigram
from playground.prompts import Template, Verbalizer
from playground.tasks.table import LABEL


@dataclass(frozen=True)
class Prompt:
    """A template, as a cloze, and the words of each label."""

    template: Template
    verbalizer: Verbalizer

    def shaped(self, model: LanguageModel) -> "Prompt":
        """The same for a model of either kind: causal ones need the answer at the end."""
        if model.kind == "masked":
            return self
        return Prompt(self.template.reshape("prefix"), self.verbalizer)


@dataclass(frozen=True)
class Scope:
    """What to measure on, and how much of it.

    ``prepared`` is the folder that “prepare” wrote for a model of this kind, or None; ``rows`` and
    ``characters`` limit the test rows and the held-out text.
    """

    benchmarks: Path
    prepared: Path | None = None
    seeds: tuple[int, ...] = SEEDS
    rows: int | None = None
    characters: int = 2_000_000

    def read(self, name: str) -> Benchmark:
        return read_benchmark(self.benchmarks, name, seeds=self.seeds, rows=self.rows)


Measure = Callable[[LanguageModel, Scope], Iterator[Figure]]

GREAT = Verbalizer({"negative": ["terrible"], "positive": ["great"]})
OPINIONS = Verbalizer(
    {
        "negative": ["terrible", "bad", "awful", "boring", "dull"],
        "positive": ["great", "good", "wonderful", "excellent", "brilliant"],
    }
)
# LM-BFF's and two of PET's forms, and one in which the text comes last
SENTIMENT = tuple(
    Prompt(Template(template), words)
    for template in (
        "{text} It was [MASK].",
        "{text} All in all, it was [MASK].",
        "{text} In summary, the film is [MASK].",
        "A [MASK] film. {text}",
    )
    for words in (GREAT, OPINIONS)
)
TOPIC = Prompt(
    Template("[MASK] News: {text}"),
    Verbalizer(
        {
            "World": ["world", "political", "war", "government"],
            "Sports": ["sports", "football", "team", "game"],
            "Business": ["business", "market", "financial", "company"],
            "Sci/Tech": ["technology", "science", "computer", "software"],
        }
    ),
)
# TREC's finer classes name what is asked for (Li & Roth 2002, "Learning question classifiers")
QUESTION = Verbalizer(
    {
        "abbreviation": ["abbreviation", "letters", "initials", "stands"],
        "description": ["definition", "description", "meaning", "reason", "way", "cause"],
        "entity": [
            *("animal", "color", "food", "disease", "book", "game", "language", "product"),
            *("plant", "instrument", "event", "currency", "substance", "word", "body"),
        ],
        "human": ["person", "man", "group", "team", "company", "title", "name"],
        "location": ["city", "country", "place", "mountain", "state"],
        "numeric": [
            *("number", "date", "distance", "money", "year", "percent", "age", "speed"),
            *("size", "weight", "length", "population"),
        ],
    }
)


# ---- without training --------------------------------------------------------------------------


def sst2_zero_shot(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """LM-BFF's template and words, as they are and calibrated."""
    yield from _zero_shot(model, scope, "sst-2", "SST-2 dev", SENTIMENT[0])


def ag_news_zero_shot(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """One of PET's templates with a few words a label."""
    yield from _zero_shot(model, scope, "agnews", "AG News test", TOPIC)


def _zero_shot(
    model: LanguageModel, scope: Scope, name: str, title: str, prompt: Prompt
) -> Iterator[Figure]:
    rows = scope.read(name)
    prompt = prompt.shaped(model)
    scores = _scores(model, prompt, rows.test)
    title = f"{title}, zero-shot, `{prompt.template}`"
    yield accuracy(f"{title}, raw", _right(scores, prompt, rows.test)[None])
    priors = [texts_prior(_scores(model, prompt, train)) for train in rows.train.values()]
    calibrated = [_right(scores - prior, prompt, rows.test) for prior in priors]
    yield accuracy(f"{title}, calibrated", np.stack(calibrated))


def sst2_manual(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """The manual prompt that is best on the training split, of eight; all are calibrated."""
    rows = scope.read("sst-2")
    prompts = [prompt.shaped(model) for prompt in SENTIMENT]
    on_test = cache(lambda prompt: _scores(model, prompt, rows.test))
    right = []
    for train in rows.train.values():
        on_train = {prompt: _scores(model, prompt, train) for prompt in prompts}
        worth = {
            prompt: _worth(scores - texts_prior(scores), prompt, train)
            for prompt, scores in on_train.items()
        }
        chosen = max(worth, key=worth.__getitem__)
        scores = on_test(chosen) - texts_prior(on_train[chosen])
        right.append(_right(scores, chosen, rows.test))
    title = f"SST-2 dev, zero-shot, best of {len(prompts)} manual prompts, calibrated"
    yield accuracy(title, np.stack(right))


def _worth(scores: Tensor, prompt: Prompt, train: pd.DataFrame) -> tuple[float, float]:
    """Accuracy, and log-likelihood between equals."""
    wanted = _targets(prompt, train).to(scores.device)
    loss = torch.nn.functional.cross_entropy(scores, wanted)
    return _right(scores, prompt, train).mean(), -float(loss)


# ---- with sixteen examples a label -------------------------------------------------------------


def sst2_p_tuning(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """The soft tokens start from the words of a manual prompt; the encoder is the published one."""
    prompt = Prompt(Template("[SOFT:a] [MASK] [SOFT:film .] {text}"), OPINIONS)
    yield _trained(model, scope, "sst-2", "SST-2 dev", "p-tuning", prompt)


def sst2_prompt_fine_tuning(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """All weights of the model, through a manual prompt."""
    prompt = Prompt(Template("A [MASK] film. {text}"), OPINIONS)
    yield _trained(model, scope, "sst-2", "SST-2 dev", "prompt-fine-tuning", prompt)


def trec_p_tuning(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """Six kinds of question are more to learn than an opinion: larger steps, and more of them."""
    settings = {"learning_rate": 2e-2, "steps": 300}
    yield _trained_on_trec(model, scope, "TREC test", **settings)


def trec_p_tuning_with_model(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """The model learns too, as with Liu et al. on few examples of SuperGLUE."""
    settings = {"learning_rate": 1e-2, "tune_model": True, "model_learning_rate": 3e-4}
    yield _trained_on_trec(model, scope, "TREC test, model trained too", **settings)


def _trained_on_trec(model: LanguageModel, scope: Scope, title: str, **settings: Any) -> Figure:
    prompt = Prompt(Template("[SOFT:what is the] [MASK] [SOFT:?] {text}"), QUESTION)
    return _trained(model, scope, "trec", title, "p-tuning", prompt, encoder="none", **settings)


def _trained(
    model: LanguageModel,
    scope: Scope,
    name: str,
    title: str,
    method: str,
    prompt: Prompt,
    **settings: Any,
) -> Figure:
    """Trains on each seed's split and measures the prompt as it is after the last step.

    ``settings`` are those that differ from the method's defaults.
    """
    rows = scope.read(name)
    prompt = prompt.shaped(model)
    right = []
    for seed, train in rows.train.items():
        training = start(
            method,
            model,
            prompt.template,
            prompt.verbalizer,
            train,
            train.head(0),
            {**settings, "seed": seed},
        )
        for _ in training:
            pass
        found = training.trained_prompt().classify(rows.test)
        right.append((found["prediction"] == rows.test[LABEL]).to_numpy(dtype=np.float64))
    return accuracy(f"{title}, K = 16, {method}, `{prompt.template}`", np.stack(right))


# ---- held-out text -----------------------------------------------------------------------------


def held_out_text(model: LanguageModel, scope: Scope) -> Iterator[Figure]:
    """Cloze accuracy of a masked model; perplexity of a causal one beside a trigram model's."""
    if scope.prepared is None:
        return
    documents = held_out.read_documents(scope.prepared / HELD_OUT, scope.characters)
    if model.kind == "masked":
        right, asked = held_out.cloze(model, documents)
        yield accuracy_by_document("held-out text, 15 % masked, top 1", right, asked)
        return
    nats, words = held_out.surprise(model, documents), held_out.words(documents)
    trigram = held_out.trigram_surprise(_trigram(model, scope.prepared), model, documents)
    yield perplexity("held-out text, perplexity a word", nats, words)
    yield perplexity("the same of a Kneser-Ney trigram model", trigram, words)
    yield perplexity_ratio("the first over the second", nats, trigram, words)


def _trigram(model: LanguageModel, prepared: Path) -> Trigram:
    """From the same training text, in the model's own tokens."""
    if load_tokenizer(prepared).get_vocab() != model.tokenizer.get_vocab():
        raise ModelError(
            f"The text in {prepared} was prepared for another model than {model.name}: their "
            "tokenizers differ. Give the folder of this model's text with --work.",
            code="pretraining.other_tokenizer",
            folder=str(prepared),
            model=model.name,
        )
    return Trigram(EncodedCorpus.open(prepared / TRAINING).tokens, len(model.tokenizer))


MEASURES: dict[str, Measure] = {
    "sst-2-zero-shot": sst2_zero_shot,
    "sst-2-manual": sst2_manual,
    "sst-2-p-tuning": sst2_p_tuning,
    "sst-2-prompt-fine-tuning": sst2_prompt_fine_tuning,
    "ag-news-zero-shot": ag_news_zero_shot,
    "trec-p-tuning": trec_p_tuning,
    "trec-p-tuning-with-model": trec_p_tuning_with_model,
    "held-out": held_out_text,
}


# ---- scores and what is right ------------------------------------------------------------------


def _scores(model: LanguageModel, prompt: Prompt, rows: pd.DataFrame) -> Tensor:
    return label_scores(model, prompt.template, prompt.verbalizer, rows)


def _targets(prompt: Prompt, rows: pd.DataFrame) -> Tensor:
    return torch.tensor([prompt.verbalizer.labels.index(label) for label in rows[LABEL]])


def _right(scores: Tensor, prompt: Prompt, rows: pd.DataFrame) -> Values:
    """1 where the highest score is the label's, else 0: (rows,)."""
    return (scores.argmax(1).cpu() == _targets(prompt, rows)).double().numpy()
