"""Starting the server: answer at once, build the page, and meanwhile load the first model.

Imports hold Python's global lock, so there are two processes: this one imports Gradio and builds
the page, the inference process imports torch and transformers and loads the model.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import uvicorn

from playground.door import Application, Door
from playground.errors import PlaygroundError, SettingsError
from playground.garbage import collect_rarely
from playground.gradio_import import import_gradio
from playground.inference.client import InferenceProcess
from playground.settings import Settings

if TYPE_CHECKING:
    from playground.page.layout import Page

Build = Callable[[Settings], "Page"]

# What a public page on one machine needs, unless the page asks for something else.
MOUNT_DEFAULTS: dict[str, object] = {
    "enable_monitoring": False,
    "max_file_size": "20mb",
    "run_history": False,
    "pwa": False,
    "ssr_mode": False,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the Prompt Playground until it is told to stop; gives the exit code."""
    try:
        settings = Settings.from_command_line(arguments)
        with InferenceProcess() as inference:
            return serve(settings, lambda settings: build_page(settings, inference))
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def build_page(settings: Settings, inference: InferenceProcess) -> Page:
    """Builds the Gradio page over a process that answers."""
    import_gradio()
    from playground.page.layout import build

    return build(settings, inference)


def serve(settings: Settings, build: Build) -> int:
    """Listens at once, lets the page in when ``build`` has made it, then calls its ``warm_up``.

    Both run in one background thread, ``warm_up`` while the page already answers. The exit code is
    1 if the page could not be built, otherwise 0.
    Raises SettingsError where nothing can listen at this address and port.
    """
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    print(f"Prompt Playground: {_address(host, port)}", flush=True)
    _set_environment(settings)
    collect_rarely()
    # uvicorn repeats a signal after its own clean-up: ending like Ctrl+C lets exit handlers run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    door = Door()
    server = _Server(door)
    failed = threading.Event()

    def prepare() -> None:
        try:
            page = build(settings)
            door.admit(_mounted(page, host=host, port=port))
        except Exception as error:
            _report("The page could not be built.", error)
            failed.set()
            server.should_exit = True
            return
        try:
            page.warm_up()
            door.engine = "ready"
        except Exception as error:
            _report(f"The model “{settings.model}” could not be loaded.", error)
            door.engine = "failed"
        # What is here now stays: later collections need not walk through it.
        gc.freeze()

    preparation = threading.Thread(target=prepare, name="preparation", daemon=True)
    preparation.start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if preparation.is_alive():
        # a thread that imports, or waits for a model, would hold up the end: leave without it
        os._exit(0)
    return 1 if failed.is_set() else 0


class _Server(uvicorn.Server):
    """Hangs up when it is told to stop, since the streams of an open page never end by themselves.

    To the application that is a browser that went away, which it knows how to tidy up after.
    """

    def __init__(self, door: Door) -> None:
        config = uvicorn.Config(
            door, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=1
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    bare_host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in bare_host else socket.AF_INET
    try:
        return socket.create_server((bare_host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsError(
            f"Nothing can listen at {_address(host, port)}: {error.strerror or error}. "
            "Stop what is using it, or choose another port with --port or GRADIO_SERVER_PORT.",
            field="GRADIO_SERVER_PORT",
            code="settings.address",
            host=host,
            port=port,
        ) from error


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _set_environment(settings: Settings) -> None:
    # Read by Gradio when it is imported: no request of its own leaves the machine, and uploads
    # lie where everything else does.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.home / "uploads"))


def _mounted(page: Page, *, host: str, port: int) -> Application:
    import fastapi
    import gradio as gr

    from playground.page.early import EarlyScripts

    options = {"path": "/", "server_name": host, "server_port": port} | MOUNT_DEFAULTS | page.launch
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(EarlyScripts)
    app.router.routes.extend(page.routes)
    mounted: Application = gr.mount_gradio_app(app, page.blocks, **options)
    return mounted


def _report(what: str, error: Exception) -> None:
    print(what, file=sys.stderr)
    if isinstance(error, PlaygroundError):
        print(error, file=sys.stderr)
    else:
        traceback.print_exception(error)
