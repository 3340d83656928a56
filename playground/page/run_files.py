"""Where the browser downloads a run as one file."""

import re
import shutil
import tempfile
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from playground.errors import PlaygroundError
from playground.page.text import explain, language_of
from playground.runs import History, export_run


def run_file(history: History) -> Route:
    """``GET /runs/ID.zip``: what `export_run` writes, or the sentence why there is no such file."""

    def answer(request: Request) -> Response:
        run_id = request.path_params["run"]
        folder = Path(tempfile.mkdtemp(prefix="run-"))
        try:
            file = export_run(history, run_id, folder / "packed")
            name = history.entry(run_id).standing.name
        except PlaygroundError as error:
            shutil.rmtree(folder)
            status = 404 if error.code == "runs.unknown" else 409
            return PlainTextResponse(explain(error, language_of(request)), status)  # type: ignore[arg-type]
        tidy = BackgroundTask(shutil.rmtree, folder)
        stem = re.sub(r"[^\w.=-]+", "-", name or run_id).strip("-")[:80]
        return FileResponse(
            file, media_type="application/zip", filename=f"{stem}.zip", background=tidy
        )

    return Route("/runs/{run}.zip", answer)
