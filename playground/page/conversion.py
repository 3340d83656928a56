"""The offer to convert a template of another tool, below the template box."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import TemplateError
from playground.page.text import explain, say
from playground.prompts.dialects import import_template, recognise


def conversion_offer() -> gr.HTML:
    """Says what another tool's template would be here, with a button that puts it in its place.

    The document event ``pg-offer`` brings the offer, as `offer` gives it, or null.
    """
    script = (Path(__file__).parent / "conversion.js").read_text(encoding="utf-8")
    return gr.HTML(
        value=None,
        elem_id="conversion",
        html_template='<div class="pg-offer" aria-live="polite" hidden></div>',
        js_on_load=f"{script}\nofferConversion(element.querySelector('.pg-offer'));",
        apply_default_css=False,
    )


def offer(source: str, fields: Sequence[str], language: str) -> dict[str, Any] | None:
    """What to say of a template that our grammar does not read; None where no tool's is meant.

    Either a template with what changes, or as ``broken`` the sentence that says why there is none.
    """
    dialect = recognise(source)
    if dialect is None:
        return None
    try:
        conversion = import_template(source, fields)
    except TemplateError as error:
        sentence = explain(error, language)
        return {"broken": say("convert.broken", language, dialect=dialect, sentence=sentence)}
    return {
        "broken": "",
        "sentence": say("convert.offer", language, dialect=dialect),
        "template": str(conversion.template),
        "notes": [explain(note, language) for note in conversion.notes],
        "button": say("convert.convert", language),
        "done": say("convert.converted", language, dialect=dialect),
    }
