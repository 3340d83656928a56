"""A text is tokenized once for all templates, to exactly the ids that each gives as a whole."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, normalizers, pre_tokenizers
from transformers import AutoTokenizer

from playground.models import segments
from playground.models.built_in import FOLDER
from playground.models.encoding import Encoder
from playground.models.segments import SegmentTokenizer, spaces_of
from playground.prompts import Template
from tests import tiny

KINDS = {
    "wordpiece": "between",
    "pocket-bert": "between",
    "byte-level": "leading",
    "gpt2": "leading",
    "pocket-gpt": "leading",
    "unigram": "leading",
    "metaspace": "leading",
    "whole": None,
}
CLOZES = [
    "{a} It was [MASK].",
    "It was [MASK]. {a}",
    "so {a} [MASK] {b}!",
    "{a}{b} [MASK]",
    "[MASK]{a} {b}[MASK]  {a}",
    "[SOFT*2] {a} [MASK]",
    "{a} [SEP] {b} [MASK]",
    "“{a}” [MASK]",
    "{a}\n[MASK] \t{b} ",
]
PREFIXES = ["{a} It was [MASK]", "{a} [MASK]", "so {a}  {b} [MASK]", "“{a}” {b}:\n[MASK]"]
SIGNS = "aAtn' .,!?\"“’-_0\t\n\u00a0\u0301\u0308\u200b\u0000很é½´ﬁΣ😀\u0600<>[]/|"
TEXTS = ["good", "the cat sat", "wasn't", "film!", "<mask>", "[MASK]", "", " so ", "  ", "it 's"]
texts = st.one_of(
    st.text(st.sampled_from(SIGNS), max_size=8), st.sampled_from(TEXTS), st.text(max_size=6)
)
rows = st.lists(st.fixed_dictionaries({"a": texts, "b": texts}), min_size=1, max_size=4)


def make_tokenizer(kind: str) -> Any:
    if kind.startswith("pocket"):
        return AutoTokenizer.from_pretrained(FOLDER / kind)
    if kind == "whole":  # Llama's as it was first converted: one piece of text is one word
        tokenizer = tiny.make_tokenizer("metaspace")
        backend = tokenizer.backend_tokenizer
        backend.normalizer = normalizers.Sequence(
            [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        )
        backend.pre_tokenizer = pre_tokenizers.Split(Regex("(?!)"), "isolated")
        return tokenizer
    return tiny.make_tokenizer(kind)


@pytest.fixture(scope="session")
def encoders() -> Callable[[str], tuple[Encoder, Encoder]]:
    """For a kind of tokenizer, an encoder, and one that takes every filled-in template whole."""

    @cache
    def pair(kind: str) -> tuple[Encoder, Encoder]:
        tokenizer = make_tokenizer(kind)
        causal = kind in ("gpt2", "pocket-gpt", "metaspace", "whole")
        one, other = (
            Encoder(tokenizer, causal=causal, max_length=24, token_types=2) for _ in range(2)
        )
        other.tokens._spaces = None
        return one, other

    return pair


@pytest.mark.parametrize("kind", KINDS)
def test_where_a_tokenizer_may_be_cut(kind):
    assert spaces_of(make_tokenizer(kind).backend_tokenizer) == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_template_reads_as_it_does_alone(kind, encoders, data):
    encoder, whole = encoders(kind)
    sources = PREFIXES if encoder.causal else CLOZES
    given_rows = data.draw(rows)
    for source in data.draw(st.lists(st.sampled_from(sources), min_size=1, max_size=3)):
        template = Template(source)
        assert encoder.encode(template, given_rows) == whole.encode(template, given_rows)


@pytest.mark.parametrize("kind", ["wordpiece", "byte-level", "unigram"])
def test_a_text_is_tokenized_once_for_all_templates(kind):
    seen: list[str] = []
    tokenizer = tiny.make_tokenizer(kind)
    encoder = Encoder(tokenizer, causal=False, max_length=99)
    encoder.tokens = SegmentTokenizer(noting(tokenizer.backend_tokenizer, seen))
    table = [{"text": f"the {word} cat was good."} for word in ("so", "bad", "boring")]
    for source in ("{text} It was [MASK].", "{text} All in all, [MASK]!", "It [MASK]: {text}"):
        found = encoder.encode(Template(source), table)
        alone = [source.replace("[MASK]", tokenizer.mask_token).format_map(row) for row in table]
        assert [list(one.ids) for one in found] == [tokenizer(text)["input_ids"] for text in alone]
    times = [sum(row["text"] in segment for segment in seen) for row in table]
    # a piece that begins with its space is another than one that opens the prompt
    assert times == [1 if kind == "wordpiece" else 2] * 3
    assert len(seen) == len(set(seen))


def noting(backend: Any, seen: list[str]) -> Any:
    """A backend that tells what it is given to tokenize in batches."""

    class Noting:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        def encode_batch(self, texts: list[str], **options: Any) -> Any:
            seen.extend(texts)
            return backend.encode_batch(texts, **options)

    return Noting()


def test_what_is_remembered_has_an_end(monkeypatch):
    monkeypatch.setattr(segments, "REMEMBERED", 20)
    encoder = Encoder(tiny.make_tokenizer("wordpiece"), causal=False, max_length=99)
    template = Template("{text} It was [MASK].")
    for number in range(50):
        encoder.encode(template, [{"text": f"good cat {number}"}])
        assert len(encoder.tokens._known) < 20


@pytest.mark.parametrize(
    "token",
    [
        AddedToken("<hole>", rstrip=True),
        AddedToken("film", single_word=True),
        AddedToken("so good"),
    ],
)
def test_tokens_that_heed_spaces_forbid_cutting(token):
    tokenizer = tiny.make_tokenizer("wordpiece")
    tokenizer.add_tokens([token])
    assert spaces_of(tokenizer.backend_tokenizer) is None


@pytest.mark.parametrize(
    ("normalizer", "spaces"),
    [
        (normalizers.Replace("``", '"'), "leading"),
        (normalizers.Replace(Regex(" {2,}"), " "), "leading"),
        (normalizers.Strip(left=False, right=True), "leading"),
        (normalizers.Strip(), None),
        (normalizers.Replace("a b", "c"), None),
        (normalizers.Replace(Regex("."), "c"), None),
        (normalizers.Sequence([normalizers.NFC(), normalizers.Prepend("▁")]), None),
    ],
)
def test_normalizers_that_look_around_forbid_cutting(normalizer, spaces):
    backend = tiny.make_tokenizer("unigram").backend_tokenizer
    backend.normalizer = normalizer
    assert spaces_of(backend) == spaces


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        pre_tokenizers.Metaspace(split=False),
        pre_tokenizers.ByteLevel(use_regex=False),
        pre_tokenizers.Split(Regex(r"\w+ \w+"), "isolated"),
        pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel()]),
    ],
)
def test_an_unknown_way_to_find_words_forbids_cutting(pre_tokenizer):
    backend = tiny.make_tokenizer("unigram").backend_tokenizer
    backend.pre_tokenizer = pre_tokenizer
    assert spaces_of(backend) is None
