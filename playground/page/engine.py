"""What the page keeps between requests: trained prompts, uploaded tables, runs."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from playground.errors import DataError, RunError
from playground.inference.client import InferenceProcess
from playground.recently_used import RecentlyUsed
from playground.runs import Runs
from playground.runs.executors import Executor
from playground.studies import Studies
from playground.tasks import built_in_tasks, is_dataset_name, load_dataset, load_task, read_csv

TABLES_KEPT = 4
_IMPORTED = "imported-"


class Engine:
    """Files and runs by their names, and the models behind them: ``inference`` has those.

    Safe to call from many requests at a time.
    """

    def __init__(
        self, home: Path, default_model: str, inference: InferenceProcess, executor: Executor
    ) -> None:
        self.home = home
        self.default_model = default_model
        self.inference = inference
        self.runs = Runs(home, executor)
        self.studies = Studies(self.runs)
        self._tables = RecentlyUsed[pd.DataFrame](TABLES_KEPT)

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

    def prompt_path(self, prompt_id: str) -> str | None:
        """A trained prompt as ``inference`` takes it, None for the model as it is.

        Raises RunError.
        """
        return str(self.prompt_folder(prompt_id)) if prompt_id else None

    def carried_by(self, prompt_id: str) -> dict[str, Any]:
        """What a trained prompt brings along: model, template, truncation, verbalizer.

        Raises RunError or ModelError.
        """
        carried: dict[str, Any] = self.inference.ask(
            "carried_by", prompt=str(self.prompt_folder(prompt_id))
        )
        return carried

    def prompts(self) -> list[tuple[str, str]]:
        """(name for people, id) of every trained prompt outside studies, newest first."""
        found = [
            (f"{run.name or run.id} · {run.step} / {run.steps}", run.id)
            for run in self.runs.list(studies=False)
            if self.runs.prompt_folder(run.id) is not None
        ]
        imported = sorted(self._imported_folder().glob(f"{_IMPORTED}*"), reverse=True)
        return found + [(folder.name.removeprefix(_IMPORTED), folder.name) for folder in imported]

    def import_prompt(self, files: list[Path]) -> str:
        """Keeps an uploaded ``prompt.json`` with its ``prompt.safetensors``; returns its id.

        Raises ModelError where they are not a trained prompt.
        """
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
            self.carried_by(prompt_id)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return prompt_id

    def _imported_folder(self) -> Path:
        return self.home / "prompts"

    # ---- data ----------------------------------------------------------------------------------

    def table(self, task: str) -> pd.DataFrame:
        """The rows of a built-in set, an uploaded table or a dataset of the Hugging Face Hub.

        Raises DataError.
        """
        if task in built_in_tasks():
            return load_task(task).table
        if is_dataset_name(task):
            return self._tables.get(task, lambda: load_dataset(task, self.home))
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
