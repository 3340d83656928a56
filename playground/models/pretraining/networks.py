"""Untrained networks of the recipes' shapes: ordinary transformers architectures.

BERT (Devlin et al. 2019) for masked models, Llama (Touvron et al. 2023) for causal ones.
"""

from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM

from playground.models.pretraining.recipe import Recipe
from playground.models.pretraining.tokenizer import special_names

Network = Any  # BertForMaskedLM or LlamaForCausalLM

# Positions turn by wave lengths up to this many times 2π tokens; ours are few.
ROTARY_BASE = 1000.0


def make_network(recipe: Recipe, tokenizer: Tokenizer) -> Network:
    """A network with random weights, the same for the same recipe."""
    torch.manual_seed(recipe.seed)
    config = _bert(recipe) if recipe.kind == "masked" else _llama(recipe)
    for role in ("pad", "bos", "eos"):
        token = special_names(tokenizer).get(f"{role}_token")
        setattr(config, f"{role}_token_id", token and tokenizer.token_to_id(token))
    # on a processor, plain attention trains faster than the fused one at these lengths
    config._attn_implementation = "sdpa" if torch.cuda.is_available() else "eager"
    architecture: Any = BertForMaskedLM if recipe.kind == "masked" else LlamaForCausalLM
    return architecture(config)


def answer_logits(
    network: Network, ids: Tensor, attention: Tensor | None, places: Tensor
) -> Tensor:
    """Logits at ``places`` of the flattened rows only: (places, vocabulary)."""
    features = network.base_model(ids, attention_mask=attention).last_hidden_state
    chosen = features.flatten(0, 1)[places]  # (places, width)
    logits: Tensor = network.cls(chosen) if hasattr(network, "cls") else network.lm_head(chosen)
    return logits


def _bert(recipe: Recipe) -> BertConfig:
    return BertConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        intermediate_size=recipe.feed_forward,
        max_position_embeddings=recipe.positions,
        # a text is seen once or twice at most, so there is nothing to regularise
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def _llama(recipe: Recipe) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=recipe.vocabulary,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        intermediate_size=recipe.feed_forward,
        max_position_embeddings=recipe.positions,
        rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE},
        # what a word is followed by differs from what it is like
        tie_word_embeddings=False,
    )
