"""Processes of our own beside this one: the inference process, a training worker."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from playground.processors import SLEEPING_THREADS

ChildProcess = subprocess.Popen[str]


def python_command(module: str, *arguments: str) -> list[str]:
    """What runs one of our modules. -P: modules of the folder that the app runs in are not ours."""
    return [sys.executable, "-P", "-m", module, *arguments]


def start_child(
    command: Sequence[str], *, answers: bool = False, environment: dict[str, str] | None = None
) -> ChildProcess:
    """Starts a process that reads its standard input, and with ``answers`` is heard on its output.

    It is a session of its own, which Ctrl+C does not reach. That its input ends tells it that
    this process has ended, however that was.
    """
    package = str(Path(__file__).parents[1])
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if answers else None,
        env={
            **SLEEPING_THREADS,
            **(environment or {}),
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH")))),
        },
        start_new_session=True,
        text=True,
        encoding="utf-8",
    )


def private_output() -> TextIO:
    """The standard output of such a process, for its answers alone.

    What a library prints goes to the standard error from now on.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers
