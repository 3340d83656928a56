"""Trained prompts as adapters of PEFT, https://github.com/huggingface/peft, and back.

An adapter is a folder with ``adapter_config.json`` and ``adapter_model.safetensors``, which holds
one tensor, ``prompt_embeddings``: of a soft prompt the vectors (tokens, embedding), of a prefix its
keys and values (positions, layers · 2 · heads · width); or those of a LoRA, see `peft_lora`.
`PeftModel.from_pretrained` loads it and answers as the prompt does here; what that library cannot
say is refused.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.errors import ModelError
from playground.methods.learner import without_soft_slots
from playground.methods.peft_lora import LORA, lora_adapter, read_lora
from playground.methods.prompt_tuning import with_soft_slots_in_front
from playground.models import Encoded, LanguageModel, LoraModel, PrefixedModel, PrefixShape
from playground.models.encoded import SPECIAL
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    from playground.methods.trained_prompt import TrainedPrompt

_CONFIG, _WEIGHTS, _CARD = "adapter_config.json", "adapter_model.safetensors", "README.md"
_TENSOR = "prompt_embeddings"
_PREFIX, _SOFT = "PREFIX_TUNING", ("P_TUNING", "PROMPT_TUNING")
# Those whose layers look into a cache of keys and values, which is how PEFT hands a prefix over;
# on others it is left out without a word.
PREFIX_FAMILIES = (
    *("bert", "roberta", "xlm-roberta", "camembert", "electra"),
    *("gpt2", "llama", "mistral", "qwen2", "qwen3"),
)


def check_expressible(prompt: "TrainedPrompt") -> None:
    """Raises ModelError for a prompt that PEFT cannot express.

    That is one with a head or weights of its own, without anything trained, with vectors that do
    not stand in front of all else, with texts of a second token type before which something is put,
    or with a prefix in a family where PEFT leaves it out.
    """
    model = prompt.model
    if prompt.head is not None:
        raise ModelError(
            "PEFT has no place for the head that this prompt's labels come from. Train one whose "
            "labels come from words, or save it in the playground's own format.",
            code="peft.head",
        )
    if prompt.tunes_model:
        raise ModelError(
            "A PEFT adapter leaves the language model as it is, and this training changed its "
            "weights. Save it in the playground's own format.",
            code="peft.tuned_model",
        )
    if isinstance(model, LoraModel):
        return
    example = _example(model, prompt.template)
    if example.types:
        raise ModelError(
            "The template's second text has a token type of its own, and PEFT gives all tokens "
            "the same. Leave out the [SEP], or save the prompt in the playground's own format.",
            code="peft.token_types",
        )
    if not isinstance(model, PrefixedModel):
        _leading(example, prompt.vectors)
    elif (kind := model.network.config.model_type) not in PREFIX_FAMILIES:
        raise ModelError(
            f"PEFT would leave a prefix out of {model.name} without a word: it knows no way into "
            f"the layers of a {kind} model. Save the prompt in the playground's own format.",
            code="peft.family",
            model=model.name,
            type=kind,
        )


def export_peft(prompt: "TrainedPrompt", folder: str | Path) -> Path:
    """Writes the adapter and a card that says how to use it into ``folder`` and returns it.

    Raises as `check_expressible` does.
    """
    check_expressible(prompt)
    model = prompt.model
    leading: tuple[int, ...] = ()
    if isinstance(model, LoraModel):
        tensors, config = lora_adapter(model)
    else:
        tensor, config, leading = _prompt(prompt)
        tensors = {_TENSOR: tensor.cpu().contiguous()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "base_model_name_or_path": model.name,
        "revision": None,
        "inference_mode": True,
        "modules_to_save": None,
        "auto_mapping": None,
        **config,
    }
    save_file(tensors, folder / _WEIGHTS)
    (folder / _CONFIG).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    before = config["num_virtual_tokens"] if config["peft_type"] in _SOFT else 0
    (folder / _CARD).write_text(_card(prompt, leading, before), encoding="utf-8")
    return folder


def load_peft(
    folder: str | Path, model: LanguageModel, template: Template, verbalizer: Verbalizer
) -> "TrainedPrompt":
    """A prompt of an adapter, which knows neither template nor words: ``folder`` as PEFT wrote it.

    A soft prompt's vectors stand in front of the template, in place of soft slots it may have; a
    prefix and a LoRA stand in the model's layers.
    Raises ModelError where there is no adapter of these kinds, where it does not fit the model, and
    where its vectors stand before the model's own first token, as PEFT puts them: a template here
    puts them behind it. (What `export_peft` wrote begins with that token, and can be read.)
    """
    from playground.methods.trained_prompt import TrainedPrompt

    config, tensors = _read(Path(folder))
    kind = config["peft_type"]
    plain = without_soft_slots(template)
    if kind == LORA:
        try:
            adapted = read_lora(Path(folder), config, tensors, model)
        except ValueError as error:
            raise _does_not_fit(folder, model) from error
        return TrainedPrompt("lora", adapted, plain, verbalizer, vectors=None)
    tensor = tensors[_TENSOR]
    if kind == _PREFIX:
        layers, heads, width = PrefixShape.of(model)
        if tensor.shape[1] != layers * 2 * heads * width:
            raise _does_not_fit(folder, model)
        prefix = tensor.unflatten(1, (layers, 2, heads, width)).permute(1, 2, 3, 0, 4)
        prefixed = PrefixedModel(model, prefix.contiguous().to(model.device))
        return TrainedPrompt("p-tuning-v2", prefixed, plain, verbalizer, vectors=None)
    if tensor.shape[1] != model.embedding_weight.shape[1]:
        raise _does_not_fit(folder, model)
    first = _example(model, with_soft_slots_in_front(plain, 1))
    leading = list(first.ids[: first.soft[0][0]])
    own = model.embedding_weight[leading].detach().float().cpu()
    if not torch.allclose(tensor[: len(leading)], own, atol=1e-6) or len(tensor) == len(leading):
        raise ModelError(
            f"The vectors in “{folder}” stand before the token that this model begins every text "
            "with, where no template can put them. Train the prompt here, or load a prefix.",
            code="peft.before_start",
            folder=str(folder),
        )
    vectors = tensor[len(leading) :].to(model.device)
    return TrainedPrompt(
        "p-tuning" if kind == "P_TUNING" else "prompt-tuning",
        model,
        with_soft_slots_in_front(plain, len(vectors)),
        verbalizer,
        vectors=vectors,
    )


# ---- writing -----------------------------------------------------------------------------------


def _prompt(prompt: "TrainedPrompt") -> tuple[Tensor, dict[str, Any], tuple[int, ...]]:
    """The tensor (positions, …), what says so, and the model's own tokens that it begins with."""
    model = prompt.model
    leading: tuple[int, ...] = ()
    if isinstance(model, PrefixedModel):
        tensor, own = _prefix(model)
    else:
        leading = _leading(_example(model, prompt.template), prompt.vectors)
        assert prompt.vectors is not None
        words = model.embedding_weight[list(leading)].detach().float()
        tensor = torch.cat([words, prompt.vectors.detach().float()])  # (tokens, embedding)
        own = _soft(prompt.method, tensor.shape[1])
    network = model.network.config
    config = {
        "task_type": "CAUSAL_LM" if model.kind == "causal" else "FEATURE_EXTRACTION",
        "num_virtual_tokens": len(tensor),
        "num_transformer_submodules": 1,
        "num_layers": network.num_hidden_layers,
        "num_attention_heads": network.num_attention_heads,
        **own,
    }
    return tensor, config, leading


