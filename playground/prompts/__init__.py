"""What a prompt is: templates and verbalizers, without any model."""

from playground.prompts.parts import (
    AnswerSlot,
    Field,
    Filled,
    Part,
    RenderedPart,
    SoftSlot,
    Text,
    TriggerSlot,
)
from playground.prompts.template import Template
from playground.prompts.verbalizer import Verbalizer

__all__ = [
    "AnswerSlot",
    "Field",
    "Filled",
    "Part",
    "RenderedPart",
    "SoftSlot",
    "Template",
    "Text",
    "TriggerSlot",
    "Verbalizer",
]
