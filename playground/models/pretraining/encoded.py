"""The corpus as token ids in memory-mapped files: written once, then read at random.

A folder holds the ids of all documents in a row, source after source (``tokens.npy``), where each
sentence and each document begins in it (``sentences.npy``, ``documents.npy``, with the end of all
as last entry), and which sentences belong to which source (``sources.json``).
"""

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from playground.errors import DataError
from playground.models.pretraining.corpus import sentences
from playground.models.pretraining.tokenizer import END_OF_TEXT

_BATCH = 500  # documents handed to the tokenizer at once

Document = list[str]


@dataclass(frozen=True)
class Source:
    """A corpus file's part: its sentences from ``first`` to before ``end``."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class EncodedCorpus:
    """``tokens`` (tokens,), ``sentences`` (sentences + 1,) and ``documents`` (documents + 1,)."""

    tokens: NDArray[np.uint16]
    sentences: NDArray[np.uint32]
    documents: NDArray[np.uint32]
    sources: tuple[Source, ...]

    @classmethod
    def open(cls, folder: Path) -> "EncodedCorpus":
        """Maps a folder that `write` made. Raises DataError where there is none."""
        try:
            sources = json.loads((folder / "sources.json").read_text("utf-8"))
            tokens, starts, documents = (
                np.load(folder / f"{name}.npy", mmap_mode="r")
                for name in ("tokens", "sentences", "documents")
            )
            named = tuple(Source(**source) for source in sources)
            return cls(tokens, starts, documents, named)
        except FileNotFoundError as error:
            raise DataError(
                f"{folder} holds no prepared text. Run the command “prepare” first.",
                code="corpus.not_prepared",
                file=str(folder),
            ) from error


class CorpusWriter:
    """Encodes documents, source by source, and writes them with `save`.

    A causal model's documents end with its end-of-text token.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        end = tokenizer.token_to_id(END_OF_TEXT)
        self._ending = [] if end is None else [end]
        self._tokens = array("H")
        self._sentences = array("I")
        self._documents = array("I")
        self._sources: list[Source] = []

    @property
    def tokens(self) -> int:
        return len(self._tokens)

    def add(self, source: str, documents: Iterable[Document]) -> None:
        """Appends the documents of one source."""
        first = len(self._sentences)
        for batch in _batches(documents):
            split = [
                [part for paragraph in document for part in sentences(paragraph)]
                for document in batch
            ]
            texts = [text for document in split for text in document]
            encodings = iter(self._tokenizer.encode_batch_fast(texts, add_special_tokens=False))
            for document in split:
                self._add_document([next(encodings).ids for _ in document])
        self._sources.append(Source(source, first, len(self._sentences)))

    def _add_document(self, encoded: list[list[int]]) -> None:
        if not any(encoded):
            return
        self._documents.append(len(self._tokens))
        for ids in filter(None, encoded):
            self._sentences.append(len(self._tokens))
            self._tokens.extend(ids)
        self._tokens.extend(self._ending)

    def save(self, folder: Path) -> None:
        """Writes what was added, in the layout that `EncodedCorpus.open` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        end = [len(self._tokens)]
        np.save(folder / "tokens.npy", np.frombuffer(self._tokens, np.uint16))
        np.save(folder / "sentences.npy", np.array([*self._sentences, *end], np.uint32))
        np.save(folder / "documents.npy", np.array([*self._documents, *end], np.uint32))
        sources: list[dict[str, Any]] = [vars(source) for source in self._sources]
        (folder / "sources.json").write_text(json.dumps(sources, indent=1), encoding="utf-8")


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    remaining = iter(documents)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
