"""The process that answers: ``python -m playground.inference.process``.

A request is a line of JSON on the standard input, ``{"id", "operation", "arguments"}``; its answer
is one on the standard output, ``{"id", "result"}`` or ``{"id", "error"}``. Requests are answered
side by side, in whatever order they are done. The process ends with its input.
"""

import gc
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TextIO

from playground.child_process import private_output
from playground.errors import PlaygroundError
from playground.garbage import collect_rarely
from playground.inference.quick_import import import_quickly

# More than ask at a time: the answer to someone who types never waits for a thread.
THREADS = 32

Operation = Callable[..., Any]


def main() -> None:
    answers = private_output()
    collect_rarely()
    import_quickly()
    from playground.inference.service import Service

    gc.freeze()
    serve(Service().operations(), sys.stdin, answers)
    # a thread may be in the middle of a forward pass, which nobody waits for any more
    os._exit(0)


def serve(operations: dict[str, Operation], requests: TextIO, answers: TextIO) -> None:
    """Answers every request until there are no more."""
    writing = threading.Lock()

    def answer(request: dict[str, Any]) -> None:
        try:
            told = {"result": operations[request["operation"]](**request["arguments"])}
        except PlaygroundError as error:
            told = {"error": error.to_json()}
        except Exception as error:
            traceback.print_exc()
            told = {"error": {"message": f"{type(error).__name__}: {error}"}}
        line = json.dumps({"id": request["id"], **told}, default=str)
        with writing:
            answers.write(line + "\n")
            answers.flush()

    pool = ThreadPoolExecutor(THREADS)
    for line in requests:
        pool.submit(answer, json.loads(line))


if __name__ == "__main__":
    main()
