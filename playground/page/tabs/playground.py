"""The Playground tab: write a template and a verbalizer, see what the model says at the slot."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.address import State, from_query, to_query
from playground.page.answer_card import CALIBRATIONS, AnswerCard
from playground.page.answer_view import aside, chips
from playground.page.conversion import conversion_offer, offer
from playground.page.editors import (
    hidden_script,
    reshape,
    row_editor,
    token_chips,
    verbalizer_value,
)
from playground.page.engine import Engine
from playground.page.form import TRUNCATIONS, switch, truncation_choice
from playground.page.header import Header
from playground.page.look import look
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.task_start import (
    NO_PROMPT,
    carried_by,
    example,
    fields_shown,
    known_fields,
    prompt_choices,
    task_choices,
    task_start,
)
from playground.page.text import explain, language_of, say, shown, texts
from playground.page.verbalizer_card import VerbalizerCard
from playground.prompts import Truncation, Verbalizer
from playground.tasks import is_dataset_name

TOP_K = 10
FIRST_TASK = "reviews"


@dataclass
class PromptInputs:
    """What says which prompt is meant; the Train tab reads the same components."""

    model: gr.Dropdown
    task: gr.Dropdown
    template: gr.Textbox
    verbalizer: gr.HTML
    prompt: gr.Dropdown
    row: gr.HTML
    truncation: gr.Dropdown


class PlaygroundTab:
    """Builds the tab into the surrounding Blocks; `wire` connects it once the header is there."""

    def __init__(self, engine: Engine, header: Header) -> None:
        self.engine = engine
        self.header_message = header.message
        with gr.Row(elem_id="playground", elem_classes="pg-columns"):
            with gr.Column(scale=5, min_width=340):
                self._build_prompt()
            with gr.Column(scale=6, min_width=340):
                self.said = AnswerCard()
        self.aside = hidden_script("watch('value', () => playgroundAside(props.value));")
        self.typing = hidden_script(
            "playgroundTyping(() => trigger('quiet', {}), '#template, #row, #verbalizer');"
        )
        self.inputs = PromptInputs(
            header.model,
            header.task,
            self.template,
            self.words.table,
            self.prompt,
            self.row,
            self.truncation,
        )

    def _build_prompt(self) -> None:
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("playground.template"), elem_classes="pg-title")
                self.shape = switch(
                    "shape", [(shown(f"shape.{shape}"), shape) for shape in ("cloze", "prefix")]
                )
            self.template = gr.Textbox(
                show_label=False,
                lines=2,
                max_lines=6,
                interactive=True,
                container=False,
                elem_id="template",
                elem_classes="pg-mono",
                placeholder="{text} It was [MASK].",
            )
            with gr.Row(elem_classes="pg-bar", elem_id="insert"):
                for text_id, piece in (
                    ("insert.field", "{text}"),
                    ("insert.answer", "[MASK]"),
                    ("insert.soft", "[SOFT]"),
                    ("insert.trigger", "[TRIGGER]"),
                ):
                    button = gr.Button(shown(text_id), size="sm", elem_classes="pg-insert")
                    name = json.dumps(piece)
                    if text_id == "insert.field":
                        name = 'document.querySelector("#row textarea")?.dataset.field'
                        name = f"`{{${{{name} ?? 'text'}}}}`"
                    button.click(None, js=f"() => {{ playgroundInsert({name}); }}")
            self.template_message = message_line("template-message")
            conversion_offer()
            with gr.Row(elem_classes="pg-pickers"):
                self.starting = gr.Dropdown(
                    label=shown("playground.starting_templates"),
                    choices=[],
                    interactive=True,
                    min_width=160,
                )
                self.prompt = gr.Dropdown(
                    label=shown("playground.trained_prompt"),
                    choices=[(shown("prompt.none"), NO_PROMPT)],
                    value=NO_PROMPT,
                    interactive=True,
                    min_width=160,
                    elem_id="trained-prompt",
                )
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("playground.text"), elem_classes="pg-title")
                self.another = gr.Button(
                    shown("playground.another"), size="sm", elem_classes="pg-small", scale=0
                )
            self.row = row_editor("row", value={"fields": ["text"], "row": {}, "label": None})
            self.row_message = message_line("row-message")
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes="pg-card-head"):
                gr.Markdown(shown("playground.as_the_model_sees_it"), elem_classes="pg-title")
                self.truncation = truncation_choice(
                    "truncation", show_label=False, container=False, scale=0, min_width=210
                )
            self.chips = token_chips("chips", value=None)
        self.words = VerbalizerCard(self.engine)

    # ---- wiring --------------------------------------------------------------------------------

    def wire(self, load: Callable[..., Any], header: Header) -> None:
        """Connects events; ``load`` is the Blocks' load event."""
        inputs = self.inputs
        self.ask_with: dict[str, Any] = {
            "inputs": [*vars(inputs).values(), self.shape, self.said.calibration],
            "outputs": [
                self.aside,
                self.shape,
                self.chips,
                *self.said.outputs,
                inputs.row,
            ],
            **PRIVATE,
        }
        self.typing.quiet(self.answer, trigger_mode="always_last", queue=False, **self.ask_with)
        self.picked_by_task = [
            inputs.template,
            inputs.verbalizer,
            inputs.prompt,
            inputs.row,
            self.starting,
            self.words.starting,
        ]
        carried = [inputs.model, inputs.template, inputs.truncation, inputs.verbalizer]
        opened: list[Any] = [inputs.model, inputs.task, inputs.truncation, self.said.calibration]
        opened += self.picked_by_task
        opened += self.ask_with["outputs"][:-1]
        # the other tabs fill when there is something to see on this one
        self.opened = load(self.open, None, opened, **PRIVATE).then(
            None, js="() => playgroundDrawn()", **PRIVATE
        )
        changes: list[tuple[Callable[..., Any], Callable[..., Any], Any, list[Any]]] = [
            # soft vectors belong to the model that they were trained with
            (inputs.model.input, lambda: NO_PROMPT, None, [inputs.prompt]),
            (
                self.another.click,
                self.another_example,
                [inputs.task, inputs.row, inputs.template],
                [inputs.row],
            ),
            (self.starting.input, lambda chosen: chosen, [self.starting], [inputs.template]),
            (
                self.words.starting.input,
                lambda chosen: verbalizer_value(Verbalizer.from_json(chosen)),
                [self.words.starting],
                [inputs.verbalizer],
            ),
            (inputs.prompt.input, self.pick_prompt, [inputs.prompt], carried),
        ]
        for event, function, sources, targets in changes:
            event(function, sources, targets, trigger_mode="always_last", **PRIVATE).then(
                self.answer, **self.ask_with
            )
        data = [header.data_message, inputs.task, *self.picked_by_task]
        for event, function, source in (
            (inputs.task.input, self.choose_task, inputs.task),
            (header.upload.upload, self.upload, header.upload),
        ):
            event(function, [source], data, **PRIVATE).then(self.answer, **self.ask_with)
        # asked for as if typed: an answer to the last template must not turn the switch back
        self.shape.input(
            reshape, [inputs.template, self.shape], [inputs.template], queue=False, **PRIVATE
        ).then(None, js="() => playgroundAsk()", queue=False, **PRIVATE)
        for choice in (self.said.calibration, self.truncation):
            choice.input(self.answer, trigger_mode="always_last", queue=False, **self.ask_with)
        self.words.wire([inputs.model, inputs.task, inputs.template, inputs.prompt])
        inputs.prompt.focus(self.list_prompts, [inputs.prompt], [inputs.prompt], **PRIVATE)

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> list[Any]:
        """What the page starts with, in one go: the address's state over the defaults, answered."""
        language = language_of(request)
        state = from_query(dict(request.query_params))
        try:
            task = state.task or FIRST_TASK
            template, verbalizer, _, row, *starting = self.pick_task(task)
        except PlaygroundError:  # a table that has been deleted, say
            task = FIRST_TASK
            template, verbalizer, _, row, *starting = self.pick_task(task)
        template = state.template or template
        if state.verbalizer is not None:
            verbalizer = verbalizer_value(state.verbalizer)
        if state.row:
            row = {**row, "row": {**row["row"], **state.row}, "label": state.label or None}
        row["fields"] = fields_shown(template, list(row["row"])) or row["fields"]
        model = state.model or self.engine.default_model
        prompts = prompt_choices(self.engine, language)
        chosen = state.prompt if any(state.prompt == known for _, known in prompts) else NO_PROMPT
        calibration = state.calibration if state.calibration in CALIBRATIONS else CALIBRATIONS[0]
        cut = state.truncation if state.truncation in TRUNCATIONS else TRUNCATIONS[0]
        answered = self.answer(
            *(model, task, template, verbalizer, chosen, row),
            truncation=cast(Truncation, cut),
            shape="",
            calibration=calibration,
            request=request,
        )
        return [
            model,
            gr.Dropdown(choices=task_choices(self.engine, language), value=task),
            cut,
            calibration,
            template,
            gr.HTML(value=verbalizer, texts=texts(language, "verbalizer.")),
            gr.Dropdown(choices=prompts, value=chosen),
            row,
            *starting,
            *answered[:-1],
        ]

    def answer(
        self,
        model_name: str,
        task: str,
        source: str,
        verbalizer: dict[str, Any],
        prompt_id: str,
        row: dict[str, Any],
        truncation: Truncation,
        shape: str,
        calibration: str,
        request: gr.Request,
    ) -> list[Any]:
        """Everything the tab shows for one prompt and one example; what stays is skipped."""
        language = language_of(request)
        row = row or {}
        texts_of_row = dict(row.get("row") or {})
        known = known_fields(self.engine, task, texts_of_row)
        fields = fields_shown(source, known)
        texts_of_row = {name: str(texts_of_row.get(name, "")) for name in known}
        seen = look(
            self.engine,
            model_name,
            source,
            texts_of_row,
            verbalizer,
            top_k=TOP_K,
            prompt_id=prompt_id,
            calibration=calibration,
            truncation=truncation,
        )
        offered = offer(source, known, language) if seen.template is None else None
        truth = row.get("label")
        state = State(
            model=model_name if model_name != self.engine.default_model else "",
            task=task,
            template=source,
            truncation=truncation if truncation != TRUNCATIONS[0] else "",
            row={name: texts_of_row[name] for name in fields if name in texts_of_row},
            label=truth or "",
            verbalizer=seen.verbalizer,
            prompt=prompt_id,
            calibration=calibration if calibration != CALIBRATIONS[0] else "",
        )
        return [
            {**aside(seen, offered, language), "query": to_query(state)},
            gr.skip() if seen.shape in (None, shape) else seen.shape,
            gr.skip() if seen.answers is None else chips(seen, language),
            *self.said.shows(
                *(seen, truth, language),
                model=model_name,
                row=texts_of_row,
                fields=fields,
                trained=bool(prompt_id),
            ),
            gr.skip()
            if not fields or fields == row.get("fields")
            else {**row, "fields": fields, "row": texts_of_row},
        ]

    def pick_task(self, task: str) -> list[Any]:
        """A task's own prompt and an example: template, verbalizer, prompt, row, two lists."""
        start = task_start(self.engine, task)
        words = start.verbalizers[0][1] if start.verbalizers else None
        return [
            start.template,
            {"rows": start.verbalizer_rows},
            NO_PROMPT,
            example(self.engine, task, 0, start.template),
            gr.Dropdown(choices=start.templates, value=start.template),
            gr.Dropdown(choices=start.verbalizers, value=words),
        ]

    def choose_task(self, task: str, request: gr.Request) -> Iterator[list[Any]]:
        """Opens a task, or a dataset of the Hub by its name; one that is not there only says so."""
        language = language_of(request)
        nothing = [gr.skip()] * (1 + len(self.picked_by_task))
        if is_dataset_name(task):
            yield [say("header.fetching", language, dataset=task), *nothing]
        try:
            yield ["", gr.skip(), *self.pick_task(task)]
        except PlaygroundError as error:
            yield [explain(error, language), *nothing]

    def another_example(self, task: str, row: dict[str, Any], source: str) -> dict[str, Any]:
        """The next example of the task, other than the one shown."""
        return example(self.engine, task, int((row or {}).get("index", 0)) + 1, source)

    def pick_prompt(self, prompt_id: str) -> list[Any]:
        """A trained prompt brings its model, template, truncation and verbalizer along."""
        if not prompt_id:
            return [gr.skip()] * 4
        try:
            return carried_by(self.engine, prompt_id)
        except PlaygroundError:
            return [gr.skip()] * 4  # the answer that follows says why

    def list_prompts(self, chosen: str, request: gr.Request) -> Any:
        """The trained prompts as they are now."""
        return gr.Dropdown(choices=prompt_choices(self.engine, language_of(request)), value=chosen)

    def upload(self, path: str, request: gr.Request) -> list[Any]:
        """Takes a CSV in and opens it; one that cannot be read changes nothing but the message."""
        language = language_of(request)
        try:
            name = self.engine.keep_table(Path(path))
        except PlaygroundError as error:
            return [explain(error, language), *[gr.skip()] * (1 + len(self.picked_by_task))]
        choices = task_choices(self.engine, language)
        return ["", gr.Dropdown(choices=choices, value=name), *self.pick_task(name)]
