"""Where the browser downloads a study: its report, figure and tables as one file."""

import io
import re
import tempfile
import zipfile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from playground.errors import PlaygroundError
from playground.page.text import explain, language_of
from playground.studies import Studies, export_study


def study_file(studies: Studies) -> Route:
    """``GET /studies/ID.zip``: what `export_study` writes, or why there is no such file."""

    def answer(request: Request) -> Response:
        study_id = request.path_params["study"]
        try:
            name = studies.store.get(study_id).name
            packed = _packed(studies, study_id)
        except PlaygroundError as error:
            return PlainTextResponse(explain(error, language_of(request)), 404)  # type: ignore[arg-type]
        stem = re.sub(r"[^\w.=-]+", "-", name, flags=re.ASCII).strip("-")[:80] or study_id
        headers = {"content-disposition": f'attachment; filename="{stem}.zip"'}
        return Response(packed, media_type="application/zip", headers=headers)

    return Route("/studies/{study}.zip", answer)


def _packed(studies: Studies, study_id: str) -> bytes:
    target = io.BytesIO()
    with tempfile.TemporaryDirectory() as parent:
        folder = export_study(studies, study_id, Path(parent) / "study")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
    return target.getvalue()
