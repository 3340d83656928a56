"""The application behind the port: a waiting page at once, the Gradio page as soon as it is built.

Importing Gradio and building the page takes seconds; whoever comes meanwhile gets an answer of a
few lines that reloads itself. So this module imports nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Literal, Protocol

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STATUS_PATH = "/startup"
WAITING_PAGE = Path(__file__).with_name("waiting.html").read_bytes()


class Application(Protocol):
    """An ASGI application with a lifespan of its own, such as a FastAPI with Gradio mounted."""

    @property
    def router(self) -> Any:
        """What holds ``lifespan_context(application)``."""

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Answers one request."""


class Door:
    """An ASGI application that answers from the first moment, and one day as the page.

    Until ``admit`` brings the page, ``/`` is the waiting page and every other path answers 503.
    ``/startup`` tells at any time how far things are, as JSON: ``{"page": "loading" | "ready",
    "engine": "loading" | "ready" | "failed"}``.
    """

    def __init__(self) -> None:
        self.engine: Literal["loading", "ready", "failed"] = "loading"
        self._page: Application | None = None
        self._admission: concurrent.futures.Future[Application] = concurrent.futures.Future()
        self._entered: concurrent.futures.Future[None] = concurrent.futures.Future()

    def admit(self, page: Application) -> None:
        """Lets the page answer from now on. For the thread that built it; waits until it does.

        Raises whatever the page's own start-up events raise.
        """
        self._admission.set_result(page)
        self._entered.result()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request, or lives through the server's start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"] == STATUS_PATH:
            page = "ready" if self._page else "loading"
            await _answer_json(send, 200, {"page": page, "engine": self.engine})
        elif self._page is not None:
            await self._page(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == "/":
            await _answer(send, 200, b"text/html; charset=utf-8", WAITING_PAGE)
        elif scope["type"] == "http":
            await _answer_json(send, 503, {"detail": "The page is still loading. Try again soon."})

    async def _live(self, receive: Receive, send: Send) -> None:
        # One task enters and leaves the page's lifespan: cancel scopes in it ask for that.
        await receive()
        await send({"type": "lifespan.startup.complete"})
        admission = asyncio.wrap_future(self._admission)
        shutdown = asyncio.ensure_future(receive())
        first: set[asyncio.Future[Any]] = {admission, shutdown}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if admission.done():
            await self._live_with(admission.result(), shutdown)
        await send({"type": "lifespan.shutdown.complete"})

    async def _live_with(self, page: Application, shutdown: asyncio.Future[Message]) -> None:
        try:
            async with page.router.lifespan_context(page):
                self._page = page
                self._entered.set_result(None)
                await shutdown
        except Exception as error:
            if self._entered.done():
                raise
            self._entered.set_exception(error)


async def _answer_json(send: Send, status: int, content: dict[str, str]) -> None:
    await _answer(send, status, b"application/json", json.dumps(content).encode())


async def _answer(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"1"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