def _prefix(model: PrefixedModel) -> tuple[Tensor, dict[str, Any]]:
    """The tensor (positions, layers · 2 · heads · width), and what says so."""
    shape = PrefixShape.of(model)
    rows = model.prefix.detach().float().permute(3, 0, 1, 2, 4).flatten(1)
    config = {
        "peft_type": _PREFIX,
        "token_dim": shape.heads * shape.width,
        "num_attention_heads": shape.heads,
        "prefix_projection": False,
        "encoder_hidden_size": model.network.config.hidden_size,
        "init_weights": None,
    }
    return rows, config


def _soft(method: str, width: int) -> dict[str, Any]:
    if method == "p-tuning":
        return {
            "peft_type": "P_TUNING",
            "token_dim": width,
            "encoder_reparameterization_type": "MLP",  # not used: its output is what is kept
            "encoder_hidden_size": width,
            "encoder_num_layers": 2,
            "encoder_dropout": 0.0,
        }
    return {
        "peft_type": "PROMPT_TUNING",
        "token_dim": width,
        "prompt_tuning_init": "RANDOM",  # replaced by what is kept
        "prompt_tuning_init_text": None,
        "tokenizer_name_or_path": None,
        "tokenizer_kwargs": None,
    }


def _leading(example: Encoded, vectors: Tensor | None) -> tuple[int, ...]:
    """The special tokens that stand before the vectors, which are all in front otherwise."""
    if vectors is None:
        raise ModelError(
            "This prompt has no trained vectors that a PEFT adapter could hold.",
            code="peft.nothing_trained",
        )
    first = example.soft[0][0]
    in_front = tuple((first + index, index) for index in range(len(vectors)))
    if example.soft != in_front or any(kind != SPECIAL for kind in example.kinds[:first]):
        raise ModelError(
            "PEFT puts its vectors in front of the text, each once, and in this template they "
            "stand elsewhere. Train with a template that begins with its soft slots, or save the "
            "prompt in the playground's own format.",
            code="peft.interleaved",
        )
    return example.ids[:first]


