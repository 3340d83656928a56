"""What is learned from: each text once, nothing held out, nothing excluded."""

from itertools import pairwise

import pytest

from playground.errors import DataError
from playground.models.pretraining.corpus import (
    Cleaner,
    excluded_grams,
    is_held_out,
    read_documents,
    sentences,
)
from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.preparation import HELD_OUT, TRAINING, prepare
from playground.models.pretraining.tokenizer import load_tokenizer
from tests.pretraining import MASKED, RECIPES, documents, write_source

LONG = "A sentence of more than eight words, so that it counts as a copy when it comes again."


def texts(folder, part):
    """The documents of an encoded corpus, as the tokenizer gives them back."""
    tokenizer = load_tokenizer(folder)
    corpus = EncodedCorpus.open(folder / part)
    ends = corpus.documents.tolist()
    return [
        tokenizer.decode(corpus.tokens[start:end].tolist()).strip() for start, end in pairwise(ends)
    ]


@pytest.mark.parametrize("kind", RECIPES)
def test_held_out_documents_are_never_trained_on(prepared, kind):
    folder = prepared(kind)
    trained_on, held_out = texts(folder, TRAINING), texts(folder, HELD_OUT)
    total = sum(len(documents(source)) for source in MASKED.mix)
    assert held_out
    assert len(trained_on) + len(held_out) == total
    assert not set(trained_on) & set(held_out)


def test_the_held_out_text_is_kept_as_text_too(prepared):
    kept = "".join(
        file.read_text("utf-8") for file in sorted((prepared("masked") / HELD_OUT).glob("*.txt"))
    )
    expected = [
        document for source in MASKED.mix for document in documents(source) if is_held_out(document)
    ]
    lines = kept.splitlines()
    assert [line for line in lines if line] == [line for each in expected for line in each]


def test_a_paragraph_is_learned_from_once():
    cleaner = Cleaner()
    assert cleaner.clean([LONG, "Thank you."]) == [LONG, "Thank you."]
    assert cleaner.clean(["  " + LONG.upper() + "\n", "Thank you."]) == ["Thank you."]
    assert cleaner.copies == 1


def test_what_is_excluded_is_not_learned_from(tmp_path):
    (tmp_path / "sst").mkdir()
    table = "text\tlabel\none long string of cliches , and it 's rather dull too .\tnegative\n"
    (tmp_path / "sst" / "dev.tsv").write_text(table, encoding="utf-8")
    cleaner = Cleaner(excluded_grams(tmp_path))
    quoted = "They say: “One long string of cliches, and it's rather dull too.” I agree."
    assert cleaner.clean([quoted, "One long string of pearls, and it's rather dull."]) == [
        "One long string of pearls, and it's rather dull."
    ]
    assert cleaner.exclusions == 1


def test_excluding_an_empty_folder_is_a_mistake(tmp_path):
    with pytest.raises(DataError, match="nothing to exclude"):
        excluded_grams(tmp_path)


def test_what_is_left_of_dropped_script_is_tidied_up():
    (tidy,) = Cleaner().clean(["Athens (from, ;) is the (from, “city”) capital (from 1834 on)."])
    assert tidy == "Athens is the (“city”) capital (from 1834 on)."


def test_paragraphs_fall_into_sentences():
    text = 'He left. "Really?" asked Ann. It cost 3.50, no more! Then… 20 people came'
    assert sentences(text) == [
        "He left.",
        '"Really?" asked Ann.',
        "It cost 3.50, no more!",
        "Then…",
        "20 people came",
    ]


def test_documents_are_read_as_they_were_written(tmp_path):
    write_source(tmp_path, "some", [["a", "b"], ["c"]])
    assert list(read_documents(tmp_path / "some.txt.bz2")) == [["a", "b"], ["c"]]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"asks for animals\.txt\.bz2"):
        prepare(MASKED, tmp_path, tmp_path / "work", say=lambda _: None)


def test_text_must_be_prepared_before_it_is_opened(tmp_path):
    with pytest.raises(DataError, match="prepare"):
        EncodedCorpus.open(tmp_path)
