"""The page's end of the inference process. Needs nothing but the standard library."""

import contextlib
import itertools
import json
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from playground.child_process import python_command, start_child
from playground.errors import ModelError, error_from_json


class InferenceProcess:
    """A process that answers requests, started at once and again whenever it has ended.

    Safe to call from many threads. As a context manager it ends the process with the block.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._connection = _Connection()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(self, operation: str, **arguments: Any) -> Any:
        """The result of one of `playground.inference.service.Service`'s operations.

        Raises what the operation raises, and ModelError where the process ended before it answered.
        """
        with self._lock:
            if self._connection.ended.is_set() and not self._closed:
                self._connection = _Connection()
            connection = self._connection
        return connection.ask(operation, arguments).result()

    def close(self) -> None:
        """Ends the process; whoever still waits for it is told so."""
        with self._lock:
            self._closed = True
        self._connection.process.kill()
        self._connection.ended.wait()


class _Connection:
    """One process, with the requests that wait for its answers."""

    def __init__(self) -> None:
        self.process = start_child(python_command("playground.inference.process"), answers=True)
        self.ended = threading.Event()
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="inference", daemon=True).start()

    def ask(self, operation: str, arguments: dict[str, Any]) -> Future[Any]:
        """Sends a request; the future has its answer one day, or the reason why there is none."""
        assert self.process.stdin is not None
        future: Future[Any] = Future()
        with self._lock:
            if self.ended.is_set():
                future.set_exception(_ended())
                return future
            number = next(self._numbers)
            self._waiting[number] = future
            request = {"id": number, "operation": operation, "arguments": arguments}
            # where nobody reads any more, the process has ended, which `_listen` tells all who wait
            with contextlib.suppress(OSError):
                self.process.stdin.write(json.dumps(request) + "\n")
                self.process.stdin.flush()
        return future

    def _listen(self) -> None:
        """Hands out the answers until the process ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if "error" in answer:
                future.set_exception(error_from_json(answer["error"]))
            else:
                future.set_result(answer["result"])
        self.process.wait()
        with self._lock:
            self.ended.set()
            left = list(self._waiting.values())
            self._waiting.clear()
        for future in left:
            future.set_exception(_ended())


def _ended() -> ModelError:
    return ModelError(
        "The process that runs the models ended before it answered: the model may be too large "
        "for this computer's memory. It starts again with the next question.",
        code="model.process_ended",
    )
