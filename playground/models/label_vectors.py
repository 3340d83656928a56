"""A soft verbalizer: for each label a trained vector, in the place of words' output embeddings.

Hambardzumyan et al. 2021, "WARP: Word-level Adversarial ReProgramming", section 3,
https://arxiv.org/abs/2101.00121.
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from playground.models.encoded import Encoded
from playground.models.label_head import LabelHead
from playground.models.language_model import LanguageModel
from playground.prompts import Template, Verbalizer


class LabelVectors(LabelHead):
    """A label's score is its vector's product with what the model holds against its words.

    That is, at the first answer slot, the hidden state after the language-model head's transform,
    or a causal model's last hidden state. ``vectors`` (labels, features) are such rows as words
    have in the head's projection, ``bias`` (labels,) belongs to them where words have one.

    Starts at zero: see `of_words`. Raises ModelError where the family's head is not known.
    """

    kind = "vectors"

    def __init__(self, model: LanguageModel, template: Template, labels: int) -> None:
        super().__init__(template, labels)
        word, bias = model.output_embeddings(torch.zeros(1, dtype=torch.long, device=model.device))
        self.vectors = nn.Parameter(word.new_zeros(labels, word.shape[1]))
        self.bias = None if bias is None else nn.Parameter(bias.new_zeros(labels))

    @classmethod
    def of_words(cls, model: LanguageModel, template: Template, verbalizer: Verbalizer) -> Self:
        """Each vector at the mean of its label's words, weighted where the verbalizer weighs them.

        Scores as the mean of the words does, until it is trained. Raises VerbalizerError where the
        model cannot read the words.
        """
        head = cls(model, template, len(verbalizer.labels))
        if verbalizer.aggregation != "mean":
            policy = verbalizer.multi_token
            verbalizer = Verbalizer(verbalizer.to_labels(), multi_token=policy)
        reader = model.label_reader(template, verbalizer)
        rows, biases = model.output_embeddings(reader.token_ids)  # (tokens, features), (tokens,)
        with torch.no_grad():
            # scores are linear in the tokens' rows, so that the rows go where their logits would
            head.vectors.copy_(reader.label_scores(rows.T[:, None]).T)
            if head.bias is not None and biases is not None:
                head.bias.copy_(reader.label_scores(biases[None, None])[0])
        return head

    def batch_scores(
        self,
        model: LanguageModel,
        batch: Sequence[Encoded],
        *,
        soft_vectors: Tensor | None = None,
    ) -> Tensor:
        """As `LabelHead.batch_scores`, with gradients."""
        features = model.answer_features(batch, soft_vectors=soft_vectors)[:, 0]  # (B, features)
        return nn.functional.linear(features, self.vectors, self.bias)
