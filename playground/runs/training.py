"""What a worker needs of a training, of a comparison or of a search."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol


class Result(Protocol):
    """What the worker needs of what is left: a trained prompt, or what was found."""

    def save(self, folder: Path) -> object: ...


class Training(Protocol):
    """What the worker needs of a training; comparisons and searches are walked through likewise.

    Iterating makes the steps and yields events; None is a breath, at which control may be taken.
    """

    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def looking(self) -> bool: ...  # a step is made, and what is due after it not all yielded

    def __iter__(self) -> Iterator[Mapping[str, Any] | None]: ...
    def save_checkpoint(self, folder: Path, last: Path | None) -> object: ...
    def load_checkpoint(self, folder: Path) -> object: ...
    def results(self) -> Mapping[str, Result]: ...
