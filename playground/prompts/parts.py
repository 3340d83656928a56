"""The parts that a template is made of, and what rendering makes of them.

``position`` is the part's offset in the template's source, for pointing at it in an error. It is
not compared: two templates are equal when they say the same.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text, with its escapes already resolved."""

    text: str
    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the table, passed through ``filters`` in order; ``keep`` forbids truncating."""

    name: str
    filters: tuple[str, ...] = ()
    keep: bool = False
    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class AnswerSlot:
    """The place of one predicted token."""

    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class SoftSlot:
    """``count`` trainable input vectors.

    Where ``words`` is given the vectors start as the embeddings of these words, and the model's
    tokenizer settles how many there are. Slots with the same ``share`` are the same vectors.
    """

    count: int = 1
    words: str | None = None
    share: int | None = None
    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class TriggerSlot:
    """``count`` discrete tokens that AutoPrompt (Shin et al. 2020) may change."""

    count: int = 1
    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Separator:
    """What the model's tokenizer puts between two texts; another token type may begin there."""

    position: int = field(default=0, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Filled:
    """Text that is ready for a tokenizer.

    ``field`` names the column that it came from, ``None`` for the template's own text, which is
    always kept. Only text with ``keep=False`` may be truncated.
    """

    text: str
    field: str | None
    keep: bool


Slot = AnswerSlot | SoftSlot | TriggerSlot | Separator
Part = Text | Field | Slot
RenderedPart = Filled | Slot
