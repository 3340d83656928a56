"""Low-rank matrices beside the weights of a model's attention, through the library PEFT.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4,
https://arxiv.org/abs/2106.09685; https://github.com/huggingface/peft. The library is imported when
the first of these models is made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from playground.errors import ModelError
from playground.models.language_model import LanguageModel
from playground.models.network_view import view_of

# The modules that give queries and values (section 4.2 adapts attention alone, and section 7.1
# finds these two to do best), or the one that gives them together with the keys.
_TARGETS = {
    **dict.fromkeys(
        ("bert", "roberta", "xlm-roberta", "camembert", "albert", "electra"), ("query", "value")
    ),
    "deberta-v2": ("query_proj", "value_proj"),
    "distilbert": ("q_lin", "v_lin"),
    "modernbert": ("Wqkv",),
    "gpt2": ("c_attn",),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), ("q_proj", "v_proj")),
}


# What PEFT calls the only adapter of a network.
_NAME = "default"


def query_and_value(model: LanguageModel) -> tuple[str, ...]:
    """The names of the modules that give queries and values, the same in every layer.

    Those known here, or else to PEFT. Raises ModelError where neither knows the family.
    """
    kind = model.network.config.model_type
    if kind in _TARGETS:
        return _TARGETS[kind]
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

    if kind not in KNOWN:
        families = ", ".join(sorted({*_TARGETS, *KNOWN}))
        raise ModelError(
            f"{model.name} is a {kind} model, and which of its weights make queries and values is "
            f"not known here, so they cannot be given a LoRA. These can: {families}.",
            code="model.no_lora",
            model=model.name,
            type=kind,
            families=families,
        )
    return tuple(KNOWN[kind])


class LoraModel(LanguageModel):
    """A language model with the product of two thin matrices beside some weights; those are shared.

    A weight W answers as W + alpha / rank · B · A, with A (rank, in) and B (out, rank), both in
    float32. A starts at random, drawn from torch's generator, and B at zero, so that nothing has
    changed yet. ``targets`` names modules in full or by the end of their names; ``adapter`` holds
    the matrices, and the dropout before A, as modules to train. ``shape`` is what to make such a
    model with; ``transposed`` says that its weights are (in, out), as GPT-2's are.

    Raises ModelError where the targets are not given and the family is not known, or where they
    are the layer that gives the words their logits; ValueError where there are no such modules.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        rank: int,
        alpha: int,
        dropout: float = 0.0,
        targets: Sequence[str] | None = None,
    ) -> None:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.lora import LoraLayer
        from transformers.pytorch_utils import Conv1D

        network = view_of(model.network)
        self._base = model
        self.shape: dict[str, Any] = {
            "rank": rank,
            "alpha": alpha,
            "targets": list(query_and_value(model) if targets is None else targets),
        }
        self.transposed = any(isinstance(module, Conv1D) for module in network.modules())
        config = LoraConfig(
            r=rank,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules=self.shape["targets"],
            fan_in_fan_out=self.transposed,
        )
        inject_adapter_in_model(config, network)
        super().__init__(model.name, network, model.tokenizer, causal=model.kind == "causal")
        if self._family and isinstance(self._family.projection(network), LoraLayer):
            raise ModelError(
                "This LoRA stands beside the layer that gives the words their logits, which is "
                "read here row by row and without it. Take one of other layers.",
                code="model.lora_of_words",
            )
        self._matrices: dict[str, Any] = {}  # linear layers without bias
        dropouts: list[nn.Module] = []
        for name, layer in network.named_modules():
            if isinstance(layer, LoraLayer):
                self._matrices[f"{name}.lora_A"] = layer.lora_A[_NAME]
                self._matrices[f"{name}.lora_B"] = layer.lora_B[_NAME]
                dropouts.append(layer.lora_dropout[_NAME])
        self.adapter = nn.ModuleList([*self._matrices.values(), *dropouts]).float().eval()

    def matrices(self) -> dict[str, Tensor]:
        """A and B of every module, by its name and ``.lora_A.weight`` or ``.lora_B.weight``."""
        return {f"{name}.weight": linear.weight for name, linear in self._matrices.items()}

    def load(self, matrices: Mapping[str, Tensor]) -> None:
        """Takes on matrices as `matrices` gives them. Raises ValueError where they do not fit."""
        own = self.matrices()
        if {name: tensor.shape for name, tensor in own.items()} != {
            name: tensor.shape for name, tensor in matrices.items()
        }:
            raise ValueError("the matrices are of other modules, or of another form")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(matrices[name])

    def frozen_copy(self) -> "LoraModel":
        """The model as it is now; training goes on without it."""
        copy = LoraModel(self._base, **self.shape)
        copy.load(self.matrices())
        copy.adapter.requires_grad_(False)
        return copy
