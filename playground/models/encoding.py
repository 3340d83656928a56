"""From a filled-in template to token ids, with the places of its slots.

The whole text goes through the model's own tokenizer at once, each slot standing as one of the
tokenizer's special tokens, so that white space and word pieces come out exactly as the model saw
them in pretraining. What a person typed can never become a special token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground.errors import ModelError, TemplateError
from playground.models.encoded import (
    ANSWER,
    FIELD,
    SOFT,
    SPECIAL,
    TEXT,
    TRIGGER,
    Encoded,
    SoftLayout,
    Span,
)
from playground.models.segments import SegmentTokenizer, Tokens
from playground.models.truncation import fit
from playground.prompts import (
    AnswerSlot,
    Filled,
    RenderedPart,
    Separator,
    SoftSlot,
    Template,
    TriggerSlot,
    Truncation,
)

__all__ = ["ANSWER", "FIELD", "SOFT", "SPECIAL", "TEXT", "TRIGGER", "Encoder"]


class Encoder:
    """Encodes templates for one tokenizer. ``causal`` models never see their answer slot.

    ``token_types`` is how many the network tells apart: with two or more, what follows the first
    separator gets the type that the tokenizer gives the second of two texts.
    """

    def __init__(
        self, tokenizer: Any, *, causal: bool, max_length: int, token_types: int = 0
    ) -> None:
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
        self.tokens = SegmentTokenizer(backend)
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
        self._separator, second_type = ("", 0) if causal else self._find_separator()
        self._second_type = second_type if token_types > second_type else 0

    @property
    def knows_separator(self) -> bool:
        """Whether this model reads two texts with something of its own between them."""
        return bool(self._separator)

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

    def _find_separator(self) -> tuple[str, int]:
        """What stands between two texts, and the token type of the second one."""
        pair = self._backend.encode("X", "X")
        texts = pair.sequence_ids  # None for what the tokenizer adds
        if 1 not in texts:
            return "", 0
        second = texts.index(1)
        first_end = second - texts[:second][::-1].index(0)
        return "".join(pair.tokens[first_end:second]), pair.type_ids[second]

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

    def answer_after_space(self, template: Template, slot: int = 0) -> bool:
        """Whether a word at an answer slot follows white space, or opens a text."""
        places = [i for i, part in enumerate(template.parts) if isinstance(part, AnswerSlot)]
        if places[slot] == 0:
            return True
        before = template.parts[places[slot] - 1]
        if isinstance(before, SoftSlot | Separator):
            return True
        return getattr(before, "text", "…")[-1].isspace()

    def encode(
        self,
        template: Template,
        rows: Sequence[Mapping[str, object]],
        *,
        answer_tokens: int = 1,
    ) -> list[Encoded]:
        """Fills the template in with each row and tokenizes all of them in one go.

        A text that was tokenized before, under whatever template, is not again (see `segments`).

        An answer of several tokens gets as many places at the first answer slot of a masked
        model; for a causal one, which goes on writing there, room is left.
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
        separator = next((part for part in template.parts if isinstance(part, Separator)), None)
        if separator is not None and not self._separator:
            raise TemplateError(
                "This model was never shown two texts with a separator between them. Write a line "
                "break or words in place of [SEP].",
                position=separator.position,
                code="template.no_separator",
            )
        layout = self.soft_layout(template)
        laid_out = [self._lay_out(template, row, layout, answer_tokens) for row in rows]
        tokenized = self.tokens.tokenize(laid_out)
        room = self.max_length - (answer_tokens - 1 if self.causal else 0)
        return [
            self._place(tokens, spans, layout, room, template.truncation)
            for tokens, (_, spans) in zip(tokenized, laid_out, strict=True)
        ]

    def _lay_out(
        self,
        template: Template,
        row: Mapping[str, object],
        layout: SoftLayout,
        answer_tokens: int,
    ) -> tuple[str, list[Span]]:
        """The text for the tokenizer, and the spans that say which part each stretch is."""
        text = ""
        typed = ""  # the end of it that holds no slot
        spans: list[Span] = []
        soft_slots = iter(layout.slots)
        for piece in _trimmed(template.render(row)):
            if isinstance(piece, Filled):
                harmless = self._harmless(piece.text)
                if self._harmless(typed + harmless) != typed + harmless:  # "[", "MASK" and "]"
                    harmless = " " + harmless
                text += harmless
                typed += harmless
                kind = TEXT if piece.field is None else FIELD
                spans.append(Span(len(text), kind, piece.field, piece.keep))
                continue
            typed = ""
            if isinstance(piece, SoftSlot):
                vectors = next(soft_slots)
                text += self._placeholder * len(vectors)
                spans.append(Span(len(text), SOFT, placeholders=len(vectors), vectors=vectors))
            elif isinstance(piece, TriggerSlot):
                text += self._placeholder * piece.count
                spans.append(Span(len(text), TRIGGER, placeholders=piece.count))
            elif isinstance(piece, Separator):
                text += self._separator
                spans.append(Span(len(text), SPECIAL, separates=True))
            elif not self.causal:
                text += self._placeholder * answer_tokens
                spans.append(Span(len(text), ANSWER, placeholders=answer_tokens))
                answer_tokens = 1  # at the slots after the first
            else:
                # the word to predict brings its own leading space; after it comes only white space
                text = text.rstrip()
                break
        if self.causal and not text and not self._adds_start:
            text = self._placeholder
            spans.append(Span(len(text), SPECIAL, placeholders=1))
        return text, spans

    def _place(
        self,
        tokens: Tokens,
        spans: list[Span],
        layout: SoftLayout,
        room: int,
        truncation: Truncation,
    ) -> Encoded:
        ids: list[int] = []
        kinds: list[str] = []
        owners: list[Span | None] = []
        soft: dict[int, int] = {}
        held = iter([span for span in spans for _ in range(span.placeholders)])
        vectors = iter([vector for span in spans for vector in span.vectors])
        current = 0
        for token_id, end, added in zip(*tokens, strict=True):
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
        types = self._types(owners)
        keep, cut, cut_tokens = fit(ids, owners, room, truncation)
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
            types=tuple(types[i] for i in keep) if types else (),
            cut=cut,
            cut_tokens=cut_tokens,
        )

    def _types(self, owners: Sequence[Span | None]) -> list[int]:
        """0 up to the first separator and its end, then the second text's; empty if all are 0."""
        at = [i for i, owner in enumerate(owners) if owner is not None and owner.separates]
        if not at or not self._second_type:
            return []
        end = next(i for i in range(at[0], len(owners)) if owners[i] is not owners[at[0]])
        return [0] * end + [self._second_type] * (len(owners) - end)


def _trimmed(pieces: Sequence[RenderedPart]) -> list[RenderedPart]:
    """Without white space around separators, as where the tokenizer itself reads two texts."""
    trimmed = list(pieces)
    for at, piece in enumerate(pieces):
        if isinstance(piece, Separator):
            before, after = trimmed[at - 1 : at], trimmed[at + 1 : at + 2]
            if before and isinstance(before[0], Filled):
                trimmed[at - 1] = replace(before[0], text=before[0].text.rstrip())
            if after and isinstance(after[0], Filled):
                trimmed[at + 1] = replace(after[0], text=after[0].text.lstrip())
    return trimmed
