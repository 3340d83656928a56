"""What encoding a filled-in template gives, and what it notes on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# The kinds of a token, as the page marks them.
SPECIAL, TEXT, FIELD, ANSWER, SOFT, TRIGGER = (
    "special",
    "text",
    "field",
    "answer",
    "soft",
    "trigger",
)


@dataclass(frozen=True)
class SoftLayout:
    """Which trainable vector stands where in a template, for one tokenizer.

    ``slots`` holds, for each soft slot in order, the indices of its vectors; ``initial_ids`` holds
    for each vector the token whose embedding it starts from, or None.
    """

    slots: tuple[tuple[int, ...], ...]
    initial_ids: tuple[int | None, ...]

    @property
    def vectors(self) -> int:
        return len(self.initial_ids)


@dataclass(frozen=True)
class Encoded:
    """One filled-in template as the model reads it.

    ``answer`` holds the positions whose logits predict the answer slots: the slot itself in a
    masked model, the token before it in a causal one (which never sees the slot).
    ``soft`` pairs positions with indices of soft vectors. ``types`` holds the token types, empty
    where all are 0. ``cut`` counts the tokens that did not fit, by field; ``cut_tokens`` places
    them: (position in ``ids`` where they stood, token id).
    """

    ids: tuple[int, ...]
    kinds: tuple[str, ...]
    answer: tuple[int, ...]
    soft: tuple[tuple[int, int], ...] = ()
    trigger: tuple[int, ...] = ()
    types: tuple[int, ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)
    cut_tokens: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Span:
    """A stretch of the text handed to the tokenizer, and what it came from.

    A slot's stretch consists of ``placeholders`` of them, a soft slot's one for each of its
    ``vectors``.
    """

    end: int
    kind: str
    field: str | None = None
    keep: bool = False
    placeholders: int = 0
    vectors: tuple[int, ...] = ()
    separates: bool = False
