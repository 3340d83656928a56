"""Held-out text: how well a masked model fills it in, how little it surprises a causal one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from playground.errors import DataError
from playground.models import Encoded, LanguageModel
from playground.models.pretraining.trigram import Trigram

Values = NDArray[np.float64]

LENGTH = 128  # tokens that a model sees at once, as in its training
MASK_RATE = 0.15
BATCH = 16


@dataclass(frozen=True)
class _Question:
    """A stretch of a document, and what is asked of it: ``answers`` stand at its answer slots."""

    document: int
    encoded: Encoded
    answers: tuple[int, ...]


def read_documents(folder: Path, characters: int) -> list[str]:
    """Documents of a folder's text files, about as many ``characters`` of them as asked for.

    Paragraphs are lines, a blank line stands between documents; those taken are spread evenly over
    all. Raises DataError where there are none.
    """
    documents = [
        " ".join(document.split())
        for file in sorted(folder.glob("*.txt"))
        for document in file.read_text("utf-8").split("\n\n")
    ]
    if not documents:
        raise DataError(
            f"There is no held-out text in {folder}. Give the folder that “prepare” wrote.",
            code="corpus.no_held_out",
            file=str(folder),
        )
    every = -(-sum(map(len, documents)) // characters)
    return documents[::every]


def cloze(
    model: LanguageModel, documents: Sequence[str], *, seed: int = 0
) -> tuple[Values, Values]:
    """How many masked tokens of each document come first with a masked model, and how many it was
    asked: (documents,) each.

    15 % of the tokens of each stretch stand as the mask token, whatever they are; the stretches
    are as long as those of training. Tokens are the model's own, so models with other vocabularies
    are asked for other things.
    """
    chance = np.random.default_rng(seed)
    room = min(LENGTH, model.max_length) - 2
    questions = [
        _masked(model, number, tokens[start : start + room], chance)
        for number, tokens in enumerate(_tokens(model, documents))
        for start in range(0, len(tokens), room)
    ]
    right, asked = np.zeros(len(documents)), np.zeros(len(documents))
    for question, logits in _answered(model, questions):
        answers = torch.tensor(question.answers, device=logits.device)
        right[question.document] += int((logits.argmax(-1) == answers).sum())
        asked[question.document] += len(answers)
    return right, asked


def surprise(model: LanguageModel, documents: Sequence[str]) -> Values:
    """The negative log-probability of each document in nats, by a causal model: (documents,).

    The model sees at most as much as in training; each token has at least half of that before it,
    as far as the document goes back.
    """
    stride = min(LENGTH, model.max_length) // 2
    start = model.tokenizer.bos_token_id
    questions = []
    for number, tokens in enumerate(_tokens(model, documents)):
        for end in range(0, len(tokens), stride):
            first, last = max(0, end - stride), min(end + stride, len(tokens))
            seen = (start, *tokens[first : last - 1])
            places = range(end - first, last - first)
            questions.append(_Question(number, _encoded(seen, places), tuple(tokens[end:last])))
    nats = np.zeros(len(documents))
    for question, logits in _answered(model, questions):
        answers = torch.tensor(question.answers, device=logits.device)
        nats[question.document] += float(
            torch.nn.functional.cross_entropy(logits, answers, reduction="sum")
        )
    return nats


def trigram_surprise(trigram: Trigram, model: LanguageModel, documents: Sequence[str]) -> Values:
    """As `surprise`, by a trigram model over the same tokens."""
    start = model.tokenizer.bos_token_id
    return np.array(
        [
            -np.log(trigram.probabilities(np.array([start, start, *tokens]))).sum()
            for tokens in _tokens(model, documents)
        ]
    )


def words(documents: Sequence[str]) -> Values:
    """How many words, separated by white space, each document has: (documents,)."""
    return np.array([len(document.split()) for document in documents], dtype=np.float64)


def _tokens(model: LanguageModel, documents: Sequence[str]) -> Iterator[list[int]]:
    for document in documents:
        yield model.tokenizer.backend_tokenizer.encode(document, add_special_tokens=False).ids


def _masked(
    model: LanguageModel, document: int, tokens: Sequence[int], chance: np.random.Generator
) -> _Question:
    tokenizer = model.tokenizer
    count = max(1, round(MASK_RATE * len(tokens)))
    places = sorted(chance.choice(len(tokens), count, replace=False).tolist())
    hidden = list(tokens)
    for place in places:
        hidden[place] = tokenizer.mask_token_id
    ids = (tokenizer.cls_token_id, *hidden, tokenizer.sep_token_id)
    answers = tuple(tokens[place] for place in places)
    return _Question(document, _encoded(ids, [place + 1 for place in places]), answers)


def _encoded(ids: Sequence[int], places: Sequence[int]) -> Encoded:
    return Encoded(tuple(ids), ("text",) * len(ids), tuple(places))


def _answered(
    model: LanguageModel, questions: Sequence[_Question]
) -> Iterator[tuple[_Question, Tensor]]:
    """The questions, with the logits at their slots: (slots, vocabulary)."""

    def slots(question: _Question) -> int:
        return len(question.answers)

    for _, alike in groupby(sorted(questions, key=slots), key=slots):
        group = list(alike)
        for start in range(0, len(group), BATCH):
            batch = group[start : start + BATCH]
            with torch.inference_mode():
                logits = model.answer_logits([question.encoded for question in batch])
            yield from zip(batch, logits, strict=True)
