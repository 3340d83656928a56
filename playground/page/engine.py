"""What the page keeps between requests: loaded models, trained prompts, uploaded tables, runs."""

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import pandas as pd

from playground.errors import DataError, RunError
from playground.processors import settle_threads
from playground.runs import Runs
from playground.tasks import built_in_tasks, load_task, read_csv

if TYPE_CHECKING:
    from playground.methods import TrainedPrompt
    from playground.models import LanguageModel

MODELS_KEPT = 3
RUNS_AT_ONCE = 2  # a paused run keeps its place, and must not keep the next one waiting
PROMPTS_KEPT = 16
TABLES_KEPT = 4
_IMPORTED = "imported-"

T = TypeVar("T")


class Engine:
    """Loads once, keeps the few used last. Safe to call from many requests at a time."""

    def __init__(self, home: Path, default_model: str) -> None:
        self.home = home
        self.default_model = default_model
        self.runs = Runs(home, at_once=RUNS_AT_ONCE)
        self._models = _Kept["LanguageModel"](MODELS_KEPT)
        self._prompts = _Kept["TrainedPrompt"](PROMPTS_KEPT)
        self._tables = _Kept[pd.DataFrame](TABLES_KEPT)

    # ---- models --------------------------------------------------------------------------------

    def model(self, name: str) -> "LanguageModel":
        """The model of that name, loaded at its first use. Raises ModelError."""

        def load() -> "LanguageModel":
            from playground.models import load_model

            model = load_model(name)
            settle_threads(model.parameters)
            return model

        return self._models.get(name, load)

    # ---- trained prompts -----------------------------------------------------------------------

    def prompt_folder(self, prompt_id: str) -> Path:
        """Where a run's prompt, or an imported one, lies. Raises RunError."""
        if prompt_id.startswith(_IMPORTED):
            folder = self._imported_folder() / Path(prompt_id).name
            if folder.is_dir():
                return folder
        else:
            found = self.runs.prompt_folder(prompt_id)
            if found is not None:
                return found
        raise RunError(
            "There is no such trained prompt any more.", code="prompt.unknown", prompt=prompt_id
        )

    def prompt(self, prompt_id: str) -> "TrainedPrompt":
        """A trained prompt with its model. Raises RunError or ModelError."""
        from playground.methods import TrainedPrompt

        folder = self.prompt_folder(prompt_id)
        description = TrainedPrompt.describe(folder)
        # a resumed run overwrites its prompt: the step is part of what is remembered
        key = f"{prompt_id}@{description['step']}"
        return self._prompts.get(
            key, lambda: TrainedPrompt.load(folder, self.model(description["model"]))
        )

    def prompts(self) -> list[tuple[str, str]]:
        """(name for people, id) of every trained prompt, newest first."""
        found = [
            (f"{run.name or run.id} · {run.step} / {run.steps}", run.id)
            for run in self.runs.list()
            if self.runs.prompt_folder(run.id) is not None
        ]
        imported = sorted(self._imported_folder().glob(f"{_IMPORTED}*"), reverse=True)
        return found + [(folder.name.removeprefix(_IMPORTED), folder.name) for folder in imported]

    def import_prompt(self, files: list[Path]) -> str:
        """Keeps an uploaded ``prompt.json`` with its ``prompt.safetensors``; returns its id.

        Raises ModelError where they are not a trained prompt.
        """
        from playground.methods import TrainedPrompt

        digest = hashlib.sha256()
        for file in sorted(files, key=lambda f: f.suffix):
            digest.update(file.read_bytes())
        prompt_id = f"{_IMPORTED}{digest.hexdigest()[:10]}"
        folder = self._imported_folder() / prompt_id
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for file in files:
                if file.suffix in (".json", ".safetensors"):
                    shutil.copyfile(file, folder / f"prompt{file.suffix}")
            TrainedPrompt.load(folder, self.model(TrainedPrompt.describe(folder)["model"]))
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return prompt_id

    def _imported_folder(self) -> Path:
        return self.home / "prompts"

    # ---- data ----------------------------------------------------------------------------------

    def table(self, task: str) -> pd.DataFrame:
        """The rows of a built-in set or of an uploaded table. Raises DataError."""
        if task in built_in_tasks():
            return load_task(task).table
        path = self._tables_folder() / Path(task).name
        if not path.is_file():
            raise DataError(
                f"There is no dataset “{task}” any more. Pick another one.",
                code="data.no_such_table",
                task=task,
            )
        # known by its time too: an upload of the same name replaces it
        return self._tables.get(f"{path}@{path.stat().st_mtime_ns}", lambda: read_csv(path))

    def keep_table(self, file: Path) -> str:
        """Checks and keeps an uploaded CSV; returns the name it is then known by."""
        read_csv(file)
        folder = self._tables_folder()
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{file.stem[:60]}.csv"
        shutil.copyfile(file, folder / name)
        return name

    def tables(self) -> list[str]:
        """Names of the uploaded tables."""
        return sorted(path.name for path in self._tables_folder().glob("*.csv"))

    def _tables_folder(self) -> Path:
        return self.home / "tables"


class _Kept(Generic[T]):
    """The ``size`` values used last: each made once, and none waits while another is made."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, T] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The value of that key, made now if it is not there; what ``make`` raises is passed on."""
        with self._lock:
            mine = self._making.setdefault(key, threading.Lock())
        with mine:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return self._values[key]
            made = make()
            with self._lock:
                self._values[key] = made
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
                self._making.pop(key, None)
            return made
