import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from playground.door import Door, Message, Receive, Send


class Page:
    """A page of one word that keeps a diary of its lifespan."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.diary: list[str] = []
        self.router = SimpleNamespace(lifespan_context=self._lifespan)
        self._fault = fault

    @asynccontextmanager
    async def _lifespan(self, app: object) -> AsyncIterator[None]:
        assert app is self
        if self._fault:
            raise self._fault
        self.diary.append("in")
        yield
        self.diary.append("out")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})


async def get(door: Door, path: str) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await door({"type": "http", "path": path}, asyncio.Event().wait, send)  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"]


def in_a_server(visit: Callable[[Door], Awaitable[Any]]) -> list[str]:
    """Runs the door as a server does; gives the lifespan messages that it sent."""

    async def serve() -> list[str]:
        door = Door()
        orders: asyncio.Queue[Message] = asyncio.Queue()
        sent: list[str] = []

        async def send(message: Message) -> None:
            sent.append(message["type"])

        life = asyncio.create_task(door({"type": "lifespan"}, orders.get, send))
        await orders.put({"type": "lifespan.startup"})
        await visit(door)
        await orders.put({"type": "lifespan.shutdown"})
        await life
        return sent

    return asyncio.run(serve())


def test_somebody_who_comes_early_gets_the_waiting_page() -> None:
    async def visit(door: Door) -> None:
        status, body = await get(door, "/")
        assert status == 200
        assert b"<title>Prompt Playground</title>" in body
        assert (await get(door, "/gradio_api/info"))[0] == 503
        assert json.loads((await get(door, "/startup"))[1]) == {
            "page": "loading",
            "engine": "loading",
        }

    assert in_a_server(visit) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_an_admitted_page_answers_and_lives_until_the_server_ends() -> None:
    page = Page()

    async def visit(door: Door) -> None:
        await asyncio.to_thread(door.admit, page)
        assert await get(door, "/") == (200, b"page")
        assert await get(door, "/gradio_api/info") == (200, b"page")
        door.engine = "ready"
        assert json.loads((await get(door, "/startup"))[1]) == {"page": "ready", "engine": "ready"}
        assert page.diary == ["in"]

    assert in_a_server(visit) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert page.diary == ["in", "out"]


def test_a_page_that_fails_at_its_start_is_not_admitted() -> None:
    async def visit(door: Door) -> None:
        with pytest.raises(ValueError, match="no such thing"):
            await asyncio.to_thread(door.admit, Page(ValueError("no such thing")))
        assert b"Prompt Playground" in (await get(door, "/"))[1]

    in_a_server(visit)
