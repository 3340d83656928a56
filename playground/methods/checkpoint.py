"""Checkpoints: all that the next training step depends on, as safetensors and JSON."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from playground.errors import RunError

_TENSORS, _STATE = "checkpoint.safetensors", "checkpoint.json"


def write_checkpoint(
    folder: Path, step: int, learner: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Writes the learner's own tensors and the optimizer's into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"learner.{name}": value for name, value in learned(learner).items()}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{index}.{name}"] = _copy(torch.as_tensor(value))
    save_file(tensors, folder / _TENSORS)
    (folder / _STATE).write_text(json.dumps({"format": 1, "step": step}), encoding="utf-8")


def read_checkpoint(folder: Path, learner: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Puts a checkpoint back and returns its step.

    Raises RunError where the folder holds none, or one of other settings.
    """
    try:
        step = int(json.loads((folder / _STATE).read_text(encoding="utf-8"))["step"])
        tensors = load_file(folder / _TENSORS)
        own = {
            name.removeprefix("learner."): value
            for name, value in tensors.items()
            if name.startswith("learner.")
        }
        put_back(learner, own)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _optimizer_state(tensors)})
        return step
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> RunError:
    """What to raise for a checkpoint that could not be read."""
    return RunError(
        f"The checkpoint of this run cannot be read ({error}). Start the run anew.",
        code="runs.bad_checkpoint",
        reason=str(error),
    )


def learned(learner: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of the learner's own tensors, on the CPU."""
    return {name: _copy(value) for name, value in _unique(learner).items()}


def put_back(learner: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Puts what `learned` gave in the place of what it has learned since.

    Raises ValueError for tensors of a learner with other settings.
    """
    if set(tensors) != set(_unique(learner)):
        raise ValueError("it was made with other settings")
    learner.load_state_dict(tensors, strict=False)  # which names tied weights twice


def _copy(value: torch.Tensor) -> torch.Tensor:
    return value.detach().contiguous().cpu().clone()


def _unique(learner: nn.Module) -> dict[str, torch.Tensor]:
    """The learner's tensors, each once: tied weights are shared again when loaded."""
    seen: set[int] = set()
    unique = {}
    for name, value in learner.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            seen.add(id(value))
            unique[name] = value
    return unique


def _optimizer_state(tensors: dict[str, torch.Tensor]) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = value
    return state
