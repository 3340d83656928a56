"""What a search has found: a template, a verbalizer, and the table behind them.

Reading one needs no torch. In a folder it is ``search.json``.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.errors import RunError
from playground.prompts import Template, Truncation, Verbalizer

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
_DESCRIPTION = "search.json"


@dataclass(frozen=True)
class SearchResult:
    """A template and a verbalizer in their own syntax, one of which was found.

    ``rows`` is the table behind it: the accepted swaps of AutoPrompt, or ranked label words.
    ``triggers`` holds the trigger tokens that were found, each with ``id`` and ``text``. Where
    they cannot be told in writing, ``template`` has soft slots for them and is not ``written``:
    it needs the trained prompt that the search has left.
    """

    method: str
    template: str
    truncation: Truncation
    verbalizer: Mapping[str, Any]
    step: int
    dev_accuracy: float | None
    rows: tuple[Mapping[str, Any], ...]
    triggers: tuple[Mapping[str, Any], ...] = ()
    written: bool = True

    def read_template(self) -> Template:
        return Template(self.template, truncation=self.truncation)

    def read_verbalizer(self) -> Verbalizer:
        return Verbalizer.from_json(json.dumps(self.verbalizer))

    def table(self) -> "pd.DataFrame":
        """``rows``, a column for each of their entries."""
        import pandas as pd

        return pd.DataFrame(list(self.rows))

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=2)
        (folder / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")
        return folder


def read_search(folder: str | Path) -> SearchResult:
    """Reads what `SearchResult.save` wrote. Raises RunError where there is none."""
    try:
        description = json.loads((Path(folder) / _DESCRIPTION).read_text(encoding="utf-8"))
        if description.pop("format") != FORMAT:
            raise ValueError("another format")
        for name in ("rows", "triggers"):
            description[name] = tuple(description[name])
        return SearchResult(**description)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"“{folder}” holds nothing found by a search that can be read here ({error}).",
            code="search.unreadable",
            folder=str(folder),
            reason=str(error),
        ) from error
