"""The Search tab: words for trigger slots and for labels, found while one watches."""

from typing import Any

import gradio as gr

from playground.methods.searches import searches
from playground.page.engine import Engine
from playground.page.live_figure import search_view
from playground.page.run_controls import RunControls
from playground.page.tabs.method_tab import MethodTab
from playground.page.text import shown, texts
from playground.runs import plan_search


class SearchTab(MethodTab):
    """See `MethodTab`. What a search has found is a prompt like any other."""

    def __init__(self, engine: Engine) -> None:
        orders = ("pause", "resume", "stop")
        controls = RunControls(
            engine, "search", orders=orders, remembered="search", prefix="search-"
        )
        super().__init__(engine, "search", searches(), controls)

    def build_view(self) -> gr.HTML:
        return search_view("search-run", self.controls.poll)

    def view_texts(self, language: str) -> dict[str, str]:
        return texts(language, "run.", "figure.", "search.")

    def build_summary(self) -> None:
        gr.Markdown(shown("search.starts_from"), elem_classes="pg-note")

    def start_run(self, **asked: Any) -> str:
        task = asked.pop("task")
        planned = plan_search(table=self.engine.table(task), dataset=task, **asked)
        return self.engine.runs.start_search(planned)
