"""Scripts in front of the page's own: the chosen language and theme, and what draws.

Gradio puts its ``head`` argument into the document when it has already read the browser's
language, and when nobody should wait for Plotly any more: so they go into the served HTML itself.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from playground.page.plotly_file import TAG

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_SCRIPT = Path(__file__).with_name("early.js").read_text(encoding="utf-8")
_TAGS = f"<script>\n{_SCRIPT}</script>{TAG}".encode()


class EarlyScripts:
    """ASGI middleware that puts the scripts at the start of the head of the page at ``/``."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        # compressed HTML could not be read here
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        started: Message = {}
        body = b""

        async def hold(message: Message) -> None:
            nonlocal started, body
            if message["type"] == "http.response.start":
                started = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            changed = body.replace(b"<head>", b"<head>" + _TAGS, 1)
            started["headers"] = [
                (name, str(len(changed)).encode() if name == b"content-length" else value)
                for name, value in started["headers"]
            ]
            await send(started)
            await send({**message, "body": changed})

        await self.app({**scope, "headers": plain}, receive, hold)
