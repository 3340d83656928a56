"""Every visible string, by id, in English and Chinese.

Labels of components are translated by the browser (`shown`); what Python composes is translated
here, in the language that the request's cookie or browser names.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import PlaygroundError

if TYPE_CHECKING:
    import gradio as gr

LANGUAGES = ("en", "zh-CN")
COOKIE = "pg_language"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All strings of a language; what it lacks is English, as is a language not known here."""
    folder = Path(__file__).parent
    english: dict[str, str] = json.loads((folder / "en.json").read_text(encoding="utf-8"))
    if language == "en" or language not in LANGUAGES:
        return english
    own: dict[str, str] = json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))
    return english | own


@cache
def _translations() -> "gr.I18n":
    import gradio as gr

    return gr.I18n(**{language: catalogue(language) for language in LANGUAGES})


def translations() -> "gr.I18n":
    """What the browser needs to translate labels."""
    return _translations()


def shown(text_id: str) -> Any:
    """A label that the browser says in its own language. An unknown id is an error here."""
    if text_id not in catalogue("en"):
        raise KeyError(text_id)
    return _translations()(text_id)


def say(text_id: str, language: str, **values: object) -> str:
    """A string with its ``{values}`` filled in."""
    return catalogue(language)[text_id].format_map(values)


def texts(language: str, *prefixes: str) -> dict[str, str]:
    """The strings whose ids begin with one of ``prefixes``, for a widget."""
    return {key: text for key, text in catalogue(language).items() if key.startswith(prefixes)}


def explain(error: PlaygroundError, language: str) -> str:
    """An error's sentence in the reader's language, where it has one."""
    words = catalogue(language)
    sentence = words.get(f"error.{error.code}")
    if sentence is None:
        return error.message
    details = {name: "" if value is None else value for name, value in error.details.items()}
    if "state" in details:
        kind = "study" if error.code.startswith("studies.") else "run"
        details["state"] = words.get(f"{kind}.state.{details['state']}", details["state"])
    for codes, labels in (("settings.", "setting."), ("studies.", "study.")):
        if error.code.startswith(codes) and "field" in details:
            details["field"] = words.get(f"{labels}{details['field']}", details["field"])
    if details.get("suggestion"):
        sentence += words["error.suggestion"]
    if "template_line" in details:
        sentence += words["error.template_line"]
    try:
        return sentence.format_map(details)
    except (KeyError, IndexError):
        return error.message


def language_of(request: "gr.Request | None") -> str:
    """The language chosen on the page, or else the browser's first; English where unknown."""
    if request is None:
        return "en"
    cookies: Mapping[str, str] = getattr(request, "cookies", None) or {}
    if cookies.get(COOKIE) in LANGUAGES:
        return cookies[COOKIE]
    headers: Mapping[str, str] = getattr(request, "headers", None) or {}
    accepted = headers.get("accept-language", "")
    return "zh-CN" if accepted.lower().startswith("zh") else "en"
