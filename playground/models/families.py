"""What differs between architectures, in one table.

A language-model head is a few small layers (the transform) and one large projection onto the
vocabulary. Knowing where the projection starts lets the engine compute it for the answer slots and
the label words alone. A family that is not in the table still works: its whole forward is run.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

Network = Any  # a transformers model: its sub-modules are known by family only


@dataclass(frozen=True)
class Family:
    """How to go from hidden states (…, hidden) to vocabulary logits (…, vocabulary).

    ``transform`` gives the features that the projection reads (…, features);
    ``projection`` gives the layer whose ``weight`` (vocabulary, features) and ``bias`` do the rest.
    ``like_bert`` says that the layers below are built as BERT's are (see `packed`).
    """

    transform: Callable[[Network, Tensor], Tensor]
    projection: Callable[[Network], Any]
    like_bert: bool = False


def first_position(network: Network) -> int:
    """The position of the first token: RoBERTa and kin number them from the padding id on."""
    embeddings = getattr(network.base_model, "embeddings", None)
    positions = getattr(embeddings, "position_embeddings", None)
    padding = getattr(positions, "padding_idx", None)
    return 0 if padding is None else int(padding) + 1


def _roberta_transform(network: Network, hidden: Tensor) -> Tensor:
    head = network.lm_head
    features: Tensor = head.layer_norm(nn.functional.gelu(head.dense(hidden)))
    return features


def _albert_transform(network: Network, hidden: Tensor) -> Tensor:
    head = network.predictions
    features: Tensor = head.LayerNorm(head.activation(head.dense(hidden)))
    return features


def _distilbert_transform(network: Network, hidden: Tensor) -> Tensor:
    raised = network.activation(network.vocab_transform(hidden))
    features: Tensor = network.vocab_layer_norm(raised)
    return features


_BERT = Family(
    lambda network, hidden: network.cls.predictions.transform(hidden),
    lambda network: network.cls.predictions.decoder,
    like_bert=True,
)
_ROBERTA = Family(_roberta_transform, lambda network: network.lm_head.decoder, like_bert=True)
_ALBERT = Family(_albert_transform, lambda network: network.predictions.decoder)
_DISTILBERT = Family(_distilbert_transform, lambda network: network.vocab_projector)
_ELECTRA = Family(
    lambda network, hidden: network.generator_predictions(hidden),
    lambda network: network.generator_lm_head,
    like_bert=True,
)
_MODERNBERT = Family(lambda network, hidden: network.head(hidden), lambda network: network.decoder)
_PLAIN_CAUSAL = Family(lambda network, hidden: hidden, lambda network: network.lm_head)

FAMILIES: dict[str, Family] = {
    "bert": _BERT,
    "deberta-v2": replace(_BERT, like_bert=False),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "albert": _ALBERT,
    "distilbert": _DISTILBERT,
    "electra": _ELECTRA,
    "modernbert": _MODERNBERT,
    "gpt2": _PLAIN_CAUSAL,
    "llama": _PLAIN_CAUSAL,
    "mistral": _PLAIN_CAUSAL,
    "qwen2": _PLAIN_CAUSAL,
    "qwen3": _PLAIN_CAUSAL,
}
