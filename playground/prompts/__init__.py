"""What a prompt is: templates and verbalizers, without any model."""

from playground.prompts.label_line import label_line, read_label_line
from playground.prompts.parts import (
    AnswerSlot,
    Field,
    Filled,
    Part,
    RenderedPart,
    Separator,
    SoftSlot,
    Text,
    TriggerSlot,
)
from playground.prompts.template import Template, Truncation
from playground.prompts.verbalizer import Verbalizer

__all__ = [
    "AnswerSlot",
    "Field",
    "Filled",
    "Part",
    "RenderedPart",
    "Separator",
    "SoftSlot",
    "Template",
    "Text",
    "TriggerSlot",
    "Truncation",
    "Verbalizer",
    "label_line",
    "read_label_line",
]
