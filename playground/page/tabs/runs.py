"""The Runs tab: what has been run, found again, compared, tidied up, taken away and brought in."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.engine import Engine
from playground.page.history_answers import HistoryAnswers
from playground.page.history_view import history_view
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.tabs.compare import CompareTab
from playground.page.tabs.method_tab import MethodTab
from playground.page.text import explain, language_of, shown, texts
from playground.runs import import_run
from playground.runs.spec import Kind


class RunsTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it to the tabs that show runs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with gr.Column(elem_id="runs"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("history.about"), elem_classes="pg-note")
                self.bring = gr.UploadButton(
                    shown("history.import"),
                    file_types=[".zip"],
                    size="sm",
                    scale=0,
                    min_width=120,
                    elem_id="runs-import",
                )
            self.message = message_line("runs-message")
            self.view = history_view("history", HistoryAnswers(engine.runs, engine.studies))

    # ---- wiring --------------------------------------------------------------------------------

    def wire(self, load: Any, tabs: gr.Tabs, places: Mapping[Kind, MethodTab | CompareTab]) -> None:
        """``load``: the page's event; ``places``: the tab that shows the runs of a kind."""
        load(self.open, None, [self.view], queue=False, **PRIVATE)
        self.bring.upload(self.bring_in, [self.bring], [self.message, self.view], **PRIVATE)
        self.view.begin(self.open_tab, None, [tabs], queue=False, **PRIVATE)
        for kind, tab in places.items():
            # an event each: a view that was never on screen does not survive being skipped
            getattr(self.view, f"open_{kind}")(
                self._opening(_TAB[kind], tab),
                None,
                [tabs, *_showing(tab)],
                queue=False,
                **PRIVATE,
            )

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> dict[str, Any]:
        """The widget's words: with them it begins to ask."""
        words = texts(language_of(request), "history.", "run.", "figure.", "seeds.")
        return {"texts": words}

    def bring_in(self, path: str, request: gr.Request) -> list[Any]:
        """Keeps an exported run, or says what is wrong with the file."""
        try:
            run_id = import_run(self.engine.runs.history, Path(path))
        except PlaygroundError as error:
            return [explain(error, language_of(request)), gr.skip()]
        return ["", {**self.open(request), "imported": run_id}]

    def open_tab(self, chosen: gr.EventData) -> gr.Tabs:
        """Where runs of a kind are started."""
        return gr.Tabs(selected=_TAB[chosen.kind])

    def _opening(self, name: str, tab: MethodTab | CompareTab) -> Callable[..., list[Any]]:
        """A handler that shows a run in its tab, whose name in the address is ``name``."""

        def open_run(request: gr.Request, chosen: gr.EventData) -> list[Any]:
            language = language_of(request)
            try:
                self.engine.runs.standing(chosen.run)
            except PlaygroundError as error:  # deleted in another window
                raise gr.Error(explain(error, language), print_exception=False) from error
            picker = tab.controls.picker(chosen.run, language)
            return [gr.Tabs(selected=name), picker, *tab.show_run(chosen.run, request)]

        return open_run


_TAB: dict[Kind, str] = {"training": "train", "search": "search", "comparison": "compare"}


def _showing(tab: MethodTab | CompareTab) -> list[Any]:
    """What changes in a tab when it shows another run."""
    followers = (
        tab.prompts.followers if isinstance(tab, MethodTab) else list(tab.controls.buttons.values())
    )
    return [tab.controls.run, tab.view, *followers]
