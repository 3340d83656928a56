import gzip
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from urllib.request import Request, urlopen

import pytest

from tests.server import REPOSITORY, Server


def test_from_the_first_answer_to_ctrl_c(free_port: int, home: Path) -> None:
    with Server(free_port, home) as server:
        assert server.status() == {"page": "loading", "engine": "loading"}
        status, waiting = server.get("/")
        assert status == 200
        assert b'fetch("startup"' in waiting
        assert server.get("/gradio_api/info")[0] == 503

        server.wait_until("page")
        status, page = server.get("/")
        assert status == 200
        assert b"window.gradio_config" in page
        assert json.loads(server.get("/gradio_api/info")[1])["named_endpoints"]

        server.wait_until("engine")
        code, printed = server.end()
    assert code == 0
    assert f"http://127.0.0.1:{free_port}" in printed
    assert "Traceback" not in printed


def test_the_page_keeps_its_doors_shut(free_port: int, home: Path) -> None:
    with Server(free_port, home) as server:
        server.wait_until("page")
        assert server.get("/monitoring")[0] != 200
        assert server.get("/gradio_api/file=/etc/passwd")[0] == 403
        assert server.get(f"/gradio_api/file={REPOSITORY / 'app.py'}")[0] == 403
        assert server.get("/gradio_api/file=http://127.0.0.1:1/")[0] == 403
        for stranger in ("https://example.com", "null"):
            request = Request(server.url, headers={"Origin": stranger})
            with urlopen(request) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_draws_is_named_once_by_the_page_and_served_small(free_port: int, home: Path) -> None:
    with Server(free_port, home) as server:
        server.wait_until("page")
        page = server.get("/")[1].decode()
        [name] = re.findall(r'<script[^>]* src="(plotly[^"]*)"', page)
        status, plain = server.get(f"/{name}")
        assert status == 200
        small = server.get(f"/{name}", **{"Accept-Encoding": "gzip"})[1]
        assert gzip.decompress(small) == plain
        assert b"plotly.js v" in plain[:200]
        assert len(small) < len(plain) / 2


@pytest.mark.parametrize("signal", [SIGINT, SIGTERM])
def test_it_can_be_stopped_while_it_starts(free_port: int, home: Path, signal: Signals) -> None:
    with Server(free_port, home) as server:
        assert server.status()["page"] == "loading"
        code, printed = server.end(signal)
    assert code == 0
    assert "Traceback" not in printed


def test_a_port_in_use_is_said(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with Server(port, home) as server:
            code, printed = server.wait()
    assert code == 1
    assert f"Nothing can listen at http://127.0.0.1:{port}" in printed
    assert "Traceback" not in printed


def test_a_page_that_cannot_be_built_ends_the_server(free_port: int, home: Path) -> None:
    script = """
from playground.boot import serve
from playground.errors import ModelError
from playground.settings import Settings

def build(settings):
    raise ModelError("There is no such model.")

raise SystemExit(serve(Settings.from_environment(), build))
"""
    with Server(free_port, home, ["-c", script]) as server:
        code, printed = server.wait()
    assert code == 1
    assert "The page could not be built.\nThere is no such model." in printed


def test_gradio_is_imported_without_writing_stubs() -> None:
    script = """
from pathlib import Path
from playground.gradio_import import import_gradio

writes = []
Path.write_text = lambda self, *_, **__: writes.append(str(self))
import_gradio()

import gradio
from gradio import component_meta
assert gradio.Textbox().change
assert component_meta.create_or_modify_pyi.__module__ == "playground.gradio_import"
assert not writes, writes
"""
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)
