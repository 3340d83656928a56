"""The real server in a process of its own, for tests that look at it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parents[1]
PATIENCE = 60.0


class Server:
    """``python app.py`` on a port; as a context manager it is ended when the block is left."""

    def __init__(self, port: int, home: Path, command: Sequence[str] = ("app.py",)) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.home = home
        # Not a pipe: a worker process that outlives the server would keep that open.
        self._printed = home.with_suffix(".log")
        with self._printed.open("w") as printed:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=REPOSITORY,
                env={**os.environ, "GRADIO_SERVER_PORT": str(port), "PLAYGROUND_HOME": str(home)},
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Status and body of one GET request."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()

    def status(self) -> dict[str, str]:
        """What ``/startup`` says as soon as anything answers at all."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                status: dict[str, str] = json.loads(self.get("/startup")[1])
                return status
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def wait_until(self, part: str, state: str = "ready") -> None:
        """Waits until the ``page`` or the ``engine`` is ``ready``, or whatever is named."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.status()[part]) != state:
            if found == "failed" or time.monotonic() > deadline:
                raise AssertionError(f"the {part} is {found}, not {state}")
            time.sleep(0.05)

    def end(self, with_signal: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Sends a signal and waits for the end; gives the exit code and all that was printed."""
        self.process.send_signal(with_signal)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        """Waits for the end; gives the exit code and all that was printed."""
        return self.process.wait(timeout=PATIENCE), self._printed.read_text()
