"""Reads the text to learn from: documents, cleaned, each paragraph once, split by document.

A corpus folder holds ``NAME.txt.bz2`` files: one paragraph a line, a blank line between documents.
"""

import bz2
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from playground.errors import DataError

HELD_OUT_PARTS = 100  # one document of so many is held out
GRAM = 8  # words in a row that two texts hardly share by chance
SHORT = 8  # words; repeated paragraphs up to here are idiom rather than copies

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])\s+(?=[\"'“‘(\[]?[A-Z0-9])|(?<=[.!?…][\"'”’)\]])\s+(?=[A-Z])"
)
# what is left where an encyclopedia's foreign script was dropped
_DROPPED_SCRIPT = re.compile(r"\s*\((?:from|[,;\s])*\)|(?<=\()(?:from\s*)?[,;][\s,;]*")


@dataclass
class Cleaner:
    """Drops what must not be learned from: copies, and text that also stands in ``excluded``.

    ``excluded`` holds the hashes of runs of `GRAM` words. Counts what it drops.
    """

    excluded: frozenset[int] = frozenset()
    copies: int = 0
    exclusions: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def clean(self, paragraphs: Iterable[str]) -> list[str]:
        """The paragraphs of a document that may be learned from, tidied up."""
        return [tidy for tidy in map(_tidied, paragraphs) if tidy and self._is_fresh(tidy)]

    def _is_fresh(self, paragraph: str) -> bool:
        words = _words(paragraph)
        if not self.excluded.isdisjoint(_grams(words)):
            self.exclusions += 1
            return False
        if len(words) > SHORT:
            digest = hashlib.blake2b(" ".join(words).encode(), digest_size=8).digest()
            if digest in self._seen:
                self.copies += 1
                return False
            self._seen.add(digest)
        return True


def read_documents(file: Path) -> Iterator[list[str]]:
    """The documents of a corpus file as lists of paragraphs. Raises DataError without it."""
    if not file.is_file():
        raise DataError(
            f"The recipe asks for {file.name}, and {file.parent} does not hold it. Give the folder "
            "of the corpus with --corpus.",
            code="corpus.no_file",
            file=str(file),
        )
    document: list[str] = []
    with bz2.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                document.append(line.rstrip("\n"))
            elif document:
                yield document
                document = []
    if document:
        yield document


def is_held_out(document: list[str]) -> bool:
    """Whether a document is for measuring only. Decided by its own text, so always the same."""
    text = "\n\n".join(document) + "\n"
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % HELD_OUT_PARTS == 0


def sentences(paragraph: str) -> list[str]:
    """Roughly the sentences of a paragraph: an abbreviation may end one too."""
    return _SENTENCE_END.split(paragraph)


def excluded_grams(folder: Path) -> frozenset[int]:
    """Hashes of all runs of `GRAM` words in a folder's tables and texts, for `Cleaner`."""
    files = [file for file in folder.rglob("*") if file.suffix in {".tsv", ".csv", ".txt"}]
    if not files:
        raise DataError(
            f"There is nothing to exclude in {folder}: it holds no .tsv, .csv or .txt file.",
            code="corpus.nothing_to_exclude",
            file=str(folder),
        )
    return frozenset(
        gram
        for file in files
        for line in file.read_text("utf-8").splitlines()
        for cell in line.split("\t")
        for gram in _grams(_words(cell))
    )


def _tidied(paragraph: str) -> str:
    return " ".join(_DROPPED_SCRIPT.sub("", paragraph).split())


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: list[str]) -> Iterator[int]:
    return map(hash, zip(*(words[start:] for start in range(GRAM)), strict=False))
