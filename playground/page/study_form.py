"""The form of a study's grid: what it crosses, and how each method is trained."""

import contextlib
from collections.abc import Mapping
from typing import Any

import gradio as gr

from playground.errors import SettingsError
from playground.methods.registry import methods
from playground.models.built_in import built_in_models
from playground.page.text import shown
from playground.studies import (
    DEFAULT_METHODS,
    DEFAULT_SEEDS,
    DEFAULT_SHOTS,
    SHOTS,
    StudySpec,
)

AXES = ("methods", "shots", "seeds", "templates", "models")


class StudyForm:
    """Builds the fields into the surrounding column. ``components``: all of them, by name.

    The learning rates of methods, named ``rate METHOD``, are shown for those that are ticked.
    """

    def __init__(self, model: str) -> None:
        labels = [(shown(f"method.{name}"), name) for name in methods()]
        self.components: dict[str, Any] = {
            "methods": _ticks("methods", labels, list(DEFAULT_METHODS)),
            "shots": _ticks("shots", [(str(k), k) for k in SHOTS], list(DEFAULT_SHOTS)),
            "seeds": _text("seeds", _listed(DEFAULT_SEEDS)),
            "templates": _text("templates", "", lines=2, max_lines=8, elem_classes="pg-mono"),
            "models": gr.Dropdown(
                choices=list(built_in_models()),
                value=[model],
                label=shown("study.models"),
                info=shown("study.models.help"),
                multiselect=True,
                allow_custom_value=True,
                interactive=True,
                elem_id="study-models",
            ),
        }
        with gr.Accordion(shown("train.advanced"), open=False, elem_classes="pg-advanced"):
            self.components["name"] = _text("name", "", max_lines=1)
            with gr.Row(elem_classes="pg-form"):
                self.components["steps"] = _number(
                    "steps", shown("study.steps"), shown("study.steps.help")
                )
                for name, rate in self._rates().items():
                    self.components[f"rate {name}"] = _number(
                        f"rate-{name}",
                        shown(f"method.{name}"),
                        shown("study.rate.help"),
                        placeholder=f"{rate:g}",
                        visible=name in DEFAULT_METHODS,
                    )

    @staticmethod
    def _rates() -> dict[str, float]:
        """By method the learning rate that it has by itself."""
        return {
            name: found.settings.model_fields["learning_rate"].default
            for name, found in methods().items()
        }

    @property
    def rates(self) -> list[Any]:
        """The fields that `shown_rates` updates."""
        return [self.components[f"rate {name}"] for name in self._rates()]

    def shown_rates(self, chosen: list[str]) -> list[Any]:
        """A learning rate for each ticked method."""
        return [gr.update(visible=name in chosen) for name in self._rates()]

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What `StudySpec` is asked for, of the components' values by name. Raises SettingsError.

        ``settings`` has the steps and the learning rates that were given.
        """
        chosen = list(values["methods"])
        settings: dict[str, dict[str, Any]] = {}
        for name in chosen:
            given = {"steps": values["steps"], "learning_rate": values[f"rate {name}"]}
            own = {
                setting: _number_of(text.strip())
                for setting, text in given.items()
                if (text or "").strip()
            }
            if own:
                settings[name] = own
        return {
            "name": (values["name"] or "").strip(),
            "methods": chosen,
            "shots": sorted(values["shots"]),
            "seeds": _seeds(values["seeds"] or ""),
            "templates": _lines(values["templates"] or ""),
            "models": list(values["models"]),
            "settings": settings,
        }

    def fill(self, spec: StudySpec) -> dict[str, Any]:
        """Updates by name that put a study's grid into the form."""
        told: dict[str, Any] = {
            "methods": list(spec.methods),
            "shots": [k for k in spec.shots if k in SHOTS],
            "seeds": _listed(spec.seeds),
            "templates": "\n".join(spec.templates),
            "models": list(spec.models),
            "name": spec.name,
        }
        steps = {settings.get("steps") for settings in spec.settings.values()}
        told["steps"] = _written(steps.pop()) if len(steps) == 1 else ""
        for name in self._rates():
            rate = spec.settings.get(name, {}).get("learning_rate")
            told[f"rate {name}"] = gr.update(value=_written(rate), visible=name in spec.methods)
        return told


def _ticks(name: str, choices: list[tuple[Any, Any]], value: list[Any]) -> gr.CheckboxGroup:
    return gr.CheckboxGroup(
        choices=choices,
        value=value,
        label=shown(f"study.{name}"),
        info=shown(f"study.{name}.help"),
        interactive=True,
        elem_id=f"study-{name}",
        elem_classes="pg-study-ticks",
    )


def _text(name: str, value: str, **options: Any) -> gr.Textbox:
    return gr.Textbox(
        value,
        label=shown(f"study.{name}"),
        info=shown(f"study.{name}.help"),
        interactive=True,
        elem_id=f"study-{name}",
        **options,
    )


def _number(name: str, label: Any, info: Any, **options: Any) -> gr.Textbox:
    """A number that may be left blank, which Gradio's own takes for 0."""
    return gr.Textbox(
        "",
        label=label,
        info=info,
        max_lines=1,
        interactive=True,
        min_width=130,
        elem_id=f"study-{name}",
        **options,
    )


def _number_of(text: str) -> int | float | str:
    """What was written, as a number if it is one; if not, the setting's own check says so."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def _written(number: float | None) -> str:
    return "" if number is None else f"{number:g}"


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(map(str, seeds))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _seeds(text: str) -> tuple[int, ...]:
    """Whole numbers, with commas or spaces between them; one named twice counts once."""
    words = text.replace(",", " ").replace("，", " ").replace("、", " ").split()
    try:
        return tuple(dict.fromkeys(int(word) for word in words))
    except ValueError:
        raise SettingsError(
            f"“{text[:40]}” is no list of seeds. Write whole numbers with commas between them, "
            "such as 13, 21, 42.",
            field="seeds",
            code="studies.seeds",
            written=text[:40],
        ) from None