def _example(model: LanguageModel, template: Template) -> Encoded:
    [example] = model.encode(template, [dict.fromkeys(template.fields, "a")])
    return example


def _card(prompt: "TrainedPrompt", leading: tuple[int, ...], before: int) -> str:
    """How to use the adapter, which puts ``before`` vectors in front of a text."""
    auto = "AutoModelForCausalLM" if prompt.model.kind == "causal" else "AutoModelForMaskedLM"
    first = "".join(prompt.model.tokenizer.convert_ids_to_tokens(list(leading)))
    inputs = str(without_soft_slots(prompt.template))
    lines = [
        "---\nlibrary_name: peft\n---\n",
        f"# {prompt.method} for {prompt.model.name}\n",
        "```python",
        "from peft import PeftModel",
        f"from transformers import {auto}\n",
        f"base = {auto}.from_pretrained({prompt.model.name!r})",
        'model = PeftModel.from_pretrained(base, "this folder")',
        "```\n",
        f"Made for the template `{inputs}`, with these words for the labels:\n",
        f"```json\n{prompt.verbalizer.to_json()}\n```",
    ]
    if before:
        lines.append(
            f"\nThe logits of a token stand {before} places further on than the token does in the "
            "input, for so many vectors come before it."
        )
    if first:
        lines.append(
            f"\nThe first of the vectors are those of `{first}`, which the text then begins "
            "without: leave it out of the input."
        )
    return "\n".join(lines) + "\n"


# ---- reading -----------------------------------------------------------------------------------


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What an adapter's config says, and its tensors, in float32: of a prompt one alone."""
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        kind = str(config["peft_type"])
        if kind not in (_PREFIX, LORA, *_SOFT):
            raise ModelError(
                f"“{folder}” holds an adapter of the kind {kind}. Soft prompts (P_TUNING, "
                "PROMPT_TUNING), prefixes (PREFIX_TUNING) and LORA can be read here.",
                code="peft.kind",
                folder=str(folder),
                kind=kind,
            )
        tensors = {name: tensor.float() for name, tensor in load_file(folder / _WEIGHTS).items()}
        if kind != LORA:
            tensor = tensors[_TENSOR]
            if len(tensors) > 1 or tensor.dim() != 2 or not len(tensor):
                raise ValueError(f"more than one tensor, or of another form: {tuple(tensor.shape)}")
        return config, tensors
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"“{folder}” holds no PEFT adapter that can be read here ({error}).",
            code="peft.unreadable",
            folder=str(folder),
            reason=str(error),
        ) from error


def _does_not_fit(folder: str | Path, model: LanguageModel) -> ModelError:
    return ModelError(
        f"The adapter in “{folder}” was made for a model of another kind or size than "
        f"{model.name}.",
        code="peft.other_model",
        folder=str(folder),
        model=model.name,
    )
