"""A method's settings as a form: one field a setting, drawn from its settings class."""

from typing import Any, Literal, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from playground.methods.settings import MethodSettings
from playground.page.text import catalogue, shown

# Settings that most people leave alone; they stand in a fold.
ADVANCED = ("warmup", "dev_every", "snapshot_every", "model_learning_rate")
# The seed also draws the examples, so it stands with the data.
ELSEWHERE = ("seed",)


def settings_form(settings: type[MethodSettings]) -> dict[str, Any]:
    """Draws the form into the surrounding Blocks; gives the components by setting."""
    fields = {name: info for name, info in settings.model_fields.items() if name not in ELSEWHERE}
    components: dict[str, Any] = {}
    with gr.Row(elem_classes="pg-form"):
        for name in (name for name in fields if name not in ADVANCED):
            components[name] = _component(name, fields[name])
    with (
        gr.Accordion(shown("train.advanced"), open=False, elem_classes="pg-advanced"),
        gr.Row(elem_classes="pg-form"),
    ):
        for name in (name for name in fields if name in ADVANCED):
            components[name] = _component(name, fields[name])
    return components


def _component(name: str, info: FieldInfo) -> Any:
    common: dict[str, Any] = {
        "label": _text(f"setting.{name}", name),
        "info": _help(name, info),
        "interactive": True,
        "elem_id": f"setting-{name}",
    }
    kind = info.annotation
    if kind is bool:
        return gr.Checkbox(value=info.default, **common)
    if get_origin(kind) is Literal:
        choices = [(_text(f"choice.{name}.{value}", value), value) for value in get_args(kind)]
        return gr.Dropdown(choices=choices, value=info.default, min_width=130, **common)
    lowest, highest = _range(info)
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


def _range(info: FieldInfo) -> tuple[float | None, float | None]:
    lowest = highest = None
    for bound in info.metadata:
        lowest = getattr(bound, "ge", getattr(bound, "gt", lowest))
        highest = getattr(bound, "le", getattr(bound, "lt", highest))
    return lowest, highest
