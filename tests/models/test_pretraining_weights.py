"""What a network knows before its first step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from playground.models.pretraining.encoded import EncodedCorpus
from playground.models.pretraining.initial_weights import set_initial_weights
from playground.models.pretraining.networks import make_network
from playground.models.pretraining.preparation import TRAINING, VECTORS
from playground.models.pretraining.recipes.pocket_bert import RECIPE as POCKET_BERT
from playground.models.pretraining.recipes.pocket_gpt import RECIPE as POCKET_GPT
from playground.models.pretraining.tokenizer import load_tokenizer
from playground.models.pretraining.word_vectors import token_counts
from tests.pretraining import ANIMALS, MASKED, RECIPES, TOOLS


def started(recipe, tokenizer):
    """A network of a real recipe's shape, with random word vectors."""
    torch.manual_seed(0)
    vectors = torch.randn(2, recipe.vocabulary, recipe.width)
    frequencies = torch.full((recipe.vocabulary,), 1 / recipe.vocabulary)
    network = make_network(recipe, tokenizer)
    set_initial_weights(network, recipe, vectors, frequencies)
    return network.eval()


@pytest.mark.parametrize("recipe", [POCKET_BERT, POCKET_GPT], ids=lambda recipe: recipe.name)
def test_heads_look_at_their_neighbours(prepared, recipe):
    recipe = replace(recipe, vocabulary=300)
    network = started(recipe, load_tokenizer(prepared(recipe.kind)))
    ids = torch.randint(5, 300, (4, 40))
    with torch.no_grad():
        attentions = network.base_model(ids, output_attentions=True).attentions
    for layer, offsets in enumerate(recipe.neighbours):
        for head, offset in enumerate(offsets):
            looked = attentions[layer][:, head].mean(0)  # (length, length)
            shares = {at: float(looked.diagonal(at).mean()) for at in range(-6, 7)}
            assert max(shares, key=shares.__getitem__) == offset
            assert shares[offset] > (0.5 if layer == 0 else 0.3)


@pytest.mark.parametrize("recipe", [POCKET_BERT, POCKET_GPT], ids=lambda recipe: recipe.name)
def test_upper_layers_look_nearly_everywhere(prepared, recipe):
    recipe = replace(recipe, vocabulary=300)
    network = started(recipe, load_tokenizer(prepared(recipe.kind)))
    with torch.no_grad():
        attentions = network.base_model(
            torch.randint(5, 300, (4, 40)), output_attentions=True
        ).attentions
    for layer in attentions[recipe.layers // 2 :]:
        assert float(layer[:, :, -1].max()) < 3 / 40


@pytest.mark.parametrize("kind", RECIPES)
def test_word_vectors_tell_who_keeps_what_company(prepared, kind):
    folder = prepared(kind)
    tokenizer, vectors = load_tokenizer(folder), np.load(folder / VECTORS)
    space = "" if kind == "masked" else "Ġ"
    animals, tools = (
        vectors[0][[tokenizer.token_to_id(space + word) for word in words]]
        for words in (ANIMALS, TOOLS)
    )
    assert vectors.shape == (1 if kind == "masked" else 2, RECIPES[kind].vocabulary, MASKED.width)
    assert (animals @ animals.T).min() > (animals @ tools.T).max()


def test_word_vectors_are_of_unit_length_or_zero(prepared):
    lengths = np.linalg.norm(np.load(prepared("masked") / VECTORS)[0], axis=1)
    assert (np.isclose(lengths, 1, atol=1e-4) | (lengths == 0)).all()
    assert lengths[0] == 0  # padding is never seen


def test_frequencies_are_those_of_the_mix(prepared):
    folder = prepared("masked")
    tokenizer = load_tokenizer(folder)
    shares = token_counts(EncodedCorpus.open(folder / TRAINING), MASKED)
    assert shares.sum() == pytest.approx(1)
    assert shares.min() > 0
    wanted, lay = (shares[tokenizer.token_to_id(word)] for word in ("wanted", "lay"))
    assert wanted / lay == pytest.approx(2.0, rel=0.15)
