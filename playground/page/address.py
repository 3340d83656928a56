"""The page's state in its address: a copied link, or a reload, brings everything back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from playground.errors import VerbalizerError
from playground.prompts import Verbalizer

_FIELD = "text."
_PLAIN = (
    *("tab", "model", "task", "template", "truncation", "label"),
    *("prompt", "calibration", "run"),
)


@dataclass(frozen=True)
class State:
    """What is open on the page. None and empty stand for the default."""

    model: str = ""
    task: str = ""
    template: str = ""
    truncation: str = ""
    row: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    verbalizer: Verbalizer | None = None
    prompt: str = ""
    calibration: str = ""
    run: str = ""
    tab: str = ""


def to_query(state: State) -> str:
    """The state as a query string, without the question mark; defaults are left away."""
    pairs = [(name, getattr(state, name)) for name in _PLAIN]
    pairs += [(_FIELD + name, text) for name, text in state.row.items()]
    if state.verbalizer is not None:
        described = json.loads(state.verbalizer.to_json())
        compact = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
        pairs.append(("verbalizer", compact))
    return urlencode([(name, value) for name, value in pairs if value])


def from_query(query: Mapping[str, str]) -> State:
    """Reads a query string's parameters; what cannot be read counts as not given."""
    verbalizer = None
    if query.get("verbalizer"):
        try:
            verbalizer = Verbalizer.from_json(query["verbalizer"])
        except VerbalizerError:
            verbalizer = None
    row = {name.removeprefix(_FIELD): text for name, text in query.items() if name[:5] == _FIELD}
    plain = {name: query.get(name, "") for name in _PLAIN}
    return State(**plain, row=row, verbalizer=verbalizer)
