"""Curves of runs, thinned where they are read: a long run costs no more than a short one."""

from dataclasses import dataclass
from typing import Any

from playground.runs.store import RunStore

MOST_POINTS = 600  # of a curve: more than a figure that stands beside others has pixels

# The first step of a stretch, then the first at or after the next, … Each is one look into the
# index of (run, step, split), so what lies in between is not read.
_THINNED = """
WITH RECURSIVE seen (step) AS (
    SELECT min(step) FROM events WHERE run = :run AND split = :split AND step > :after
    UNION ALL
    SELECT (
        SELECT min(step) FROM events WHERE run = :run AND split = :split
        AND step >= (seen.step / :stride + 1) * :stride
    ) FROM seen WHERE seen.step IS NOT NULL
)
SELECT events.step, json_extract(payload, '$.loss'), json_extract(payload, '$.accuracy')
FROM seen JOIN events ON run = :run AND split = :split AND events.step = seen.step
"""


@dataclass(frozen=True)
class Curve:
    """What the events of one split say: ``points`` are (step, loss, accuracy), by step.

    One of the two is None where such events do not have it. There is at most one point to
    ``stride`` steps: the first of those from a multiple of it on.
    """

    stride: int
    points: list[tuple[int, float | None, float | None]]


def read_curve(
    store: RunStore, run_id: str, split: str, steps: int = 0, seen: tuple[int, int] | None = None
) -> Curve:
    """A curve of at most `MOST_POINTS` points; a run that is not there has none.

    ``steps`` is how far it may come, so that runs of as many steps have the same stride. ``seen``
    is the stride and the last step of what is known: if it is the stride still, only what came
    after that step is given.
    """
    asked: dict[str, Any] = {"run": run_id, "split": split}
    last = store.database.read(
        "SELECT step FROM events WHERE run = :run AND split = :split ORDER BY step DESC LIMIT 1",
        asked,
    )
    stride = _stride(max(steps, last[0][0] if last else 0))
    after = -1
    if seen is not None and seen[0] == stride:
        after = (seen[1] // stride + 1) * stride - 1  # this stretch has its point already
    points = store.database.read(_THINNED, {**asked, "stride": stride, "after": after})
    return Curve(stride, list(points))


def _stride(last: int) -> int:
    """A power of two: it changes seldom while a run grows, and those that stay are old points."""
    stride = 1
    while last // stride + 1 > MOST_POINTS:
        stride *= 2
    return stride
