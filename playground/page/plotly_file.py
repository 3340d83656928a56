"""plotly.min.js, with which the page draws: where the browser finds it, and what answers there.

Gradio would serve it in small pieces, each compressed anew for every visitor, while everyone else
waits, and load it when the rest of the page is there. So it has a route and a place in the page of
its own, is compressed once, and kept by browsers.
"""

import gzip
import importlib.metadata
import importlib.util
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

LEVEL = 4  # of gzip: 60 ms for 1.5 MB, where the best take 110 for 1.4
LASTING = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}


FILE = f"plotly-{importlib.metadata.version('plotly')}.min.js"
# relative to the page: it holds behind a proxy that serves the page in a folder
TAG = f'<script async src="{FILE}"></script>'


def plotly_file() -> Route:
    """``GET /plotly-VERSION.min.js``."""
    script = _script()

    def answer(request: Request) -> Response:
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return FileResponse(script, media_type="text/javascript", headers=LASTING)
        headers = {**LASTING, "content-encoding": "gzip"}
        return Response(_compressed(script), media_type="text/javascript", headers=headers)

    return Route(f"/{FILE}", answer)


@cache
def _compressed(script: Path) -> bytes:
    return gzip.compress(script.read_bytes(), LEVEL)


def _script() -> Path:
    """Without an import of plotly, which takes long."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "The page draws with plotly: install it with 'pip install plotly'."
        )
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
