"""The page's own inputs: the verbalizer table, the example's fields, the token chips.

Each is a ``gr.HTML`` whose script stands beside this file and builds its elements one by one, so
that what a person typed is never read as markup.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.text import explain, language_of
from playground.prompts import Template, Verbalizer
from playground.prompts.labels import OKABE_ITO

_HERE = Path(__file__).parent
_SETTINGS = ("aggregation", "weights", "multi_token")


def verbalizer_editor(elem_id: str, **options: Any) -> gr.HTML:
    """A table of labels; value ``{"rows": [{"label", "words", "colour"}], "settings": {…}}``.

    Its event ``imported`` follows a JSON file, whose text is then in ``value["imported"]``; its
    event ``widen`` asks for more words, which the document event ``pg-words`` brings by label.
    Words that the model reads other than as they are written are marked when the document event
    ``pg-marks`` brings ``{word: [piece, …]}``.
    """
    return _widget("verbalizer_editor", "editVerbalizer", "pg-verbalizer", elem_id, options)


def verbalizer_value(verbalizer: Verbalizer) -> dict[str, Any]:
    """A verbalizer as the value of `verbalizer_editor`."""
    return {"rows": verbalizer.to_rows(), "settings": verbalizer.settings}


def read_verbalizer(value: Mapping[str, Any] | None) -> Verbalizer:
    """The verbalizer that a value of `verbalizer_editor` holds. Raises VerbalizerError."""
    settings = (value or {}).get("settings") or {}
    known = {name: settings[name] for name in _SETTINGS if name in settings}
    return Verbalizer.from_rows((value or {}).get("rows", []), **known)


def row_editor(elem_id: str, **options: Any) -> gr.HTML:
    """A text box a field; value ``{"fields": [name], "row": {name: text}, "label": str | None}``.

    The label becomes None as soon as the person types: it belonged to the example as it was.
    """
    return _widget("row_editor", "editRow", "pg-row", elem_id, options)


def token_chips(elem_id: str, **options: Any) -> gr.HTML:
    """Tokens side by side; value ``{"tokens": [{"text", "kind", "title"}], "summary": str}``."""
    return _widget("token_chips", "showChips", "pg-chips", elem_id, options)


def prediction_line(elem_id: str, **options: Any) -> gr.HTML:
    """The predicted label; value as `answer_view.prediction` gives it."""
    return _widget("prediction_line", "showPrediction", "pg-prediction", elem_id, options)


def code_view(elem_id: str, **options: Any) -> gr.HTML:
    """A text to take away, with a button to copy it; value ``{"code", "notes": [sentence]}``."""
    return _widget("code_view", "showCode", "pg-code", elem_id, options)


def hidden_script(script: str) -> gr.HTML:
    """A component without a face: its script sees values arrive, or sends events."""
    return gr.HTML(value=None, html_template="", js_on_load=script, elem_classes="pg-hidden")


def _widget(
    script: str, function: str, class_name: str, elem_id: str, options: dict[str, Any]
) -> gr.HTML:
    return gr.HTML(
        elem_id=elem_id,
        html_template=f'<div class="{class_name}"></div>',
        js_on_load=f"{_read(script)}\n{function}({{ element, props, watch, trigger }});",
        apply_default_css=False,
        palette=list(OKABE_ITO),
        **options,
    )


@cache
def _read(script: str) -> str:
    return (_HERE / f"{script}.js").read_text(encoding="utf-8")


def import_verbalizer(value: dict[str, Any], request: gr.Request) -> list[Any]:
    """Replaces the table by an imported JSON file, or says what is wrong with it."""
    try:
        found = Verbalizer.from_json(str(value.get("imported", "")))
    except PlaygroundError as error:
        return [gr.skip(), explain(error, language_of(request))]
    return [verbalizer_value(found), ""]


def reshape(source: str, shape: str) -> Any:
    """The template in the other shape; one that cannot be read stays as it is."""
    try:
        return str(Template(source).reshape("prefix" if shape == "prefix" else "cloze"))
    except PlaygroundError:
        return gr.skip()
