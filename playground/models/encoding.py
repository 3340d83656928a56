"""From a filled-in template to token ids, with the places of its slots.

The whole text goes through the model's own tokenizer at once, each slot standing as one of the
tokenizer's special tokens, so that white space and word pieces come out exactly as the model saw
them in pretraining. What a person typed can never become a special token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.errors import ModelError, TemplateError
from playground.prompts import AnswerSlot, Filled, SoftSlot, Template, TriggerSlot

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
    ``soft`` pairs positions with indices of soft vectors. ``cut`` counts the tokens that did not
    fit, by field; ``cut_tokens`` places them: (position in ``ids`` where they stood, token id).
    """

    ids: tuple[int, ...]
    kinds: tuple[str, ...]
    answer: tuple[int, ...]
    soft: tuple[tuple[int, int], ...] = ()
    trigger: tuple[int, ...] = ()
    cut: Mapping[str, int] = field(default_factory=dict)
    cut_tokens: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class _Span:
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


class Encoder:
    """Encodes templates for one tokenizer. ``causal`` models never see their answer slot."""

    def __init__(self, tokenizer: Any, *, causal: bool, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.causal = causal
        self.max_length = max_length
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(
                "This model's tokenizer has no fast version, which the playground needs to know "
                "where each slot stands. Pick a model with a tokenizer.json.",
                code="model.slow_tokenizer",
            )
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        # those without a name of their own too, such as a chat model's <|im_start|>
        specials = [t for t in tokenizer.added_tokens_decoder.values() if t.special]
        literals = {token.content for token in specials}
        self._normalize = None
        if backend.normalizer is not None and any(token.normalized for token in specials):
            self._normalize = backend.normalizer.normalize_str
            literals |= {self._normalize(token.content) for token in specials if token.normalized}
        self._specials = sorted(literals, key=len, reverse=True)
        self.placeholder_id, self._placeholder = self._find_placeholder()
        # "X" stands for any ordinary word: does the tokenizer itself put anything in front?
        self._adds_start = bool(backend.encode("X").special_tokens_mask[0])

    def _find_placeholder(self) -> tuple[int, str]:
        tokenizer = self.tokenizer
        # never the unknown token: what a person typed may read as that
        for name in ("mask_token", "eos_token", "bos_token", "pad_token"):
            token = getattr(tokenizer, name, None)
            if token:
                return int(tokenizer.convert_tokens_to_ids(token)), str(token)
        raise ModelError(
            "This model's tokenizer has no special token that could hold a slot's place.",
            code="model.no_special_token",
        )

    def _harmless(self, text: str) -> str:
        """The text with every literal special token broken up, so that it stays mere text."""
        text = self._broken_up(text)
        if self._normalize is not None:  # which may make one of other signs: ＜mask＞
            normalized = self._normalize(text)
            if any(token in normalized for token in self._specials):
                return self._broken_up(normalized)
        return text

    def _broken_up(self, text: str) -> str:
        for token in self._specials:
            if token in text:
                text = text.replace(token, token[0] + " " + token[1:])
        return text

    def word_ids(self, word: str, *, after_space: bool = True) -> list[int]:
        """Token ids of a word as it stands at an answer slot, with or without a space before."""
        text = self._harmless(word.strip())
        ids = list(
            self._backend.encode(f" {text}" if after_space else text, add_special_tokens=False).ids
        )
        # SentencePiece sets its ▁ apart where no word piece has it in front, as in Chinese
        if len(ids) > 1 and not self.tokenizer.decode(ids[:1]).strip():
            return ids[1:]
        return ids

    def soft_layout(self, template: Template) -> SoftLayout:
        """Numbers the template's trainable vectors; slots with one number share theirs."""
        slots: list[tuple[int, ...]] = []
        initial: list[int | None] = []
        shared: dict[int, tuple[int, ...]] = {}
        for part in template.parts:
            if not isinstance(part, SoftSlot):
                continue
            if part.share is not None and part.share in shared:
                slots.append(shared[part.share])
                continue
            starts: list[int | None] = (
                list(self.word_ids(part.words)) if part.words else [None] * part.count
            )
            indices = tuple(range(len(initial), len(initial) + len(starts)))
            initial.extend(starts)
            slots.append(indices)
            if part.share is not None:
                shared[part.share] = indices
        return SoftLayout(tuple(slots), tuple(initial))

    def answer_after_space(self, template: Template) -> bool:
        """Whether a word at the (first) answer slot follows white space, or opens the text."""
        before = ""
        for part in template.parts:
            if isinstance(part, AnswerSlot):
                break
            before = getattr(part, "text", "…") if not isinstance(part, SoftSlot) else " "
        return not before or before[-1].isspace()

    def encode(self, template: Template, rows: Sequence[Mapping[str, object]]) -> list[Encoded]:
        """Fills the template in with each row and tokenizes all of them in one go.

        Raises TemplateError where the template cannot serve this model or does not fit it.
        """
        if self.causal and not (template.is_prefix and template.answer_slots == 1):
            slot = next(part for part in template.parts if isinstance(part, AnswerSlot))
            raise TemplateError(
                "This model reads from left to right, so the answer slot must be the last thing "
                "in the template. Move [MASK] to the end, or switch to the prefix shape.",
                position=slot.position,
                code="template.causal_needs_prefix",
            )
        layout = self.soft_layout(template)
        laid_out = [self._lay_out(template, row, layout) for row in rows]
        encodings = self._backend.encode_batch([text for text, _ in laid_out])
        return [
            self._place(encoding, spans, layout)
            for encoding, (_, spans) in zip(encodings, laid_out, strict=True)
        ]

    def _lay_out(
        self, template: Template, row: Mapping[str, object], layout: SoftLayout
    ) -> tuple[str, list[_Span]]:
        """The text for the tokenizer, and the spans that say which part each stretch is."""
        text = ""
        typed = ""  # the end of it that holds no slot
        spans: list[_Span] = []
        soft_slots = iter(layout.slots)
        for piece in template.render(row):
            if isinstance(piece, Filled):
                harmless = self._harmless(piece.text)
                if self._harmless(typed + harmless) != typed + harmless:  # "[", "MASK" and "]"
                    harmless = " " + harmless
                text += harmless
                typed += harmless
                kind = TEXT if piece.field is None else FIELD
                spans.append(_Span(len(text), kind, piece.field, piece.keep))
                continue
            typed = ""
            if isinstance(piece, SoftSlot):
                vectors = next(soft_slots)
                text += self._placeholder * len(vectors)
                spans.append(_Span(len(text), SOFT, placeholders=len(vectors), vectors=vectors))
            elif isinstance(piece, TriggerSlot):
                text += self._placeholder * piece.count
                spans.append(_Span(len(text), TRIGGER, placeholders=piece.count))
            elif not self.causal:
                text += self._placeholder
                spans.append(_Span(len(text), ANSWER, placeholders=1))
            else:
                # the word to predict brings its own leading space; after it comes only white space
                text = text.rstrip()
                break
        if self.causal and not text and not self._adds_start:
            text = self._placeholder
            spans.append(_Span(len(text), SPECIAL, placeholders=1))
        return text, spans

    def _place(self, encoding: Any, spans: list[_Span], layout: SoftLayout) -> Encoded:
        ids: list[int] = []
        kinds: list[str] = []
        owners: list[_Span | None] = []
        soft: dict[int, int] = {}
        held = iter([span for span in spans for _ in range(span.placeholders)])
        vectors = iter([vector for span in spans for vector in span.vectors])
        current = 0
        for token_id, (_, end), added in zip(
            encoding.ids, encoding.offsets, encoding.special_tokens_mask, strict=True
        ):
            owner = None
            if token_id == self.placeholder_id and not added:
                # in order: a placeholder that swallows white space ends past its own stretch
                owner = next(held)
            elif not added:
                while current < len(spans) - 1 and end > spans[current].end:
                    current += 1
                owner = spans[current]
            if owner is not None and owner.kind == SOFT:
                vector = next(vectors)
                soft[len(ids)] = vector
                start = layout.initial_ids[vector]
                token_id = token_id if start is None else start
            ids.append(token_id)
            kinds.append(SPECIAL if owner is None else owner.kind)
            owners.append(owner)
        keep, cut, cut_tokens = self._fit(ids, owners)
        if self.causal and kinds and kinds[-1] == SPECIAL and len(keep) > 1 and added:
            keep.pop()  # an end-of-text that the tokenizer appends would hide the slot
        ids = [ids[i] for i in keep]
        kinds = [kinds[i] for i in keep]
        places = [position for position, kind in enumerate(kinds) if kind == ANSWER]
        return Encoded(
            ids=tuple(ids),
            kinds=tuple(kinds),
            answer=(len(ids) - 1,) if self.causal else tuple(places),
            soft=tuple((new, soft[old]) for new, old in enumerate(keep) if old in soft),
            trigger=tuple(position for position, kind in enumerate(kinds) if kind == TRIGGER),
            cut=cut,
            cut_tokens=cut_tokens,
        )

    def _fit(
        self, ids: list[int], owners: list[_Span | None]
    ) -> tuple[list[int], dict[str, int], tuple[tuple[int, int], ...]]:
        """Cuts the ends of the longest fields until the rest fits; slots are never cut."""
        excess = len(ids) - self.max_length
        if excess <= 0:
            return list(range(len(ids))), {}, ()
        fields: dict[int, list[int]] = {}
        for position, owner in enumerate(owners):
            if owner is not None and owner.kind == FIELD and not owner.keep:
                fields.setdefault(id(owner), []).append(position)
        if sum(map(len, fields.values())) < excess:
            room = self.max_length
            raise TemplateError(
                f"The filled-in template has {len(ids)} tokens and this model reads at most "
                f"{room}. Shorten the template, or let a field be cut (write {{text}} without "
                "the !).",
                code="template.too_long",
                tokens=len(ids),
                room=room,
            )
        gone: list[int] = []
        for _ in range(excess):
            gone.append(max(fields.values(), key=len).pop())
        dropped = set(gone)
        keep = [position for position in range(len(ids)) if position not in dropped]
        cut: dict[str, int] = {}
        cut_tokens: list[tuple[int, int]] = []
        kept_before = 0
        for position, token_id in enumerate(ids):
            if position in dropped:
                owner = owners[position]
                name = (owner.field or "") if owner is not None else ""
                cut[name] = cut.get(name, 0) + 1
                cut_tokens.append((kept_before, token_id))
            else:
                kept_before += 1
        return keep, cut, tuple(cut_tokens)
