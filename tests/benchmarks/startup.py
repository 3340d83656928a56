"""Starting: from ``python app.py`` to the first answer, the page and the first prediction in it.

In a browser also how long an answer takes that someone types for. The browser parts are left out,
with a word, where there is no Playwright or no Chromium.
"""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests import browser
from tests.benchmarks.timing import Figure, compared, single

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PART = "startup"
REPOSITORY = Path(__file__).resolve().parents[2]
APP = ("app.py",)
PLAIN = ("-m", "tests.benchmarks.plain_loop")
PATIENCE = 120.0  # seconds
HOST = "127.0.0.1"
KEYS = "Honestly"  # typed in front of the template; each letter changes the answer
QUIET = 120  # ms: how long the page waits after a key before it asks


def measure(effort: float) -> Iterator[Figure]:
    """Yields the figures; ``effort`` scales the number of starts."""
    starts = max(1, round(3 * effort))
    yield from _over_http(starts)
    yield from _in_a_browser(starts)


class Server:
    """A server of this repository in a process of its own, on a free port and in a fresh home."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        with socket.create_server((HOST, 0)) as free:
            self.port: int = free.getsockname()[1]
        self.log = home / "server.log"
        environment = {
            "PLAYGROUND_HOME": str(home),
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        with self.log.open("wb") as log:
            self.began = time.perf_counter()
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=REPOSITORY,
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def seconds_until(self, is_there: Callable[[bytes], bool], path: str = "/") -> float:
        """Asks for ``path`` until its content is right; returns the seconds since the start."""
        while time.perf_counter() - self.began < PATIENCE:
            if self.process.poll() is not None:
                raise RuntimeError(f"The server ended:\n{self.log.read_text('utf-8')[-2000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
                with contextlib.closing(connection):
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    if is_there(answer.read()):
                        return time.perf_counter() - self.began
            time.sleep(0.02)
        raise TimeoutError(f"The server did not answer:\n{self.log.read_text('utf-8')[-2000:]}")

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def _served(command: Sequence[str]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = Server(command, Path(home))
        try:
            yield server
        finally:
            server.end()


def _anything(_: bytes) -> bool:
    return True


def _is_gradio(body: bytes) -> bool:
    return b"gradio_config" in body


def _engine_is_ready(body: bytes) -> bool:
    return bool(json.loads(body)["engine"] == "ready")


def _over_http(starts: int) -> Iterator[Figure]:
    """Ours against a plain Gradio page over the plain loop, one start after the other."""
    first, page, engine, plain = [], [], [], []
    for _ in range(starts):
        with _served(APP) as server:
            first.append(server.seconds_until(_anything))
            page.append(server.seconds_until(_is_gradio))
            engine.append(server.seconds_until(_engine_is_ready, "/startup"))
        with _served(PLAIN) as server:
            plain.append(server.seconds_until(_is_gradio))
    versus = "the loop behind gr.Interface, which answers once its model is there"
    for name, seconds, note in (
        ("first HTTP answer", first, f"goal: under 2 s; {versus}"),
        ("the Gradio page", page, ""),
        ("the model is loaded", engine, ""),
    ):
        yield compared(PART, name, "s", seconds, plain, lambda s: s, note=note)


def _in_a_browser(starts: int) -> Iterator[Figure]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        print("No Playwright here: nothing is measured in a browser.", file=sys.stderr)
        return
    drawn: list[float] = []
    answers: list[float] = []
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=browser.executable(), args=[*browser.ARGUMENTS]
            )
        except Error:
            print("No Chromium here: nothing is measured in a browser.", file=sys.stderr)
            return
        for _ in range(starts):
            with _served(APP) as server:
                seconds, typed = _visit(chromium, server)
            drawn.append(seconds)
            answers.extend(typed)
        chromium.close()
    yield single(PART, "first prediction drawn", "s", drawn, note="goal: under 5 s, in Chromium")
    yield single(PART, "last key to new bars", "ms", answers, note="goal: under 300 ms")
    yield single(
        PART,
        "of that beyond the quiet time",
        "ms",
        [total - QUIET for total in answers],
        note=f"the page waits for {QUIET} ms without a key; goal: under 100 ms",
    )


def _visit(chromium: "Browser", server: Server) -> tuple[float, list[float]]:
    """Opens the page as soon as something answers, and types once there is a prediction.

    Returns the seconds from the server's start to the drawn prediction, and for each key the
    milliseconds until the bars stood at their new values.
    """
    server.seconds_until(_anything)
    page = chromium.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"http://{HOST}:{server.port}/", wait_until="commit")
    page.wait_for_selector("#label-bars .bars .point", state="attached")
    drawn = time.perf_counter() - server.began
    server.seconds_until(_engine_is_ready, "/startup")
    page.wait_for_timeout(1000)
    page.evaluate(_WATCH)
    page.locator("#template textarea").focus()
    page.keyboard.press("Control+Home")
    answers = []
    for key in KEYS:
        page.keyboard.type(key)
        page.wait_for_function("times.shown && performance.now() - times.shown > 500")
        answers.append(page.evaluate("times.shown - times.key"))
    page.close()
    return drawn, answers


# Notes when a key came, and the frame in which what is drawn last after it was shown.
_WATCH = """() => {
  const times = (window.times = { key: 0, shown: 0 });
  const bars = document.querySelector("#answer-bars");
  const values = () => JSON.stringify(bars.querySelector(".js-plotly-plot").data[0].x);
  let before = values();
  document.querySelector("#template textarea").addEventListener("input", () => {
    before = values();
    times.key = performance.now();
    times.shown = 0;
  });
  new MutationObserver(() => {
    if (values() === before) return;
    requestAnimationFrame(() => setTimeout(() => { times.shown = performance.now(); }));
  }).observe(bars, { subtree: true, childList: true, attributes: true, characterData: true });
}"""
