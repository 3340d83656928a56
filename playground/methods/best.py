"""What measured best on the dev set so far, kept aside while the training goes on."""

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from playground.methods.checkpoint import unreadable

_TENSORS, _MEASURED = "best.safetensors", "best.json"


@dataclass(frozen=True)
class Best:
    """A look at the dev set, and what had been learned then: on the CPU, whole models are large."""

    step: int
    accuracy: float
    loss: float
    tensors: dict[str, Tensor]

    @property
    def measured(self) -> dict[str, Any]:
        """``step``, ``accuracy`` and ``loss``, as events tell them."""
        return {"step": self.step, "accuracy": self.accuracy, "loss": self.loss}

    def is_beaten_by(self, accuracy: float, loss: float) -> bool:
        """By a higher accuracy, or by a lower loss at the same one."""
        return (accuracy, -loss) > (self.accuracy, -self.loss)

    def save(self, folder: Path, last: Path | None = None) -> None:
        """Writes it into ``folder``.

        Where ``last``, an earlier folder of the same training, has the same best, its tensors are
        not written again but linked.
        """
        if last is None or _read(last) != self.measured or not _link(last, folder):
            save_file(self.tensors, folder / _TENSORS)
        (folder / _MEASURED).write_text(json.dumps(self.measured), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """What `save` wrote, None where it wrote nothing. Raises RunError."""
        try:
            measured = _read(folder)
            return None if measured is None else cls(**measured, tensors=_tensors(folder))
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise unreadable(error) from error


def _read(folder: Path) -> Any:
    with contextlib.suppress(FileNotFoundError):
        return json.loads((folder / _MEASURED).read_text(encoding="utf-8"))
    return None


def _tensors(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / _TENSORS)


def _link(last: Path, folder: Path) -> bool:
    """Whether the tensors could be linked: not every file system can."""
    try:
        os.link(last / _TENSORS, folder / _TENSORS)
    except OSError:
        return False
    return True
