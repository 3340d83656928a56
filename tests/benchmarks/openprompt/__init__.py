"""OpenPrompt 1.0.1 as a peer, in an environment of its own (``make bench`` makes it)."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
ENVIRONMENT = ".venv-openprompt"
_FOLDER = _HERE.parents[2] / ENVIRONMENT


class OpenPrompt:
    """A process that labels the same texts under the same templates; close it at the end.

    Every word is asked for in one pass a template. ``length`` is that of the longest prompt:
    OpenPrompt pads each to a number of tokens that it has to be told.
    """

    @staticmethod
    def is_there() -> bool:
        return (_FOLDER / "installed").exists()  # the last thing that make puts there

    def __init__(
        self,
        folder: Path,
        templates: Sequence[str],
        texts: Sequence[str],
        words: Sequence[str],
        *,
        length: int,
        threads: int,
    ) -> None:
        self._process = subprocess.Popen(
            [_FOLDER / "bin" / "python", _HERE / "peer.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say(
            {
                "folder": str(folder),
                "templates": [_converted(source) for source in templates],
                "texts": list(texts),
                "words": list(words),
                "length": length,
                "threads": threads,
            }
        )

    def run(self, batch_size: int) -> list[list[list[float]]]:
        """Log-probabilities of the words among themselves: (templates, texts, words).

        Raises RuntimeError where the process ended.
        """
        self._say(batch_size)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"OpenPrompt ended with {self._process.wait()}")
        found: list[list[list[float]]] = json.loads(answer)
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, message: Any) -> None:
        assert self._process.stdin is not None
        print(json.dumps(message), file=self._process.stdin, flush=True)


def _converted(source: str) -> str:
    return source.replace("{text}", '{"placeholder":"text_a"}').replace("[MASK]", '{"mask"}')
