import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.server import Server

PATIENCE = 60_000  # ms: two busy cores may be slow, a right answer is still right
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real page with a home of its own, its engine loaded."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    home: Path = tmp_path_factory.mktemp("home")
    with Server(port, home) as server:
        server.wait_until("page")
        server.wait_until("engine")
        yield server


@pytest.fixture
def page(chromium: Browser, served: Server) -> Iterator[Page]:
    """A fresh visitor on the page, who sees the first prediction and no script error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, locale="en-US")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(served.url)
    page.wait_for_selector("#label-bars .bars .point")
    yield page
    context.close()
    assert not errors


@pytest.fixture
def train(page: Page) -> Page:
    """The visitor in the Train tab."""
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#start")).to_be_enabled()
    return page


def start_run(page: Page) -> str:
    """Presses Start and returns the id of the run that the page shows then."""
    before = page.evaluate("new URLSearchParams(location.search).get('run')")
    page.locator("#start").click()
    page.wait_for_function(
        "before => { const run = new URLSearchParams(location.search).get('run');"
        " return run && run !== before; }",
        arg=before,
    )
    run: str = page.evaluate("new URLSearchParams(location.search).get('run')")
    return run


def upload(page: Page, button: str, file: Path) -> None:
    """Chooses a file through an upload button, as a person does."""
    with page.expect_file_chooser() as chooser:
        page.locator(f"#{button}").click()
    chooser.value.set_files(file)
