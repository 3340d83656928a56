"""OpenPrompt 1.0.1 as a peer, in an environment of its own (``make bench`` makes it)."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from playground.prompts import Verbalizer

_HERE = Path(__file__).resolve().parent
ENVIRONMENT = ".venv-openprompt"
_FOLDER = _HERE.parents[2] / ENVIRONMENT


class _Peer:
    """A process that carries a script out: told its task first, then asked line by line."""

    @staticmethod
    def is_there() -> bool:
        return (_FOLDER / "installed").exists()  # the last thing that make puts there

    def __init__(self, script: str, task: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [_FOLDER / "bin" / "python", _HERE / script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say(task)

    def _ask(self, question: Any) -> Any:
        """Raises RuntimeError where the process ended."""
        self._say(question)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"OpenPrompt ended with {self._process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, message: Any) -> None:
        assert self._process.stdin is not None
        print(json.dumps(message), file=self._process.stdin, flush=True)


class OpenPrompt(_Peer):
    """A process that labels the same texts under the same templates; close it at the end.

    Every word is asked for in one pass a template. ``length`` is that of the longest prompt:
    OpenPrompt pads each to a number of tokens that it has to be told.
    """

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
        task = {
            "folder": str(folder),
            "templates": [_converted(source) for source in templates],
            "texts": list(texts),
            "words": list(words),
            "length": length,
            "threads": threads,
        }
        super().__init__("peer.py", task)

    def run(self, batch_size: int) -> list[list[list[float]]]:
        """Log-probabilities of the words among themselves: (templates, texts, words).

        Raises RuntimeError where the process ended.
        """
        found: list[list[list[float]]] = self._ask(batch_size)
        return found


class OpenPromptTraining(_Peer):
    """A process that trains P-Tuning with an LSTM on ``rows``, all in one batch, model frozen.

    Three soft tokens open the prompt, three more stand before the mask.
    """

    def __init__(
        self,
        folder: Path,
        verbalizer: Verbalizer,
        rows: pd.DataFrame,
        *,
        length: int,
        threads: int,
        rate: float,
    ) -> None:
        soft = '{"soft"} ' * 3
        task = {
            "folder": str(folder),
            "template": f'{soft}{{"placeholder":"text_a"}} It was {soft}{{"mask"}}.',
            "texts": list(rows["text"]),
            "targets": [verbalizer.labels.index(label) for label in rows["label"]],
            "words": {label: list(words) for label, words in verbalizer.words.items()},
            "length": length,
            "threads": threads,
            "rate": rate,
        }
        super().__init__("training_peer.py", task)

    def step(self) -> float:
        """One step of gradient descent; returns its loss. Raises RuntimeError where it ended."""
        loss: float = self._ask("step")
        return loss


def _converted(source: str) -> str:
    return source.replace("{text}", '{"placeholder":"text_a"}').replace("[MASK]", '{"mask"}')
