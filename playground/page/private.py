"""How the page's own events are wired: out of the documented endpoints, without a spinner."""

from typing import Any

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
