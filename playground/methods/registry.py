"""The methods by name: what each does, its settings, and where it is written.

A new method is a settings class in ``settings.py``, a line here, and a file with its `Learner`,
which is imported when the method is first started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

from playground.errors import SettingsError
from playground.methods.pet_settings import PetSettings
from playground.methods.settings import (
    HeadFineTuningSettings,
    LoraSettings,
    PromptFineTuningSettings,
    PromptTuningSettings,
    PrototypicalSettings,
    PTuningSettings,
    PTuningV2Settings,
    SoftVerbalizerSettings,
    TrainingSettings,
)

if TYPE_CHECKING:
    from playground.methods.learner import Learner
    from playground.methods.pet import Pet
    from playground.methods.training import Training

Known = TypeVar("Known")


@dataclass(frozen=True)
class Method:
    """A way of finding a prompt. ``place`` is ``"module:class"`` of its `Learner`.

    ``walk`` is that of the class whose instances are walked through: the shared loop, or what
    consists of several of it.
    """

    name: str
    description: str
    settings: type[TrainingSettings]
    place: str
    walk: str = "playground.methods.training:Training"

    @property
    def learner(self) -> "type[Learner]":
        """The class that trains it, or what is left of it at the end."""
        return cast("type[Learner]", class_at(self.place))

    @property
    def training(self) -> "type[Training | Pet]":
        """The class that `playground.methods.start` makes one of."""
        return cast("type[Training | Pet]", class_at(self.walk))


def class_at(place: str) -> Any:
    """The class at ``"module:class"``, imported now."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


_METHODS = (
    Method(
        "p-tuning",
        "Trains vectors in the soft slots through a small prompt encoder; the model may stay "
        "frozen.",
        PTuningSettings,
        "playground.methods.p_tuning:PTuning",
    ),
    Method(
        "prompt-tuning",
        "Trains the vectors in the soft slots themselves; the model stays frozen.",
        PromptTuningSettings,
        "playground.methods.prompt_tuning:PromptTuning",
    ),
    Method(
        "p-tuning-v2",
        "Trains keys and values in front of every layer's own; the model stays frozen.",
        PTuningV2Settings,
        "playground.methods.p_tuning_v2:PTuningV2",
    ),
    Method(
        "head-fine-tuning",
        "Trains a linear head over the text, with the language model or alone; no prompt is used.",
        HeadFineTuningSettings,
        "playground.methods.head_finetuning:HeadFineTuning",
    ),
    Method(
        "prompt-fine-tuning",
        "Trains the whole language model through the template and the verbalizer.",
        PromptFineTuningSettings,
        "playground.methods.prompt_finetuning:PromptFineTuning",
    ),
    Method(
        "pet",
        "Trains a model for each of several templates, has them label further texts together, and "
        "trains a classifier on those.",
        PetSettings,
        "playground.methods.distillation:Distillation",
        walk="playground.methods.pet:Pet",
    ),
    Method(
        "lora",
        "Trains thin matrices beside the weights of queries and values; the model stays frozen.",
        LoraSettings,
        "playground.methods.lora:Lora",
    ),
    Method(
        "soft-verbalizer",
        "Trains a vector for each label in the place of words; the model stays frozen.",
        SoftVerbalizerSettings,
        "playground.methods.soft_verbalizer:SoftVerbalizer",
    ),
    Method(
        "prototypical",
        "Trains a point for each label near which its texts lie; the model may stay frozen.",
        PrototypicalSettings,
        "playground.methods.prototypical:Prototypical",
    ),
)


def methods() -> dict[str, Method]:
    """All methods by name."""
    return {found.name: found for found in _METHODS}


def method(name: str) -> Method:
    """The method of that name. Raises SettingsError where there is none."""
    return named(name, methods())


def named(name: str, known: Mapping[str, Known]) -> Known:
    """Of the ``known`` methods the one of that name. Raises SettingsError where there is none."""
    if name not in known:
        raise SettingsError(
            f"There is no method “{name}”. There are: {', '.join(known)}.",
            field="method",
            code="settings.no_such_method",
            method=name,
            methods=", ".join(known),
        )
    return known[name]
