"""Widening a verbalizer: more words for each label, found near its own, for a person to pick from.

Hu et al. 2022, "Knowledgeable Prompt-tuning" (KPT), https://arxiv.org/abs/2108.02035, simplified:
they take words from knowledge bases and drop those of low prior, which the model hardly ever puts
at the slot. Here the words are neighbours in the model's own embedding.
"""

from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from playground.errors import DataError, VerbalizerError
from playground.methods.zero_shot import Rows, iterate
from playground.models import LabelReader, LanguageModel
from playground.prompts import Template, Verbalizer


def nearby_words(
    model: LanguageModel,
    template: Template,
    verbalizer: Verbalizer,
    rows: Rows,
    *,
    count: int = 20,
    share: float = 0.5,
    soft_vectors: Tensor | None = None,
) -> pd.DataFrame:
    """Up to ``count`` words for each label, and which of them the prior speaks for.

    Columns: label, word, similarity (cosine to the nearest of the label's words), prior (mean
    probability at the answer slot over ``rows``, whose labels are not looked at) and kept: whether
    it is in the ``share`` of its label's candidates with the highest prior. A word that is near to
    several labels goes to the nearest. Strike out what does not fit, and give the rest to
    `widened`.

    Raises VerbalizerError for a verbalizer of several slots or one that the model cannot use,
    DataError without rows, TemplateError where the template cannot be filled in.
    """
    if verbalizer.slots > 1:
        raise VerbalizerError(
            "Only a verbalizer for one answer slot can be widened.", code="verbalizer.widen_slots"
        )
    if not len(rows):
        raise DataError("There are no texts to weigh the words on.", code="data.no_texts")
    reader = model.label_reader(template, verbalizer)
    found = pd.DataFrame(
        [
            {"label": label, "word": model.token_text(token), "token": token, "similarity": near}
            for label, similarity in zip(verbalizer.labels, _similarities(reader), strict=True)
            for token, near in _nearest_words(reader, similarity, count)
        ],
        columns=["label", "word", "token", "similarity"],
    )
    priors = _priors(reader, rows, soft_vectors)
    found["prior"] = priors[torch.tensor(found.pop("token").tolist(), dtype=torch.long)].tolist()
    of_label = found.groupby("label")["prior"]
    rank = of_label.rank(ascending=False, method="first")
    found["kept"] = rank <= share * of_label.transform("size")
    return found


def widened(verbalizer: Verbalizer, candidates: pd.DataFrame) -> Verbalizer:
    """The verbalizer with the ``kept`` of the words that `nearby_words` found."""
    kept = candidates[candidates["kept"].astype(bool)]
    return verbalizer.with_labels(
        {
            label: [*words, *kept.loc[kept["label"] == label, "word"]]
            for label, words in verbalizer.words.items()
        }
    )


def _similarities(reader: LabelReader) -> Tensor:
    """Cosine of every token to the nearest word of each label: (labels, vocabulary).

    It is -1 but for the one label that the token is nearest to.
    """
    model, verbalizer = reader.model, reader.verbalizer
    words = [model.embedding_weight[list(pieces)].float().mean(0) for pieces in reader.pieces]
    to_words = model.cosine_similarity(torch.stack(words))  # (words, vocabulary)
    to_labels = torch.stack([to_words[list(group)].amax(0) for group in verbalizer.groups])
    nearest = to_labels == to_labels.amax(0)
    return to_labels.where(nearest, -1).cpu()


def _nearest_words(
    reader: LabelReader, similarity: Tensor, count: int
) -> Iterator[tuple[int, float]]:
    """The tokens nearest to one label (vocabulary,) that are whole words, and new ones."""
    model = reader.model
    after_space = model.encoder.answer_after_space(reader.template)
    known = {pieces[0] for pieces in reader.pieces if len(pieces) == 1}
    found = 0
    for token in similarity.argsort(descending=True).tolist():
        if found == count or float(similarity[token]) == -1:
            return
        word = model.token_text(token)
        if token in known or not word.isalpha():
            continue
        if model.encoder.word_ids(word, after_space=after_space) == [token]:
            found += 1
            yield token, float(similarity[token])


def _priors(reader: LabelReader, rows: Rows, soft_vectors: Tensor | None) -> Tensor:
    """Mean probability of every token at the first answer slot: (vocabulary,)."""
    model = reader.model
    encoded = model.encode(reader.template, list(iterate(rows)))
    total = torch.zeros(model.embedding_weight.shape[0], device=model.device)
    for _, logits in model.score(encoded, None, soft_vectors=soft_vectors):
        total += logits[:, 0].softmax(-1).sum(0)
    return total / len(encoded)
