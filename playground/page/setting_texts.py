"""Settings of runs in words: their names, and their values on one line."""

from collections.abc import Mapping
from typing import Any

from playground.page.text import catalogue, say


def setting_name(name: str, language: str) -> str:
    """What a setting is called on the page; one that has no name there is called by its own."""
    words = catalogue(language)
    return words.get(f"setting.{name}") or words.get(f"history.setting.{name}") or name


def setting_text(name: str, value: Any, language: str) -> str:
    """A setting's value on one line; "" where there is none."""
    words = catalogue(language)
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return say("history.yes" if value else "history.no", language)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "; ".join(
            f"{key}: {setting_text(name, each, language)}" for key, each in value.items()
        )
    if isinstance(value, list):
        return ", ".join(setting_text(name, each, language) for each in value)
    if name == "method":
        return method_text(str(value), language)
    ids = (f"{kind}{name}.{value}" for kind in ("choice.", "", "verbalizer.", "history."))
    return next((words[id] for id in ids if id in words), str(value))


def method_text(method: str, language: str) -> str:
    """A method's name for people; that of a comparison, which is a method of its own."""
    words = catalogue(language)
    return words.get(f"method.{method}") or words.get(f"history.kind.{method}") or method
