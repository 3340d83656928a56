"""What the tabs that find prompts share: a form by method, runs to follow, prompts to take."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.page.form import MethodForm, Settled, number_field
from playground.page.messages import message_line
from playground.page.private import PRIVATE
from playground.page.prompt_buttons import PromptButtons
from playground.page.run_controls import RunControls
from playground.page.tabs.playground import PlaygroundTab
from playground.page.text import explain, language_of, say, shown, texts
from playground.prompts import Template


class MethodTab(ABC):
    """Builds the tab into the surrounding Blocks; `wire` connects it to the Playground's prompt.

    ``name`` is the tab's element id, and ``methods`` those of its list. The ids of its own
    components begin with the ``prefix`` of its ``controls``. Prompts with trained vectors can be
    ``adapters`` of PEFT.
    """

    adapters: ClassVar[bool] = False

    def __init__(
        self, engine: Engine, name: str, methods: Mapping[str, Settled], controls: RunControls
    ) -> None:
        self.engine = engine
        self.name = name
        self.methods = methods
        self.controls = controls
        with gr.Row(elem_id=name, elem_classes="pg-columns"):
            with gr.Column(scale=4, min_width=340):
                self._build_settings(next(iter(methods)), controls.prefix)
            with gr.Column(scale=7, min_width=340):
                with gr.Row(elem_classes=["pg-card", "pg-run-head"]):
                    controls.build_picker(f"{name}.run")
                    self.prompts = PromptButtons(engine, controls, adapters=self.adapters)
                self.view = self.build_view()

    def _build_settings(self, first: str, prefix: str) -> None:
        with gr.Column(elem_classes="pg-card"):
            self.method = gr.Dropdown(
                label=shown("train.method"),
                info=shown(f"method.{first}.help"),
                choices=[(shown(f"method.{known}"), known) for known in self.methods],
                value=first,
                interactive=True,
                elem_id=f"{prefix}method",
            )
            self.build_summary()
        with gr.Column(elem_classes="pg-card"):
            with gr.Row(elem_classes=["pg-form", "pg-form-draw"]):
                self.draw = self.build_draw(prefix)
            self.form = self.build_form(prefix)
            self.message = message_line(f"{self.name}-message")
            self.controls.build_buttons()

    def build_draw(self, prefix: str) -> dict[str, gr.Number]:
        """The fields that say which examples are drawn, by name."""
        return {
            "shots": number_field("shots", 16, 1, 100_000, prefix=prefix),
            "seed": number_field("seed", 13, 0, 2**31 - 1, prefix=prefix),
        }

    def build_form(self, prefix: str) -> MethodForm:
        """The settings of the methods."""
        return MethodForm(self.methods, prefix)

    # ---- of each tab ---------------------------------------------------------------------------

    @abstractmethod
    def build_view(self) -> gr.HTML:
        """The widget that follows a run."""

    def view_texts(self, language: str) -> dict[str, str]:
        """The words of the widget."""
        return texts(language, "run.", "figure.")

    @abstractmethod
    def build_summary(self) -> None:
        """What stands under the method."""

    @abstractmethod
    def start_run(self, **asked: Any) -> str:
        """Starts a run of what `asked` gives and returns its id. Raises PlaygroundError."""

    # ---- wiring --------------------------------------------------------------------------------

    def wire(self, playground: PlaygroundTab, tabs: gr.Tabs) -> None:
        """Connects events. The runs that there are come once the Playground has its answer."""
        prompt = playground.inputs
        self.asked_with = [
            *(prompt.model, prompt.task, prompt.template, prompt.truncation, prompt.verbalizer),
            *(self.method, *self.draw.values(), *self.form.components.values()),
        ]
        run = self.controls.run
        followers = self.prompts.followers
        self.controls.wire(self.view, self.message, self.show_run, self.tell_state, followers)
        self.method.input(
            self.show_method,
            [self.method],
            [self.method, *self.form.components.values()],
            trigger_mode="always_last",
            **PRIVATE,
        )
        shown_first = [self.controls.start, run, self.view, *followers]
        playground.opened.then(self.open, None, shown_first, **PRIVATE)
        self.controls.start.click(
            self.start,
            self.asked_with,
            [self.message, run, self.view, *followers],
            queue=False,
            **PRIVATE,
        )
        self.prompts.wire(playground, tabs, self.message)

    # ---- handlers ------------------------------------------------------------------------------

    def open(self, request: gr.Request) -> list[Any]:
        """The runs there are, the newest shown: a reloaded page finds its run again."""
        run_id = self.controls.opened(request)
        picker = self.controls.picker(run_id, language_of(request))
        return [gr.Button(interactive=True), picker, *self.show_run(run_id, request)]

    def show_method(self, method: str, request: gr.Request) -> list[Any]:
        """Another method's line of help and settings."""
        help_line = say(f"method.{method}.help", language_of(request))
        return [gr.Dropdown(info=help_line), *self.form.fields_of(method)]

    def start(self, request: gr.Request, *values: Any) -> list[Any]:
        """Starts a run and shows it, or says beside the form why it cannot."""
        try:
            run_id = self.start_run(**self.asked(values))
        except PlaygroundError as error:
            unchanged = [gr.skip()] * (2 + len(self.prompts.followers))
            return [explain(error, language_of(request)), *unchanged]
        picker = self.controls.picker(run_id, language_of(request))
        return ["", picker, *self.show_run(run_id, request)]

    def show_run(self, run_id: str, request: gr.Request) -> list[Any]:
        """A run's curves, and what can be done with it."""
        language = language_of(request)
        view = {
            **self.controls.followed(run_id),
            "texts": self.view_texts(language),
        }
        return [view, *self.prompts.following(run_id, language)]

    def tell_state(self, run_id: str, request: gr.Request) -> list[Any]:
        """The list that names the run's new state, and what can be done with it now."""
        following = self.prompts.following(run_id, language_of(request))
        return [self.controls.list_runs(run_id, request), *following]

    def asked(self, values: tuple[Any, ...]) -> dict[str, Any]:
        """The values of the form by name. Raises TemplateError or VerbalizerError."""
        model, task, template, truncation, verbalizer, method, *further = values
        drawn = {name: further.pop(0) for name in self.draw}
        named = {"seed": drawn.pop("seed"), **self.form.values_of(method, further)}
        return {
            "method": method,
            "model": model,
            "task": task,
            "template": Template(template or "", truncation=truncation),
            "verbalizer": read_verbalizer(verbalizer),
            **{name: int(value or 0) for name, value in drawn.items()},
            "settings": {name: at for name, at in named.items() if at is not None},
        }
