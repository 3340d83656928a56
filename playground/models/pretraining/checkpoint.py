"""Checkpoints of a training, whole at any moment: written beside the old one, then put in place.

They hold weights, the optimizers' states and the progress. Batches follow from the step alone and
the networks draw nothing at random, so there is no other state.
"""

import os
from dataclasses import asdict
from pathlib import Path

import torch

from playground.errors import ModelError
from playground.models.pretraining.networks import Network
from playground.models.pretraining.optimizers import Optimizers
from playground.models.pretraining.schedule import Progress

# The newest state, and the last one before the decay, from which a training is prolonged.
NEWEST, STABLE = "newest.pt", "stable.pt"


def write_checkpoint(
    file: Path, network: Network, optimizers: Optimizers, progress: Progress
) -> None:
    """Replaces ``file`` in one go, so that a kill leaves the old one or the new one."""
    state = {
        "network": network.state_dict(),
        "optimizers": {name: each.state_dict() for name, each in optimizers.items()},
        "progress": asdict(progress),
    }
    beside = file.with_suffix(".partial")
    with beside.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, file)


def read_checkpoint(file: Path, network: Network, optimizers: Optimizers | None = None) -> Progress:
    """Puts a checkpoint's state in place and returns the progress.

    Raises ModelError where the file is none, or one of another recipe.
    """
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(state["network"])
        for name, optimizer in (optimizers or {}).items():
            optimizer.load_state_dict(state["optimizers"][name])
        return Progress(**state["progress"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(
            f"The checkpoint {file} cannot be used ({reason}). Train into another folder, or "
            "remove the checkpoints there to start anew.",
            code="pretraining.bad_checkpoint",
            file=str(file),
            reason=reason,
        ) from error
