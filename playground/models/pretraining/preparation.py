"""From a corpus folder to all that a training starts from: tokenizer, token ids, word vectors.

The held-out documents are encoded apart, and also kept as text (``held-out/NAME.txt``, in the
corpus' own form), for measuring.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from playground.models.pretraining.corpus import (
    Cleaner,
    excluded_grams,
    is_held_out,
    read_documents,
)
from playground.models.pretraining.encoded import CorpusWriter, Document, EncodedCorpus
from playground.models.pretraining.recipe import Recipe
from playground.models.pretraining.tokenizer import FILE, load_tokenizer, train_tokenizer
from playground.models.pretraining.word_vectors import word_vectors

TRAINING, HELD_OUT, VECTORS = "training", "held-out", "word-vectors.npy"
SAMPLE_CHARACTERS = 60_000_000  # for the tokenizer


def prepare(
    recipe: Recipe,
    corpus: Path,
    folder: Path,
    *,
    exclude: Path | None = None,
    origin: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Writes tokenizer, training and held-out text and word vectors into ``folder``.

    ``exclude`` is a folder of texts that must not be learned from, such as benchmarks: paragraphs
    that share eight words in a row with them are left out. The text for training a model further is
    encoded in the tokens of its folder, ``origin``. Raises DataError for missing files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if origin is None:
        tokenizer = train_tokenizer(recipe, _sample(recipe, corpus))
    else:
        tokenizer = load_tokenizer(origin)
    tokenizer.save(str(folder / FILE))
    say(f"tokenizer: {tokenizer.get_vocab_size():,} tokens")

    cleaner = Cleaner(excluded_grams(exclude) if exclude else frozenset())
    training, held_out = CorpusWriter(tokenizer), CorpusWriter(tokenizer)
    for source in recipe.mix:
        kept_out: list[Document] = []
        training.add(source, _apart(_documents(corpus, source), cleaner, kept_out))
        held_out.add(source, kept_out)
        _write_text(folder / HELD_OUT / f"{source}.txt", kept_out)
        say(f"{source}: {training.tokens:,} tokens so far, {len(kept_out):,} documents held out")
    training.save(folder / TRAINING)
    held_out.save(folder / HELD_OUT)
    say(f"dropped: {cleaner.copies:,} copies, {cleaner.exclusions:,} excluded paragraphs")

    vectors = word_vectors(EncodedCorpus.open(folder / TRAINING), recipe)
    np.save(folder / VECTORS, vectors)
    say(f"word vectors: {vectors.shape[-1]} dimensions")


def _documents(corpus: Path, source: str) -> Iterator[Document]:
    return read_documents(corpus / f"{source}.txt.bz2")


def _apart(
    documents: Iterator[Document], cleaner: Cleaner, kept_out: list[Document]
) -> Iterator[Document]:
    """The cleaned documents to train on; the others go to ``kept_out``."""
    for document in documents:
        if clean := cleaner.clean(document):
            if is_held_out(document):
                kept_out.append(clean)
            else:
                yield clean


def _sample(recipe: Recipe, corpus: Path) -> Iterator[str]:
    """Paragraphs for the tokenizer, from each source in proportion to its share of the mix."""
    total = sum(recipe.mix.values())
    for source, share in recipe.mix.items():
        paragraphs = (
            paragraph
            for document in _documents(corpus, source)
            if not is_held_out(document)
            for paragraph in document
        )
        room = SAMPLE_CHARACTERS * share / total
        for paragraph in paragraphs:
            room -= len(paragraph)
            if room < 0:
                break
            yield paragraph


def _write_text(file: Path, documents: list[Document]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join("".join(f"{paragraph}\n" for paragraph in part) for part in documents)
    file.write_text(text, encoding="utf-8")
