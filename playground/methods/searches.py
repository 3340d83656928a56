"""The searches by name: what each looks for, its settings, and where it is written.

A new search is a settings class in ``search_settings.py``, a line here, and a file with its
`Search`, which is imported when it is first started.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from playground.methods.registry import class_at, named
from playground.methods.search_settings import AutoPromptSettings, LabelWordSettings
from playground.methods.settings import MethodSettings
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    import pandas as pd

    from playground.methods.search import Search
    from playground.models import LanguageModel


@dataclass(frozen=True)
class SearchMethod:
    """A way of searching words. ``place`` is ``"module:class"`` of its `Search`."""

    name: str
    description: str
    settings: type[MethodSettings]
    place: str

    @property
    def search(self) -> "Callable[..., Search]":
        """The class that searches."""
        return cast("Callable[..., Search]", class_at(self.place))


_SEARCHES = (
    SearchMethod(
        "autoprompt",
        "Searches words for the template's trigger slots, guided by the gradient; the model stays "
        "frozen.",
        AutoPromptSettings,
        "playground.methods.autoprompt:AutoPrompt",
    ),
    SearchMethod(
        "label-word-search",
        "Searches words for the labels, by what the model puts at the answer slot.",
        LabelWordSettings,
        "playground.methods.label_words:LabelWordSearch",
    ),
)


def searches() -> dict[str, SearchMethod]:
    """All searches by name."""
    return {found.name: found for found in _SEARCHES}


def search_method(name: str) -> SearchMethod:
    """The search of that name. Raises SettingsError where there is none."""
    return named(name, searches())


def start_search(
    name: str,
    model: "LanguageModel",
    template: Template,
    verbalizer: Verbalizer,
    train: "pd.DataFrame",
    dev: "pd.DataFrame",
    settings: dict[str, Any],
) -> "Search":
    """Sets the search ``name`` up; iterate over it to search.

    ``train`` and ``dev`` have a column ``label`` and the template's fields; ``dev`` may be empty.
    Raises SettingsError, TemplateError, VerbalizerError or DataError before any step is made.
    """
    chosen = search_method(name)
    checked = chosen.settings.checked(settings)
    return chosen.search(model, template, verbalizer, train, dev, checked)
