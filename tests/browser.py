"""The Chromium that the tests and the benchmarks look at the page with."""

import shutil

# Debian's names for it, and Google's; where there is none, Playwright uses its own.
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Headless, as root in a container, and without calls of its own into the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Where the system's Chromium is, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)
