"""Following a run until it ends, with a line that says how far it is."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from playground.cli.output import StatusLine, say
from playground.runs import Run, Runs

POLL_SECONDS = 0.1
LINE_SECONDS = 5.0  # between two lines where the last cannot be rewritten


class Follower:
    """Reads the events of a run and draws its progress on standard error."""

    def __init__(self, runs: Runs, run_id: str) -> None:
        self.runs = runs
        self.run_id = run_id
        self.dev_accuracy: float | None = None
        self.best: dict[str, Any] | None = None  # the look at dev whose prompt is kept, if one is
        self._cursor = 0
        self._train: dict[str, Any] = {}  # the newest event of a step
        self._begun: tuple[int, float] | None = None  # the first step that was seen, and when
        self._status = StatusLine(LINE_SECONDS)

    def wait(self) -> None:
        """Returns when the run has ended and all that it told was read. Can be called again."""
        state = ""
        while True:
            news = self.runs.events(self.run_id, self._cursor)
            if not self._waits(news):
                # The run has its worker. One made ready for a next run would take time from it.
                self.runs.shutdown()
            ended = news["state"] not in ("queued", "running", "paused")
            self._cursor = news["cursor"]
            for event in news["events"]:
                self._read(event)
            if ended and not news["events"]:
                break
            if news["events"] or news["state"] != state:
                self._draw(news)
            state = news["state"]
            if not ended:
                time.sleep(POLL_SECONDS)
        self._draw(news, last=True)

    def wait_or_stop(self, *, kept: str) -> int:
        """Waits; Ctrl+C stops the run, which keeps what ``kept`` says. The exit code, 130 then."""
        try:
            self.wait()
        except KeyboardInterrupt:
            say(f"\nStopping. The run keeps {kept}.")
            self.runs.stop(self.run_id)
            self.wait()
            return 130
        finally:
            self.runs.shutdown()
        return 0

    def _waits(self, news: Mapping[str, Any]) -> bool:
        """Whether the run still waits for its worker."""
        return bool(news["state"] == "queued")

    def _read(self, event: dict[str, Any]) -> None:
        if event["split"] == "start":
            accuracy = event["zero_shot_accuracy"]
            before = "" if accuracy is None else f" Dev accuracy before training: {accuracy:.3f}."
            say(
                f"Training {event['parameters']:,} parameters; the model has "
                f"{event['total_parameters']:,} ({event['device']}, {event['precision']}).{before}"
            )
        elif event["split"] == "train":
            self._train = event
            self._begun = self._begun or (event["step"], time.monotonic())
        elif event["split"] == "dev":
            self.dev_accuracy, self.best = event["accuracy"], event.get("best")

    def _draw(self, news: Mapping[str, Any], *, last: bool = False) -> None:
        line = self._progress(news["step"], news["steps"], news["state"])
        if line:
            self._status.draw(line, last=last)

    def _progress(self, step: int, steps: int, state: str) -> str:
        """Step, time left, loss, accuracy (of the batch, of the dev set), tokens a second."""
        if not self._train or self._begun is None:
            return ""
        parts = [f"step {step}/{steps}"]
        if phase := self._train.get("phase"):
            parts.insert(0, "{name} {number}/{count}".format_map(phase))
        first, since = self._begun
        if state == "paused":
            parts.append("paused")
        elif state == "running" and first < step < steps:
            left = (steps - step) * (time.monotonic() - since) / (step - first)
            parts.append(f"{timedelta(seconds=round(left))} left")
        for text, value in (
            ("loss {:.3f}", self._train.get("loss")),
            ("accuracy {:.2f}", self._train.get("accuracy")),
            ("dev {:.3f}", self.dev_accuracy),
            ("{:,.0f} tokens/s", self._train.get("tokens_per_second")),
        ):
            if value is not None:
                parts.append(text.format(value))
        return ", ".join(parts)


def raise_if_failed(run: Run) -> None:
    """Raises RunError with the reason why a run has ended before its time."""
    if run.state in ("failed", "interrupted"):
        raise run.error
