"""The button that fills PET's further templates in: those that are known for the dataset."""

from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.engine import Engine
from playground.page.private import PRIVATE
from playground.page.task_start import task_start
from playground.page.text import explain, language_of, say, shown
from playground.prompts import Template


class FurtherTemplates:
    """Builds the button; `wire` connects it to the field."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def build_button(self) -> None:
        self.button = gr.Button(
            shown("pet.fill_in"), size="sm", min_width=0, elem_id="fill-further-templates"
        )

    def wire(
        self, task: gr.Dropdown, template: gr.Textbox, field: gr.Textbox, message: gr.HTML
    ) -> None:
        """``field`` takes the templates, one a line; ``message`` says where there are none."""
        self.button.click(self.fill, [task, template], [field, message], **PRIVATE)

    def fill(self, task: str, template: str | None, request: gr.Request) -> list[Any]:
        """The dataset's templates of the shape of ``template``, but for that one."""
        language = language_of(request)
        try:
            own = Template(template or "")
            known = [Template(source) for _, source in task_start(self.engine, task).templates]
        except PlaygroundError as error:
            return [gr.skip(), explain(error, language)]
        others = [
            str(other)
            for other in known
            if other.is_prefix == own.is_prefix and str(other) != str(own)
        ]
        if not others:
            return [gr.skip(), say("pet.no_others", language)]
        return ["\n".join(others), ""]
