"""Muon for the matrices within the layers, AdamW for all else.

Muon (Jordan et al. 2024) makes a step of equal size in every direction of a matrix, which trains
small models in fewer tokens; scaled as by Liu et al. 2025 (“Muon is scalable for LLM training”,
section 2.2), its learning rate is of AdamW's kind.
"""

import torch
from torch import nn

from playground.models.pretraining.networks import Network
from playground.models.pretraining.recipe import Recipe

Optimizers = dict[str, torch.optim.Optimizer]


def make_optimizers(network: Network, recipe: Recipe) -> Optimizers:
    """Both optimizers over all parameters, each with its full rate as ``full_rate``."""
    tables = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    } | {id(network.get_output_embeddings().weight)}
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in network.parameters():
        within = parameter.ndim == 2 and id(parameter) not in tables
        (matrices if within else others).append(parameter)
    muon = torch.optim.Muon(
        matrices,
        lr=recipe.matrix_rate,
        weight_decay=recipe.weight_decay,
        momentum=0.95,
        adjust_lr_fn="match_rms_adamw",
    )
    adamw = torch.optim.AdamW(
        others,
        lr=recipe.vector_rate,
        betas=(0.9, 0.98),
        eps=1e-8,
        weight_decay=0.0,
        fused=True,
    )
    for optimizer in (muon, adamw):
        for group in optimizer.param_groups:
            group["full_rate"] = group["lr"]
    return {"muon": muon, "adamw": adamw}


def set_rate(optimizers: Optimizers, factor: float) -> None:
    """Sets every learning rate to its full value times ``factor``."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["full_rate"] * factor
