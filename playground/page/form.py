"""The methods' settings as a form: one field a setting, drawn from the settings classes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from playground.methods.settings import MethodSettings
from playground.page.text import catalogue, shown
from playground.prompts import Truncation

# Settings that most people leave alone; they stand in a fold.
ADVANCED = (
    *("warmup", "dev_every", "keep_best", "patience", "snapshot_every", "model_learning_rate"),
    *("demonstration_sets", "similar_demonstrations", "lm_loss_share", "unlabelled_rows"),
    *("temperature", "distillation_learning_rate"),
    *("accumulation_steps", "loss_over", "filter_label_words", "filter_special"),
    *("filter_capitalised", "likely_words", "tried_words", "assignments", "dropout"),
)
TRUNCATIONS = get_args(Truncation)  # the first is the default
# The seed also draws the examples, so it stands with the data.
ELSEWHERE = ("seed",)


class Settled(Protocol):
    """What the form asks of a method, or of a search."""

    @property
    def settings(self) -> type[MethodSettings]: ...


class MethodForm:
    """One field for each setting that some method has; the chosen method's are shown.

    So a value that methods share stays when another method is chosen, and only those return to
    their defaults whose defaults are the method's own.
    """

    def __init__(
        self,
        methods: Mapping[str, Settled],
        prefix: str = "",
        beside: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        """Draws the form of the first method; ``prefix`` goes before every ``elem_id``.

        ``beside`` has, by setting, what draws a button that belongs to it.
        """
        self._prefix = prefix
        self._fields = {
            name: {
                setting: info
                for setting, info in method.settings.model_fields.items()
                if setting not in ELSEWHERE
            }
            for name, method in methods.items()
        }
        first = next(iter(self._fields))
        every = list(dict.fromkeys(s for fields in self._fields.values() for s in fields))
        self.components: dict[str, Any] = {}
        with gr.Row(elem_classes="pg-form"):
            for setting in (setting for setting in every if setting not in ADVANCED):
                if beside is None or setting not in beside:
                    self.components[setting] = self._drawn(setting, first)
                    continue
                with gr.Column(elem_classes="pg-form-cell", min_width=0):
                    self.components[setting] = self._drawn(setting, first)
                    beside[setting]()
        with (
            gr.Accordion(shown("train.advanced"), open=False, elem_classes="pg-advanced"),
            gr.Row(elem_classes="pg-form"),
        ):
            for setting in (setting for setting in every if setting in ADVANCED):
                self.components[setting] = self._drawn(setting, first)

    def fields_of(self, method: str) -> list[Any]:
        """An update for each component: what to show for that method, with which values."""
        updates = []
        for setting in self.components:
            info = self._fields[method].get(setting)
            if info is None:
                updates.append(gr.update(visible=False))
            elif self._is_shared(setting):
                updates.append(gr.update(visible=True))
            else:
                updates.append(gr.update(visible=True, value=info.default))
        return updates

    def values_of(self, method: str, values: Sequence[Any]) -> dict[str, Any]:
        """The method's settings by name, of the values of all components in their order."""
        named = dict(zip(self.components, values, strict=True))
        return {setting: named[setting] for setting in self._fields[method]}

    def _is_shared(self, setting: str) -> bool:
        """Whether every method that has the setting gives it the same default."""
        defaults = {
            fields[setting].default for fields in self._fields.values() if setting in fields
        }
        return len(defaults) == 1

    def _drawn(self, setting: str, method: str) -> Any:
        """The component of a setting, hidden if it is not one of the method's."""
        infos = [fields[setting] for fields in self._fields.values() if setting in fields]
        own = self._fields[method].get(setting)
        return _component(
            setting, own or infos[0], _range(infos), self._prefix, visible=own is not None
        )


def _component(
    name: str,
    info: FieldInfo,
    bounds: tuple[float | None, float | None],
    prefix: str,
    *,
    visible: bool,
) -> Any:
    common: dict[str, Any] = {
        "label": _text(f"setting.{name}", name),
        "info": _help(name, info),
        "interactive": True,
        "visible": visible,
        "elem_id": f"{prefix}setting-{name}",
    }
    kind = info.annotation
    if kind is bool:
        return gr.Checkbox(value=info.default, **common)
    if get_origin(kind) is Literal:
        choices = [(_text(f"choice.{name}.{value}", value), value) for value in get_args(kind)]
        return gr.Dropdown(choices=choices, value=info.default, min_width=130, **common)
    if get_origin(kind) is tuple:  # texts, one a line
        return gr.Textbox("\n".join(info.default), lines=3, elem_classes="pg-form-wide", **common)
    lowest, highest = bounds
    return gr.Number(
        value=info.default,
        minimum=lowest,
        maximum=highest,
        precision=0 if kind is int else None,
        min_width=130,
        **common,
    )


def _help(name: str, info: FieldInfo) -> Any:
    """The one line of help; the catalogue has it with the range in both languages."""
    return _text(f"setting.{name}.help", info.description or "")


def _text(text_id: str, fallback: str) -> Any:
    return shown(text_id) if text_id in catalogue("en") else fallback


def _range(infos: Sequence[FieldInfo]) -> tuple[float | None, float | None]:
    """The least and the most that one of the methods takes; what each takes, its settings say."""
    bounds = [bound for info in infos for bound in info.metadata]
    lowest = [getattr(bound, "ge", getattr(bound, "gt", None)) for bound in bounds]
    highest = [getattr(bound, "le", getattr(bound, "lt", None)) for bound in bounds]
    return (
        min((at for at in lowest if at is not None), default=None),
        max((at for at in highest if at is not None), default=None),
    )


def number_field(
    name: str, value: int, lowest: int, highest: int, *, group: str = "setting", prefix: str = ""
) -> gr.Number:
    """A whole number that is no method's setting; ``group`` begins the ids of its words."""
    return gr.Number(
        value,
        label=shown(f"{group}.{name}"),
        info=shown(f"{group}.{name}.help"),
        minimum=lowest,
        maximum=highest,
        precision=0,
        interactive=True,
        min_width=130,
        elem_id=f"{prefix}{group}-{name}",
    )


def switch(elem_id: str, choices: list[tuple[Any, str]]) -> gr.Radio:
    """A few choices side by side, the first one chosen."""
    return gr.Radio(
        choices,
        value=choices[0][1],
        show_label=False,
        container=False,
        interactive=True,
        elem_classes="pg-switch",
        elem_id=elem_id,
    )


def truncation_choice(elem_id: str, **options: Any) -> gr.Dropdown:
    """How a text that does not fit is cut; ``options`` go to the list."""
    return gr.Dropdown(
        choices=[(shown(f"truncation.{kind}"), kind) for kind in TRUNCATIONS],
        value=TRUNCATIONS[0],
        interactive=True,
        elem_id=elem_id,
        **options,
    )
