"""Tokenizes what recurs once: a text under many templates, a template's words under many texts.

A filled-in template is cut at the spaces around its fields, where the tokenizer surely cuts too,
and each segment is tokenized by itself and remembered. Most tokenizers split a text into words
before anything else and look at nothing beyond; which ones do is told from what they are made of,
and any other gets every filled-in template whole.
"""

import json
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from playground.models.encoded import FIELD, Span

# Of the built-in models: "don't" and the treebank's "do n't" are the same tokens, and so are "it's"
# and "it 's".
WORDS = r"[^\W_]+?(?=n't\b)|n't\b|'(?:s|re|ve|ll|d|m)\b|[^\W_]+|[^\w\s]|_"

# How many tokens are remembered; beyond it all are forgotten, and it begins anew.
REMEMBERED = 2_000_000

# Where a tokenizer may be cut: at a space that is part of no token, or in front of one that the
# token after it begins with.
Spaces = Literal["between", "leading"]

_BY_CHARACTER = {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"}
_SEVERAL_SPACES = {"Regex": " {2,}"}


class Tokens(NamedTuple):
    """A text as tokenized: ids, the end of each in the text, and which the tokenizer adds."""

    ids: list[int]
    ends: list[int]
    added: list[bool]


class Segment(NamedTuple):
    """A segment's ids, and the end of each in it."""

    ids: "array[int]"
    ends: "array[int]"


class SegmentTokenizer:
    """Tokenizes filled-in templates for one backend of a fast tokenizer, all rows in one go."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._spaces = spaces_of(backend)
        alone = backend.encode("X")  # with what the tokenizer puts around any text
        own = alone.special_tokens_mask.index(0)
        behind = own + alone.special_tokens_mask[own:].count(0)
        self._before, self._after = alone.ids[:own], alone.ids[behind:]
        self.forget()

    def forget(self) -> None:
        """Lets go of all that is remembered."""
        self._known: dict[str, Segment] = {}
        self._size = 0

    def tokenize(self, laid_out: Sequence[tuple[str, Sequence[Span]]]) -> list[Tokens]:
        """Exactly what the tokenizer makes of each text, whose ``spans`` say where fields are."""
        if self._spaces is None:
            whole = self._backend.encode_batch([text for text, _ in laid_out])
            return [
                Tokens(e.ids, [end for _, end in e.offsets], list(map(bool, e.special_tokens_mask)))
                for e in whole
            ]
        cut = [_segments(text, spans, self._spaces) for text, spans in laid_out]
        known = self._remembering(cut)
        return [self._together(segments, known) for segments in cut]

    def _remembering(self, cut: Sequence[Sequence[str]]) -> dict[str, Segment]:
        """What is known, with all of these segments in it."""
        if self._size > REMEMBERED:
            self.forget()
        known = self._known  # another thread may begin anew meanwhile
        new = list(dict.fromkeys(s for segments in cut for s in segments if s not in known))
        for segment, encoding in zip(
            new, self._backend.encode_batch(new, add_special_tokens=False), strict=True
        ):
            ends = array("I", [end for _, end in encoding.offsets])
            known[segment] = Segment(array("I", encoding.ids), ends)
            self._size += len(ends)
        return known

    def _together(self, segments: Sequence[str], known: dict[str, Segment]) -> Tokens:
        ids, ends = list(self._before), [0] * len(self._before)
        start = 0
        for segment in segments:
            own_ids, own_ends = known[segment]
            ids.extend(own_ids)
            # a space by itself ends behind itself, though a tokenizer may trim it off at a start
            ends.extend([start + max(end, 1) for end in own_ends] if start else own_ends)
            start += len(segment)
        added = [True] * len(self._before) + [False] * (len(ids) - len(self._before))
        return Tokens(
            ids + self._after, ends + [0] * len(self._after), added + [True] * len(self._after)
        )


def spaces_of(backend: Any) -> Spaces | None:
    """Where this tokenizer may be cut; None where it is not known to look no further."""
    for token in backend.get_added_tokens_decoder().values():
        if token.rstrip or token.single_word or any(map(str.isspace, token.content)):
            return None
    spaces = _between_words(_steps(backend.pre_tokenizer, "pretokenizers"))
    if spaces is None:
        return None
    normalizers = _steps(backend.normalizer, "normalizers")
    return spaces if all(_keeps_apart(step, spaces) for step in normalizers) else None


def _between_words(steps: Sequence[dict[str, Any]]) -> Spaces | None:
    """Which spaces a pre-tokenizer splits at, whatever stands around them."""
    match [step["type"] for step in steps]:
        case ["BertPreTokenizer"]:
            return "between"
        case ["Split"]:
            found = (steps[0]["pattern"], steps[0]["behavior"], steps[0]["invert"])
            return "between" if found == ({"Regex": WORDS}, "Removed", True) else None
        case ["ByteLevel"]:
            return "leading" if steps[0]["use_regex"] else None
        case ["Metaspace"] | ["WhitespaceSplit", "Metaspace"]:
            return "leading" if steps[-1]["split"] else None
    return None


def _keeps_apart(normalizer: dict[str, Any], spaces: Spaces) -> bool:
    """Whether a normalizer makes of two segments what it makes of both together."""
    match normalizer["type"]:
        case "Replace":
            pattern = normalizer["pattern"]
            if pattern == _SEVERAL_SPACES:
                return spaces == "leading"  # behind a letter, so that all of them are together
            return not any(map(str.isspace, pattern.get("String", " ")))
        case "Precompiled":  # sentencepiece's, by signs with what clings to them
            return spaces == "leading"
        case "Strip":
            return spaces == "leading" and not normalizer["strip_left"]
        case kind:
            return kind in _BY_CHARACTER


def _steps(part: Any, several: str) -> list[dict[str, Any]]:
    """What a normalizer or a pre-tokenizer is made of, one after the other."""
    if part is None:
        return []
    state = json.loads(part.__getstate__())
    steps: list[dict[str, Any]] = state[several] if state["type"] == "Sequence" else [state]
    return steps


def _segments(text: str, spans: Sequence[Span], spaces: Spaces) -> list[str]:
    """The text in pieces: each field that stands between spaces, and what lies around them."""
    cuts = [0]
    start = 0
    for span in spans:
        end = min(span.end, len(text))
        if span.kind == FIELD and start < end:
            left, right = _left_cut(text, start, spaces), _right_cut(text, end, spaces)
            if left is not None and right is not None:
                cuts += [left, right]
        start = end
    cuts.append(len(text))
    return [text[a:b] for a, b in pairwise(cuts) if a < b]


def _left_cut(text: str, start: int, spaces: Spaces) -> int | None:
    """The place to cut in front of what begins at ``start``, if there is one."""
    if start == 0:
        return 0
    if text[start - 1] != " ":
        return None
    if spaces == "between":
        return start
    return start - 1 if start == 1 or _visible(text[start - 2]) else None


def _right_cut(text: str, end: int, spaces: Spaces) -> int | None:
    """The place to cut behind what ends at ``end``, if there is one."""
    if end == len(text):
        return end
    return end if text[end] == " " and (spaces == "between" or _visible(text[end - 1])) else None


def _visible(sign: str) -> bool:
    """Surely no white space, nor anything that clings to a space behind it."""
    return "!" <= sign <= "~"
