"""Templates of other tools, recognised and converted. Nothing in them is ever run as code.

One file a dialect: OpenPrompt, LM-BFF, AutoPrompt and OptiPrompt; `reading` turns what they read
into a template of ours.
"""

from collections.abc import Sequence

from playground.errors import TemplateError
from playground.prompts.dialects.autoprompt import AUTOPROMPT
from playground.prompts.dialects.lm_bff import LM_BFF
from playground.prompts.dialects.openprompt import OPENPROMPT
from playground.prompts.dialects.openprompt_export import export_openprompt
from playground.prompts.dialects.optiprompt import OPTIPROMPT
from playground.prompts.dialects.reading import Conversion, convert_reading
from playground.prompts.template import Template

__all__ = ["Conversion", "export_openprompt", "import_template", "recognise"]

_DIALECTS = {dialect.name: dialect for dialect in (OPENPROMPT, LM_BFF, OPTIPROMPT, AUTOPROMPT)}


def recognise(source: str) -> str | None:
    """The tool that ``source`` is a template of; None for none of them, and for our own syntax."""
    if _is_ours(source):
        return None
    return next((name for name, found in _DIALECTS.items() if found.marks.search(source)), None)


def import_template(source: str, fields: Sequence[str] = ()) -> Conversion:
    """``source`` as a template of ours, with notes on what could not be taken over as it was.

    ``fields`` are the columns of the table at hand: texts that it does not know by their name are
    its other columns, in order. A source in our own syntax stays as it is. Raises a `TemplateError`
    with the position in ``source`` where it cannot be read.
    """
    name = recognise(source)
    if name is None:
        return Conversion(Template(source), None)
    return convert_reading(name, _DIALECTS[name].read(source), fields)


def _is_ours(source: str) -> bool:
    try:
        Template(source)
    except TemplateError:
        return False
    return True
