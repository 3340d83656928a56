"""The Compare tab's first card: one text under every template and verbalizer of the form."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError, error_from_json
from playground.page.comparison import LineError, read_templates, read_verbalizers, verbalizer_name
from playground.page.editors import hidden_script, row_editor
from playground.page.engine import Engine
from playground.page.live_figure import script
from playground.page.private import PRIVATE
from playground.page.text import explain, language_of, shown, texts
from playground.prompts import Truncation, Verbalizer


class SideBySide:
    """Builds the card into the surrounding column; `wire` makes it follow the form."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with gr.Column(elem_classes="pg-card"):
            gr.Markdown(shown("side_by_side.title"), elem_classes="pg-title")
            self.row = row_editor(
                "compare-row", value={"fields": ["text"], "row": {}, "label": None}
            )
            self.bars = gr.HTML(
                value=None,
                elem_id="side-by-side",
                html_template='<div class="pg-side-by-side"></div>',
                js_on_load=script("drawing", "side_by_side")
                + "showSideBySide({ element, props, watch });",
                apply_default_css=False,
            )
        typed = "'#compare-row, #compare-templates, #compare-verbalizers'"
        self.typing = hidden_script(f"playgroundTyping(() => trigger('quiet', {{}}), {typed});")

    def wire(self, asked: Sequence[Any], events: Sequence[Any]) -> None:
        """``asked``: model, templates, verbalizers and truncation of the form."""
        for event in (self.typing.quiet, *events):
            event(
                self.show,
                [*asked, self.row],
                [self.bars],
                trigger_mode="always_last",
                queue=False,
                **PRIVATE,
            )

    def show(
        self,
        model: str,
        templates: str,
        verbalizers: str,
        truncation: Truncation,
        row: dict[str, Any],
        request: gr.Request,
    ) -> Any:
        """The bars; those shown stay while a line is being typed."""
        language = language_of(request)
        try:
            read = read_templates(templates, truncation)
            words = read_verbalizers(verbalizers)
        except LineError:
            return gr.skip()
        try:
            found = self.engine.inference.ask(
                "side_by_side",
                model=model,
                templates=[str(template) for template in read],
                truncation=truncation,
                verbalizers=[verbalizer.to_json() for verbalizer in words],
                row=dict((row or {}).get("row") or {}),
            )
        except PlaygroundError as error:
            return {"message": explain(error, language)}
        return {
            "columns": [_column(verbalizer) for verbalizer in words],
            "rows": [
                {"template": str(template), "cells": [_cell(cell, language) for cell in cells]}
                for template, cells in zip(read, found, strict=True)
            ],
            "texts": texts(language, "side_by_side."),
        }


def _column(verbalizer: Verbalizer) -> dict[str, Any]:
    return {"name": verbalizer_name(verbalizer), "colours": verbalizer.colours}


def _cell(cell: dict[str, Any], language: str) -> dict[str, Any]:
    if "error" not in cell:
        return cell
    error = error_from_json(cell["error"])
    assert isinstance(error, PlaygroundError)
    return {"error": explain(error, language)}
