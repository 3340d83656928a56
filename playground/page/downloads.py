"""Where the browser downloads a run or a study as one file."""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.errors import PlaygroundError
from playground.page.text import explain, language_of
from playground.runs import History, export_run
from playground.studies import Studies, export_study

NAME_LENGTH = 80


def run_file(history: History) -> Route:
    """``GET /runs/ID.zip``: what `export_run` writes, or the sentence why there is no such file."""

    def pack(run_id: str, folder: Path) -> tuple[Path, str]:
        name = history.entry(run_id).standing.name
        return export_run(history, run_id, folder / "packed"), name

    return _route("/runs/{id}.zip", pack)


def study_file(studies: Studies) -> Route:
    """``GET /studies/ID.zip``: what `export_study` writes, or why there is no such file."""

    def pack(study_id: str, folder: Path) -> tuple[Path, str]:
        name = studies.store.get(study_id).name
        written = export_study(studies, study_id, folder / "study")
        return Path(shutil.make_archive(str(folder / "packed"), "zip", written)), name

    return _route("/studies/{id}.zip", pack)


def _route(path: str, pack: Callable[[str, Path], tuple[Path, str]]) -> Route:
    """``pack`` writes the zip of an id into a folder of its own, and says what it is of."""

    def answer(request: Request) -> Response:
        wanted = request.path_params["id"]
        folder = Path(tempfile.mkdtemp(prefix="download-"))
        try:
            file, name = pack(wanted, folder)
        except BaseException as error:
            shutil.rmtree(folder)
            if not isinstance(error, PlaygroundError):
                raise
            status = 404 if error.code in ("runs.unknown", "studies.unknown") else 409
            return PlainTextResponse(explain(error, language_of(request)), status)  # type: ignore[arg-type]
        tidy = BackgroundTask(shutil.rmtree, folder)
        stem = re.sub(r"[^\w.=-]+", "-", name).strip("-")[:NAME_LENGTH] or wanted
        return FileResponse(
            file, media_type="application/zip", filename=f"{stem}.zip", background=tidy
        )

    return Route(path, answer)
