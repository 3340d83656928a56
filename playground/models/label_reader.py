"""From a model's answers at the slots to the scores of labels, by a verbalizer's words."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from playground.errors import VerbalizerError
from playground.models.continuation import continuation_log_probabilities
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    from playground.models.encoded import Encoded
    from playground.models.language_model import LanguageModel


class LabelReader:
    """A verbalizer as one model reads it at the answer slots of one template.

    ``pieces`` holds the token ids of each of ``verbalizer.all_words``. ``token_ids`` (tokens,) are
    those to ask `LanguageModel.answer_logits` for, and `label_scores` reads what comes back: a
    word is scored by the logit of its first token, or by the mean over its tokens. Words of
    several tokens that are to be scored exactly need ``several_passes``, which `score_rows` makes.

    Raises VerbalizerError for a word that the model does not know, for labels that it cannot tell
    apart, and for a verbalizer that does not go with the template's answer slots.
    """

    def __init__(self, model: "LanguageModel", template: Template, verbalizer: Verbalizer) -> None:
        self.model = model
        self.template = template
        self.verbalizer = verbalizer
        if verbalizer.slots not in (1, template.answer_slots):
            raise VerbalizerError(
                f"The verbalizer has words for {verbalizer.slots} answer slots and the template "
                f"has {template.answer_slots}. Give them the same number.",
                code="verbalizer.slot_count",
                slots=verbalizer.slots,
                template_slots=template.answer_slots,
            )
        self.pieces = self._read()
        self._check_told_apart()
        several = any(len(pieces) > 1 for pieces in self.pieces)
        # of words of one token each, the exact scores are the logits but for a common constant
        self.several_passes = several and verbalizer.multi_token == "exact"
        if self.several_passes and verbalizer.slots > 1:
            raise self._refuse_slots()
        scored = list(map(self._scored_by, self.pieces))
        self.token_ids = torch.tensor([t for tokens in scored for t in tokens], device=model.device)
        word_of = torch.tensor([word for word, tokens in enumerate(scored) for _ in tokens])
        self._word_slots: Tensor | None = None
        if verbalizer.slots > 1:
            self._word_slots = torch.tensor(verbalizer.word_slots)[word_of].to(model.device)
        self._averages: Tensor | None = None
        if len(word_of) > len(scored):
            shares = torch.nn.functional.one_hot(word_of).float()  # (tokens, words)
            self._averages = (shares / shares.sum(0)).to(model.device)

    # ---- one pass ------------------------------------------------------------------------------

    def encode(
        self, model: "LanguageModel", rows: Sequence[Mapping[str, object]]
    ) -> list["Encoded"]:
        """The rows in this reader's template. Raises as `LanguageModel.encode` does."""
        return model.encode(self.template, rows)

    def batch_scores(
        self,
        model: "LanguageModel",
        batch: Sequence["Encoded"],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelScorer.batch_scores`: (batch, labels). Not for several passes."""
        logits = model.answer_logits(batch, token_ids=self.token_ids, soft_vectors=soft_vectors)
        return self.label_scores(logits)

    def label_scores(self, logits: Tensor) -> Tensor:
        """(batch, slots, tokens), as asked for with ``token_ids``, to (batch, labels).

        Keeps gradients. Not for a verbalizer that needs several passes.
        """
        if self._word_slots is None:
            words = logits[:, 0]  # (batch, tokens)
        else:
            each = torch.arange(len(self.token_ids), device=logits.device)
            words = logits[:, self._word_slots, each]
        if self._averages is not None:
            words = words @ self._averages  # (batch, words)
        scores: Tensor = self.verbalizer.scores(words)
        return scores

    def scores_in(
        self,
        logits: Tensor,
        rows: Sequence[Mapping[str, object]],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """Scores of the labels for rows whose whole answers are there: (rows, labels).

        ``logits`` (rows, slots, vocabulary) are those of ``rows``; where they are not enough, the
        rows are read again, as `score_rows` does. No gradients.
        """
        if self.several_passes:
            return self.score_rows(rows, soft_vectors=soft_vectors)
        return self.label_scores(logits[..., self.token_ids])

    # ---- as many as needed ---------------------------------------------------------------------

    def score_rows(
        self, rows: Sequence[Mapping[str, object]], *, soft_vectors: Tensor | None = None
    ) -> Tensor:
        """Scores of the labels for rows of a table: (rows, labels), without gradients."""
        model = self.model
        if self.several_passes:
            exact = self._exact_causal if model.kind == "causal" else self._exact_masked
            words: Tensor = self.verbalizer.scores(exact(rows, soft_vectors))
            return words
        scores = torch.zeros(len(rows), len(self.verbalizer.labels), device=model.device)
        encoded = model.encode(self.template, rows)
        for chosen, logits in model.score(encoded, self.token_ids, soft_vectors=soft_vectors):
            scores[chosen] = self.label_scores(logits)
        return scores

    def _exact_causal(
        self, rows: Sequence[Mapping[str, object]], soft_vectors: Tensor | None
    ) -> Tensor:
        """log P(word | prompt): (rows, words)."""
        longest = max(map(len, self.pieces))
        prompts = self.model.encode(self.template, rows, answer_tokens=longest)
        return continuation_log_probabilities(
            self.model, prompts, self.pieces, soft_vectors=soft_vectors
        )

    def _exact_masked(
        self, rows: Sequence[Mapping[str, object]], soft_vectors: Tensor | None
    ) -> Tensor:
        """Log-probability of each word with one slot for each of its tokens: (rows, words).

        Schick & Schütze 2021, "It's Not Just Size That Matters", section 3.1,
        https://arxiv.org/abs/2009.07118: the slots are filled at once, as they do in training, so
        that all words of one length share a pass.
        """
        found = torch.zeros(len(rows), len(self.pieces), device=self.model.device)
        for count in sorted(set(map(len, self.pieces))):
            words = [word for word, pieces in enumerate(self.pieces) if len(pieces) == count]
            targets = torch.tensor([self.pieces[word] for word in words]).T  # (count, words)
            encoded = self.model.encode(self.template, rows, answer_tokens=count)
            for chosen, logits in self.model.score(encoded, None, soft_vectors=soft_vectors):
                shares = logits[:, :count].log_softmax(-1)  # (batch, count, vocabulary)
                tokens = shares[:, torch.arange(count)[:, None], targets]  # (batch, count, words)
                found[torch.tensor(chosen)[:, None], words] = tokens.sum(1)
        return found

    # ---- reading the words ---------------------------------------------------------------------

    def _read(self) -> tuple[tuple[int, ...], ...]:
        encoder, verbalizer = self.model.encoder, self.verbalizer
        spaces = [encoder.answer_after_space(self.template, i) for i in range(verbalizer.slots)]
        read = []
        words = zip(
            verbalizer.all_words, verbalizer.word_labels, verbalizer.word_slots, strict=True
        )
        for word, label, slot in words:
            pieces = tuple(encoder.word_ids(word, after_space=spaces[slot]))
            if not pieces or self.model.tokenizer.unk_token_id in self._scored_by(pieces):
                raise VerbalizerError(
                    f"{self.model.name} does not know the word “{word}” of the label “{label}”. "
                    "Choose another word, or a model of that language.",
                    label=label,
                    code="verbalizer.unknown_word",
                    word=word,
                    model=self.model.name,
                )
            read.append(pieces)
        return tuple(read)

    def _scored_by(self, pieces: tuple[int, ...]) -> tuple[int, ...]:
        return pieces[:1] if self.verbalizer.multi_token == "first" else pieces

    def _check_told_apart(self) -> None:
        verbalizer = self.verbalizer
        if verbalizer.slots > 1:
            self._check_slots_told_apart()
            return
        owner: dict[tuple[int, ...], tuple[str, str]] = {}
        words = zip(verbalizer.all_words, verbalizer.word_labels, self.pieces, strict=True)
        for word, label, pieces in words:
            other_label, other_word = owner.setdefault(self._scored_by(pieces), (label, word))
            if other_label != label:
                token = self.model.token_text(pieces[0])
                raise VerbalizerError(
                    f"“{word}” ({label}) and “{other_word}” ({other_label}) begin with the "
                    f"same token, “{token}”, so this model cannot tell them apart. Change one of "
                    "them.",
                    label=label,
                    code="verbalizer.same_token",
                    word=word,
                    other_word=other_word,
                    other_label=other_label,
                    token=token,
                )

    def _check_slots_told_apart(self) -> None:
        """With several slots, labels may share words at some of them but not at all."""
        read: dict[str, set[tuple[int, tuple[int, ...]]]] = {}
        verbalizer = self.verbalizer
        words = zip(verbalizer.word_labels, verbalizer.word_slots, self.pieces, strict=True)
        for label, slot, pieces in words:
            read.setdefault(label, set()).add((slot, self._scored_by(pieces)))
        owner: dict[frozenset[tuple[int, tuple[int, ...]]], str] = {}
        for label, tokens in read.items():
            other = owner.setdefault(frozenset(tokens), label)
            if other != label:
                raise VerbalizerError(
                    f"To this model, “{label}” and “{other}” have the same words at every answer "
                    "slot, so it cannot tell them apart. Change one of them.",
                    label=label,
                    code="verbalizer.same_slots",
                    other=other,
                )

    def _refuse_slots(self) -> VerbalizerError:
        word = next(
            word
            for word, pieces in zip(self.verbalizer.all_words, self.pieces, strict=True)
            if len(pieces) > 1
        )
        return VerbalizerError(
            f"With several answer slots, “{word}” cannot be scored exactly, for it has several "
            "tokens. Write an answer slot for each of them, or score words by their first token "
            "or by their mean.",
            code="verbalizer.exact_slots",
            word=word,
        )
