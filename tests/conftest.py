import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import browser

PAGE = Path(__file__).parent / "page"


@pytest.hookimpl(tryfirst=True)  # xdist then reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, those of a file do so in one process, and all those of the
    page in one too: a browser, a server and a worker are enough for two cores.
    """
    for item in items:
        group = "page" if PAGE in item.path.parents else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nothing listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PLAYGROUND_HOME of the test's own, also for what the test runs in this process."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PLAYGROUND_HOME", str(folder))
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Open a context for each test: ``chromium.new_context(...)``.

    For one module only: while Playwright runs, its thread cannot run another event loop.
    """
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=browser.executable(), args=[*browser.ARGUMENTS]
        )
        yield launched
        launched.close()
