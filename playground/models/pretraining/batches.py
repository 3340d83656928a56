"""Training batches, each a function of its number alone: a resumed training draws the same ones."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.recipe import Recipe, Rows
from playground.models.pretraining.tokenizer import END, END_OF_TEXT, MASK, PAD, START, token_id
from playground.models.pretraining.word_vectors import token_counts

Ids = NDArray[np.int64]

# Multiples of the golden ratio visit every part of a source equally often (Weyl 1916).
_GOLDEN = (5**0.5 - 1) / 2
# Batches whose rows are drawn together and sorted by length, so that little is padding.
_GROUP = 8
# Words more frequent than this share of the text are masked less than others.
_COMMON = 1e-3


@dataclass(frozen=True)
class Batch:
    """What the network reads and what it is asked.

    ``ids`` (rows, length); ``attention`` the same, or None where nothing is padding; ``places``
    (answers,) are positions in the flattened rows and ``answers`` (answers,) the tokens there.
    """

    ids: Tensor
    attention: Tensor | None
    places: Tensor
    answers: Tensor
    tokens: int

    def to(self, device: torch.device) -> "Batch":
        attention = None if self.attention is None else self.attention.to(device)
        places, answers = self.places.to(device), self.answers.to(device)
        return Batch(self.ids.to(device), attention, places, answers, self.tokens)


class Batches:
    """Draws rows from a corpus as the recipe says, and masks them or shifts them by one."""

    def __init__(self, corpus: EncodedCorpus, recipe: Recipe, tokenizer: Tokenizer) -> None:
        self._recipe = recipe
        self._corpus = corpus
        self._masked = recipe.kind == "masked"
        if self._masked:
            self._start, self._end = token_id(tokenizer, START), token_id(tokenizer, END)
            self._mask, self._padding = token_id(tokenizer, MASK), token_id(tokenizer, PAD)
            self._rarity = np.sqrt(_COMMON / token_counts(corpus, recipe))
        else:
            self._start = token_id(tokenizer, END_OF_TEXT)
        sources = [source for source in corpus.sources if source.end > source.first]
        self._first = np.array([source.first for source in sources])
        self._size = np.array([source.end - source.first for source in sources])
        shares = {
            late: np.array([recipe.shares(late=late)[source.name] for source in sources])
            for late in (False, True)
        }
        self._shares = {late: of_mix / of_mix.sum() for late, of_mix in shares.items()}
        rows = np.array([rows.share for rows in recipe.rows])
        self._row_shares = rows / rows.sum()
        self._group, self._parts = (-1, False), list[tuple[Ids, Ids]]()

    def batch(self, number: int, *, decayed: float = 0.0) -> Batch:
        """The batch of that number. ``decayed`` is how far the training's end has come, 0 to 1."""
        late = decayed > 0
        if not self._masked:
            (rows,) = self._recipe.rows
            count = self._recipe.batch_tokens // rows.length
            return self._next_words(self._sentences(number, count, late), rows)
        group, part = divmod(number, _GROUP)
        if (group, late) != self._group:
            self._group, self._parts = (group, late), self._stretches_of(group, late)
        starts, ends = self._parts[part % len(self._parts)]
        return self._hidden_words(self._with_ends(starts, ends), number, decayed)

    def _sentences(self, number: int, count: int, late: bool) -> Ids:
        """Where ``count`` rows begin, as numbers of sentences; ``number`` counts the calls."""
        chance = np.random.default_rng((self._recipe.seed, number))
        shares = self._shares[late]
        source = chance.choice(len(shares), count, p=shares)
        turn = (number * count + np.arange(count) + 1) * _GOLDEN % 1.0
        chosen: Ids = self._first[source] + (turn * self._size[source]).astype(np.int64)
        return chosen

    # ---- causal --------------------------------------------------------------------------------

    def _next_words(self, sentence: Ids, rows: Rows) -> Batch:
        """Text from a sentence's start on, across documents: each word is asked of those before."""
        start = self._corpus.sentences[sentence].astype(np.int64)
        start = np.minimum(start, max(0, len(self._corpus.tokens) - rows.length))
        at = start[:, None] + np.arange(rows.length)  # (rows, length)
        answers = self._corpus.tokens[np.minimum(at, len(self._corpus.tokens) - 1)].astype(np.int64)
        ids = np.concatenate([np.full((len(start), 1), self._start), answers[:, :-1]], axis=1)
        places = torch.arange(ids.size)
        flat = torch.from_numpy(answers.ravel())
        return Batch(torch.from_numpy(ids), None, places, flat, ids.size)

    # ---- masked --------------------------------------------------------------------------------

    def _stretches_of(self, group: int, late: bool) -> list[tuple[Ids, Ids]]:
        """Starts and ends of the rows of some batches, those of like length in one batch."""
        recipe = self._recipe
        chance = np.random.default_rng((recipe.seed, group, _GROUP))
        rows = recipe.rows[chance.choice(len(self._row_shares), p=self._row_shares)]
        count = _GROUP * recipe.batch_tokens // rows.length
        sentence = self._sentences(group, count, late)
        starts, ends = self._stretches(sentence, rows)
        order = np.argsort(ends - starts, kind="stable")
        sizes = np.cumsum((ends - starts)[order] + 2)
        cuts = np.searchsorted(sizes, sizes[-1] * np.arange(1, _GROUP) // _GROUP)
        parts = [(starts[rows_of], ends[rows_of]) for rows_of in np.split(order, cuts)]
        return [parts[at] for at in chance.permutation(_GROUP) if len(parts[at][0])]

    def _with_ends(self, starts: Ids, ends: Ids) -> Ids:
        """[CLS] text [SEP] in each row, padded: (rows, longest)."""
        longest = int((ends - starts).max()) + 2
        ids = np.full((len(starts), longest), self._padding)
        ids[:, 0] = self._start
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            ids[row, 1 : end - start + 1] = self._corpus.tokens[start:end]
            ids[row, end - start + 1] = self._end
        return ids

    def _stretches(self, sentence: Ids, rows: Rows) -> tuple[Ids, Ids]:
        """First and last token (exclusive) of each row's text, within one document: (rows,)."""
        corpus, room = self._corpus, rows.length - 2
        start = corpus.sentences[sentence].astype(np.int64)
        document = np.searchsorted(corpus.documents, start, side="right") - 1
        opening, closing = (corpus.documents[document + i].astype(np.int64) for i in (0, 1))
        if not rows.whole_sentences:
            # near the end of a document begin earlier, rather than padding
            late = np.searchsorted(corpus.sentences, np.maximum(closing - room, 0))
            start = np.maximum(opening, np.minimum(start, corpus.sentences[late].astype(np.int64)))
            return start, np.minimum(start + room, closing)
        reach = np.minimum(start + room, closing)
        last = np.searchsorted(corpus.sentences, reach, side="right") - 1
        end = corpus.sentences[last].astype(np.int64)
        return start, np.where(end > start, end, reach)  # a longer sentence is cut

    def _hidden_words(self, ids: Ids, number: int, decayed: float) -> Batch:
        """Replaces words by [MASK], frequent ones less often, and asks for them."""
        recipe = self._recipe
        chance = np.random.default_rng((recipe.seed, number))
        rate = recipe.mask_rate + (recipe.final_mask_rate - recipe.mask_rate) * decayed
        floor = recipe.common_word_floor + (1 - recipe.common_word_floor) * decayed
        used = ids != self._padding
        words = np.flatnonzero((used & (ids != self._start) & (ids != self._end)).ravel())
        weights = self._rarity[ids.ravel()[words]].clip(floor, 1.0)
        # the first to ring of clocks with these rates: a weighted draw without replacement
        rings = chance.exponential(size=len(words)) / weights
        count = max(1, round(rate * len(words)))
        places = np.sort(words[np.argpartition(rings, count - 1)[:count]])
        answers = ids.ravel()[places]
        hidden = ids.copy()
        hidden.ravel()[places] = self._mask
        attention = None if used.all() else torch.from_numpy(used.astype(np.int64))
        tokens = int(used.sum())
        inputs, at, asked = map(torch.from_numpy, (hidden, places, answers))
        return Batch(inputs, attention, at, asked, tokens)
