"""The Playground's verbalizer: its table, those to start from, and more words for its labels."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.editors import import_verbalizer, read_verbalizer, verbalizer_editor
from playground.page.engine import Engine
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.text import explain, language_of, shown
from playground.page.widening import suggestions, widening_panel


class VerbalizerCard:
    """Builds the card into the surrounding column; `wire` connects what is its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("playground.verbalizer"), elem_classes="pg-title")
                self.starting = gr.Dropdown(
                    choices=[],
                    show_label=False,
                    container=False,
                    interactive=True,
                    scale=0,
                    min_width=210,
                    elem_id="starting-verbalizer",
                )
            self.table = verbalizer_editor("verbalizer", value={"rows": []}, texts={})
            self.panel = widening_panel("widening")
            self.message = message_line("verbalizer-message")

    def wire(self, asked: Sequence[Any]) -> None:
        """Connects import and widening; ``asked``: model, task, template and trained prompt."""
        self.table.imported(import_verbalizer, [self.table], [self.table, self.message], **PRIVATE)
        self.table.widen(self.widen, [*asked, self.table], [self.panel, self.message], **PRIVATE)

    def widen(
        self,
        model: str,
        task: str,
        template: str,
        prompt_id: str,
        verbalizer: dict[str, Any],
        request: gr.Request,
    ) -> list[Any]:
        """Words near to each label's, to choose from, or why there are none."""
        language = language_of(request)
        try:
            words = read_verbalizer(verbalizer)
            found = suggestions(
                self.engine, model, task, template, words, prompt_id=prompt_id, language=language
            )
        except PlaygroundError as error:
            return [None, explain(error, language)]
        return [found, ""]
