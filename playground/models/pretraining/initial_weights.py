"""Weights to start from: word vectors of the corpus, heads that look at neighbours, open paths.

A small network spends most of a short training on finding out that words have company, that
positions have neighbours, and that layers may pass on what they read. Here it starts with that,
and stays an ordinary BERT or Llama. Called on a freshly made network.
"""

import math

import torch
from torch import Tensor, nn

from playground.models.pretraining.networks import ROTARY_BASE, Network
from playground.models.pretraining.recipe import Recipe

# By how much a head's logit for its neighbour exceeds that for the words beside it.
SHARPNESS = 3.0
POSITION_SHARE = 0.7  # length of the position vectors, where word vectors have 1
CONSTANT = 0.5  # the entry that all of a causal model's words share, likewise
CONTINUATION = 0.5  # length of the vectors of words as what follows
CONTEXT_SHARE = 0.5  # of the context's average that an upper layer adds to a word


@torch.no_grad()
def set_initial_weights(
    network: Network, recipe: Recipe, vectors: Tensor, frequencies: Tensor
) -> None:
    """Puts the starting weights in place.

    ``vectors`` is (tables, vocabulary, width), the largest dimensions first: one table of words
    for a masked model, of words as context and of words as continuation for a causal one.
    ``frequencies`` (vocabulary,) are the tokens' shares of the text.
    """
    if recipe.kind == "masked":
        _start_bert(network, recipe, vectors[0], frequencies)
    else:
        _start_llama(network, recipe, vectors[0], vectors[1], frequencies)


# ---- masked ------------------------------------------------------------------------------------


def _start_bert(network: Network, recipe: Recipe, vectors: Tensor, frequencies: Tensor) -> None:
    size = recipe.width // recipe.heads  # of a head, and of the part that holds positions
    words = recipe.width - size
    embeddings = network.bert.embeddings
    embeddings.word_embeddings.weight.copy_(_shortened(vectors, words))
    embeddings.token_type_embeddings.weight.zero_()
    speeds = torch.exp(torch.linspace(math.log(1.5), math.log(0.02), size // 2))
    angles = torch.arange(recipe.positions)[:, None] * speeds  # (positions, size / 2)
    waves = torch.cat([angles.cos(), angles.sin()], 1) * POSITION_SHARE / math.sqrt(size // 2)
    embeddings.position_embeddings.weight.zero_()
    embeddings.position_embeddings.weight[:, words:] = waves
    # squared length of the positions after the normalisation that follows
    power = recipe.width * POSITION_SHARE**2 / (1 + POSITION_SHARE**2)
    scale = _sharpening(speeds, power, size)
    for number, layer in enumerate(network.bert.encoder.layer):
        attention = layer.attention
        query, key = attention.self.query.weight, attention.self.key.weight
        value, output = attention.self.value.weight, attention.output.dense.weight
        if number >= recipe.layers // 2:
            _open_path(query, key, value, output, words)
            continue
        for weight in (value, output):
            nn.init.normal_(weight, std=recipe.width**-0.5)
        for head, offset in enumerate(_offsets(recipe, number)):
            rows = slice(head * size, (head + 1) * size)
            query[rows, words:] = scale * torch.eye(size)
            key[rows, words:] = scale * _rotation(speeds * offset)
    predictions = network.cls.predictions
    predictions.transform.dense.weight.add_(torch.eye(recipe.width))
    predictions.bias.copy_(frequencies.log())


def _rotation(angles: Tensor) -> Tensor:
    """Turns (cos x, sin x) into (cos (x - angle), sin (x - angle)): (size, size)."""
    cosine, sine = angles.cos().diag(), angles.sin().diag()
    return torch.cat([torch.cat([cosine, sine], 1), torch.cat([-sine, cosine], 1)])


# ---- causal ------------------------------------------------------------------------------------


def _start_llama(
    network: Network, recipe: Recipe, contexts: Tensor, continuations: Tensor, frequencies: Tensor
) -> None:
    words = recipe.width - 1
    embedding, output_words = network.model.embed_tokens.weight, network.lm_head.weight
    embedding.copy_(_shortened(contexts, words))
    embedding[:, words] = CONSTANT
    # the shared entry after the normalisation: with it a query can be the same for every word,
    # and the output can know the words' frequencies, though no layer of a Llama has a bias
    constant = math.sqrt(recipe.width) * CONSTANT / math.sqrt(1 + CONSTANT**2)
    output_words.copy_(CONTINUATION * _shortened(continuations, words))
    output_words[:, words] = (frequencies.log() - frequencies.log().mean()) / constant
    size = recipe.width // recipe.heads
    speeds = ROTARY_BASE ** (-torch.arange(size // 2) * 2 / size)
    scale = _sharpening(speeds, constant**2 * (size // 2), size)
    for number, layer in enumerate(network.model.layers):
        attention = layer.self_attn
        query, key = attention.q_proj.weight, attention.k_proj.weight
        value, output = attention.v_proj.weight, attention.o_proj.weight
        # what a layer adds is large beside the words, unless it begins with nothing
        output.zero_()
        layer.mlp.down_proj.weight.zero_()
        if number >= recipe.layers // 2:
            _open_path(query, key, value, output, words)
            output.mul_(CONSTANT / constant)  # as the normalisation before it enlarged the words
            continue
        for head, offset in enumerate(_offsets(recipe, number)):
            rows = slice(head * size, (head + 1) * size)
            angles = -speeds * offset
            query[rows, words] = scale * torch.cat([torch.ones(size // 2), torch.zeros(size // 2)])
            key[rows, words] = scale * torch.cat([angles.cos(), angles.sin()])


# ---- both --------------------------------------------------------------------------------------


def _shortened(vectors: Tensor, dimensions: int) -> Tensor:
    """Unit vectors of the first ``dimensions``, zero in the others."""
    kept = vectors.clone()
    kept[:, dimensions:] = 0
    return nn.functional.normalize(kept, dim=1)


def _sharpening(speeds: Tensor, power: float, size: int) -> float:
    """The factor for query and key that makes a head prefer its neighbour by `SHARPNESS`.

    ``power`` is the squared length of what they read, ``size`` a head's.
    """
    falloff = float((1 - speeds.cos()).mean())  # of the match, one position off
    return math.sqrt(SHARPNESS * math.sqrt(size) / (power * falloff))


def _offsets(recipe: Recipe, layer: int) -> tuple[int, ...]:
    return recipe.neighbours[layer] if layer < len(recipe.neighbours) else ()


def _open_path(query: Tensor, key: Tensor, value: Tensor, output: Tensor, words: int) -> None:
    """Attends nearly evenly and passes on the average of the words: a model of topics."""
    query.mul_(0.3)
    key.mul_(0.3)
    passing = torch.eye(len(value))
    passing[words:] = 0
    value.add_(passing)
    output.add_(CONTEXT_SHARE * passing)
