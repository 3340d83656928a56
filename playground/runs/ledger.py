"""What a worker needs of a store: `RunStore` here, elsewhere something that speaks for it."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from playground.runs.folder import RunFolder
from playground.runs.run import Command, Run, State


class Ledger(Protocol):
    """The part of `RunStore`, which see, that carrying out a run takes."""

    def get(self, run_id: str) -> Run: ...
    def folder(self, run_id: str) -> RunFolder: ...
    def set_state(
        self,
        run_id: str,
        state: State,
        reason: str = "",
        *,
        code: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None: ...
    def set_progress(self, run_id: str, step: int, steps: int) -> None: ...
    def read_order(self, run_id: str) -> Command: ...
    def take_step_order(self, run_id: str) -> bool: ...
    def append(self, run_id: str, events: Iterable[Mapping[str, Any]]) -> None: ...
