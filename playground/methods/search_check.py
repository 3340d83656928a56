"""What of a search's prompt can be checked without a model."""

from playground.errors import TemplateError
from playground.prompts import SoftSlot, Template


def refuse_soft_slots(template: Template) -> None:
    """Raises TemplateError where a search would meet vectors that nobody has trained."""
    for part in template.parts:
        if isinstance(part, SoftSlot):
            raise TemplateError(
                "A search looks for words, and the soft slots of this template have vectors. Take "
                "[SOFT] out, or write [TRIGGER] in its place.",
                position=part.position,
                code="search.soft_slots",
            )
