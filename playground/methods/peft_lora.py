"""What is in a PEFT adapter that is a LoRA, and back: see `playground.methods.peft_adapter`.

For every module that it stands beside it holds two tensors under the module's name: A (rank, in)
and B (out, rank).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from playground.errors import ModelError
from playground.models import LanguageModel, LoraModel

LORA = "LORA"
_BEFORE = "base_model.model."  # in the names of tensors, the way from PEFT's model to ours
# What a config may say of a LoRA that is its matrices of one rank, and nothing else.
_PLAIN = (
    *("peft_type", "peft_version", "task_type", "auto_mapping", "inference_mode", "revision"),
    *("base_model_name_or_path", "r", "lora_alpha", "lora_dropout", "fan_in_fan_out"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("megatron_core", "qalora_group_size"),  # always there, for what is not
)
_PLAIN_VALUES: dict[str, tuple[object, ...]] = {
    "bias": ("none",),
    # other starts take part of the model's own weights into the matrices
    "init_lora_weights": (True, "gaussian", "orthogonal"),
}


def lora_adapter(model: LoraModel) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors by their names there, and what of the config is a LoRA's own."""
    tensors = {
        _BEFORE + name: tensor.detach().float().cpu().contiguous()
        for name, tensor in model.matrices().items()
    }
    config = {
        "peft_type": LORA,
        "task_type": "CAUSAL_LM" if model.kind == "causal" else None,
        "r": model.shape["rank"],
        "lora_alpha": model.shape["alpha"],
        "lora_dropout": 0.0,  # which is for training alone
        "target_modules": model.shape["targets"],
        "fan_in_fan_out": model.transposed,
        "bias": "none",
    }
    return tensors, config


def read_lora(
    folder: Path, config: Mapping[str, Any], tensors: Mapping[str, Tensor], model: LanguageModel
) -> LoraModel:
    """The model with the adapter's matrices.

    Raises ModelError for an adapter that is more than matrices of one rank, and ValueError where
    they do not fit the model.
    """
    more = [
        name
        for name, value in config.items()
        if value and name not in _PLAIN and value not in _PLAIN_VALUES.get(name, ())
    ]
    matrices = {name.removeprefix(_BEFORE): tensor for name, tensor in tensors.items()}
    more += [name for name in matrices if not name.endswith((".lora_A.weight", ".lora_B.weight"))]
    if more:
        raise ModelError(
            f"The LoRA in “{folder}” is more than its matrices ({', '.join(more)}), and they alone "
            "can be read here.",
            code="peft.lora_parts",
            folder=str(folder),
            parts=", ".join(more),
        )
    targets = sorted({name.rpartition(".lora_")[0] for name in matrices})
    adapted = LoraModel(
        model,
        rank=int(config.get("r") or 0),
        alpha=int(config.get("lora_alpha") or 0),
        targets=targets,
    )
    adapted.load(matrices)
    adapted.adapter.requires_grad_(False)
    return adapted
