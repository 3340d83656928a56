"""From a checkpoint to a model folder that plain transformers loads, and back to its weights."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_model
from tokenizers import Tokenizer
from transformers import utils

from playground.errors import ModelError
from playground.models.pretraining.checkpoint import NEWEST, read_checkpoint
from playground.models.pretraining.networks import Network, make_network
from playground.models.pretraining.recipe import Recipe
from playground.models.pretraining.tokenizer import FILE, load_tokenizer, special_names

PRECISION = torch.float16  # finer than bfloat16, and the weights stay far within its range


def export(recipe: Recipe, folder: Path, target: Path, *, checkpoint: str = NEWEST) -> None:
    """Writes the model trained in ``folder`` to ``target``: config, weights in 16 bit, tokenizer.

    Raises ModelError where there is no such checkpoint, or where a weight does not fit 16 bits.
    """
    tokenizer = load_tokenizer(folder)
    network = make_network(recipe, tokenizer)
    read_checkpoint(folder / checkpoint, network)
    _settle_token_types(network)
    network.to(PRECISION)
    if not all(torch.isfinite(weight).all() for weight in network.state_dict().values()):
        raise ModelError(
            f"{recipe.name} has weights that 16 bits cannot hold: its training went astray.",
            code="pretraining.overflow",
            model=recipe.name,
        )
    target.mkdir(parents=True, exist_ok=True)
    logging: Any = utils.logging
    logging.disable_progress_bar()
    network.save_pretrained(target)
    tokenizer.save(str(target / "tokenizer.json"))
    described = {
        **special_names(tokenizer),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": recipe.positions,
    }
    text = json.dumps(described, indent=2) + "\n"
    (target / "tokenizer_config.json").write_text(text, encoding="utf-8")
    generation = target / "generation_config.json"
    if generation.exists():  # of defaults only
        os.remove(generation)


def read_weights(origin: Path, network: Network, tokenizer: Tokenizer) -> None:
    """Puts the weights of an exported model into a network, to train it further.

    Raises ModelError where ``origin`` is no such model, or one of other tokens.
    """
    try:
        if Tokenizer.from_file(str(origin / FILE)).get_vocab() != tokenizer.get_vocab():
            raise ValueError("it was made for other tokens than the prepared text's")
        load_model(network, origin / "model.safetensors")
    except Exception as error:  # the tokenizers library raises no other for a missing file
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"The training cannot begin with the model in {origin} ({reason}). Give a folder "
            "written by “export” for the same recipe and text.",
            code="pretraining.bad_origin",
            folder=str(origin),
            reason=reason,
        ) from error


def _settle_token_types(network: torch.nn.Module) -> None:
    """Has a second text read like the first: rows have one text, so its type was never trained."""
    for name, weight in network.named_parameters():
        if name.endswith("token_type_embeddings.weight"):
            weight.data[1:] = weight.data[0]
