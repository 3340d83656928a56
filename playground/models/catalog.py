"""How a name becomes a model: built-in, local folder, or Hugging Face id."""

import contextlib
import copy
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from playground.errors import ModelError
from playground.models.built_in import FOLDER, built_in_models
from playground.models.encoded import Encoded
from playground.models.language_model import LanguageModel

# Largest change of a probability at the slot that computing in bfloat16 may bring.
PARITY = 0.02

PRECISIONS = ("auto", "float32", "bfloat16")


def load_model(name: str, *, device: str = "auto", precision: str = "auto") -> LanguageModel:
    """Loads a built-in model, a local folder or a Hugging Face id, as masked or causal LM.

    ``device`` is ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``; ``precision`` is ``"auto"``
    (bfloat16 where the processor has it and the answers stay the same), ``"float32"`` or
    ``"bfloat16"``. Only safetensors are read and no code that comes with a model is run.
    Raises ModelError with a sentence that says what is missing.
    """
    if device == "auto":
        device = _best_device()
    _check(device, precision)
    source = _source(name)
    try:
        read = _read if os.path.isdir(source) else _read_from_hub
        network, tokenizer, causal = read(name, source, device)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise _explain(name, error) from error
    network = network.to(device).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    model = LanguageModel(name, network, tokenizer, causal=causal)
    if precision == "bfloat16":
        network.to(torch.bfloat16)
    elif precision == "auto" and _has_bfloat16(device):
        _use_bfloat16_if_equal(model)
    return model


def _check(device: str, precision: str) -> None:
    if precision not in PRECISIONS:
        raise ModelError(
            f"There is no precision “{precision}”. There are: {', '.join(PRECISIONS)}.",
            code="model.no_precision",
            precision=precision,
            precisions=", ".join(PRECISIONS),
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"This computer has no device “{device}” that can be used. Leave the choice to “auto”.",
            code="model.no_device",
            device=device,
        ) from error


def _source(name: str) -> str:
    """Where to read the model from: a built-in folder, a folder of the person's, or the hub."""
    if not name.strip():
        raise ModelError("No model was named.", code="model.no_name")
    if name in built_in_models():
        return str(FOLDER / name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"The folder “{name}” holds no config.json, so it is not a saved model.",
                code="model.no_config",
                model=name,
            )
        return str(folder)
    if name.startswith((".", "/", "~", "\\")) or name.count("/") > 1:
        raise ModelError(f"There is no folder “{name}”.", code="model.no_folder", model=name)
    return name


def _read_from_hub(name: str, source: str, device: str) -> tuple[Any, Any, bool]:
    from playground.models.hub import check_reachable, is_cached

    if is_cached(name):
        with contextlib.suppress(OSError):  # only a part of it may be here
            return _read(name, source, device, here_only=True)
    check_reachable(name)
    return _read(name, source, device)


def _read(name: str, source: str, device: str, *, here_only: bool = False) -> tuple[Any, Any, bool]:
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoTokenizer,
        utils,
    )

    config = AutoConfig.from_pretrained(source, trust_remote_code=False, local_files_only=here_only)
    named = " ".join(getattr(config, "architectures", None) or ())
    masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING
    causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    if not masked and not causal:
        raise ModelError(
            f"“{name}” is a {config.model_type} model, which can neither fill in a blank nor "
            "continue a text. The playground needs a masked or a causal language model.",
            code="model.wrong_kind",
            model=name,
            type=config.model_type,
        )
    if masked and causal:  # BERT, RoBERTa and others have both heads: the checkpoint decides
        masked = "CausalLM" not in named and "LMHeadModel" not in named
    auto: Any = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    logging: Any = utils.logging
    logging.disable_progress_bar()  # of reading weights; a download still shows its own
    network, report = auto.from_pretrained(
        source,
        output_loading_info=True,
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=here_only,
        # on a processor plain attention is the faster of the two at prompt lengths
        attn_implementation="eager" if device == "cpu" else None,
    )
    if report["missing_keys"]:  # transformers would go on with random numbers in their place
        missing = min(report["missing_keys"])
        raise ModelError(
            f"“{name}” lacks weights that a language model needs ({missing}): it was saved for "
            "another task, without the head that predicts words. Pick a checkpoint of a masked or "
            "a causal language model.",
            code="model.no_head",
            model=name,
            missing=missing,
        )
    tokenizer = AutoTokenizer.from_pretrained(
        source, trust_remote_code=False, local_files_only=here_only
    )
    if len(tokenizer) <= len(tokenizer.all_special_ids):  # made up, for want of its files
        raise ModelError(
            f"“{name}” comes without a tokenizer (tokenizer.json), so no text can be read with it.",
            code="model.no_tokenizer",
            model=name,
        )
    return network, tokenizer, not masked


def _explain(name: str, error: Exception) -> ModelError:
    reason = str(error)
    if "safetensors" in reason:
        return ModelError(
            f"“{name}” has no weights in the safetensors format, the only one read here "
            "(the older format can carry code).",
            code="model.no_safetensors",
            model=name,
        )
    if "trust_remote_code" in reason or "custom code" in reason:
        return ModelError(
            f"“{name}” needs code of its own to run, and code that comes with a model is never "
            "run here.",
            code="model.remote_code",
            model=name,
        )
    first_line = reason.partition("\n")[0]
    return ModelError(
        f"The model in “{name}” could not be read: {first_line}",
        code="model.unreadable",
        model=name,
        reason=first_line,
    )


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _has_bfloat16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _cpu_multiplies_bfloat16()
    return False


def _cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has bfloat16 products of its own; emulated ones are slower."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _use_bfloat16_if_equal(model: LanguageModel) -> None:
    """Replaces the network by its bfloat16 copy, unless that changes the answers."""
    exact, rounded = model.network, copy.deepcopy(model.network).to(torch.bfloat16)
    probe = _probe(model)
    with torch.inference_mode():
        before = model.answer_logits(probe).softmax(-1)
        model.network = rounded
        after = model.answer_logits(probe).softmax(-1)
    if not float((before - after).abs().max()) <= PARITY:  # also where it is not a number
        model.network = exact


def _probe(model: LanguageModel) -> list[Encoded]:
    """Pseudo-random token sequences with an answer slot each, the same at every load."""
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.embedding_weight.shape[0]
    probe = []
    for length in (min(length, model.max_length) for length in (6, 12, 24)):
        ids = torch.randint(0, vocabulary, (length,), generator=generator).tolist()
        if model.kind == "masked":
            ids[length // 2] = model.encoder.placeholder_id
        place = length // 2 if model.kind == "masked" else length - 1
        probe.append(Encoded(tuple(ids), ("text",) * length, (place,)))
    return probe
