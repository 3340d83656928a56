"""One run as it stands: what was asked, and how far it is."""

from dataclasses import dataclass, field
from typing import Any, Literal

from playground.errors import RunError
from playground.runs.spec import RunSpec

State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
Command = Literal["run", "pause", "step", "stop"]

# A worker's process stands behind these two; a queued run has none yet, the others none any more.
WORKING: tuple[State, ...] = ("running", "paused")


@dataclass(frozen=True)
class Run:
    """One row of the store, as it was when it was read.

    ``created`` is ISO 8601, UTC. ``reason`` is a sentence that says why a run failed or was
    interrupted; ``code`` and ``details`` are those of its error, for saying it in another language.
    ``node`` is the machine of a cluster that it is or was last on; empty on this one.
    """

    id: str
    created: str
    spec: RunSpec
    state: State
    reason: str = ""
    step: int = 0
    steps: int = 0
    code: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    node: str = ""

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def label(self) -> str:
        """What to call the run in a sentence."""
        return repr(self.name) if self.name else self.id

    @property
    def error(self) -> RunError:
        """The reason why it has ended early, to be raised, or said in another language."""
        return RunError(self.reason, code=self.code, **self.details)

    @property
    def alive(self) -> bool:
        """Whether it trains, or will without being asked again."""
        return self.state in ("queued", "running", "paused")
