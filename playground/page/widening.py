"""More words for a verbalizer's labels, shown for a person to choose from."""

from pathlib import Path
from typing import Any

import gradio as gr

from playground.page.engine import Engine
from playground.page.text import texts
from playground.prompts import Verbalizer
from playground.tasks import fields_of
from playground.tasks.table import SPLIT

TEXTS = 64  # of the task, to weigh the words on: enough for a prior, and soon read
WORDS = 12  # for each label


def widening_panel(elem_id: str) -> gr.HTML:
    """Words by label, each to be struck out or taken; value as `suggestions` gives it, or None.

    Those chosen reach the verbalizer's table by the document event ``pg-words``: label → words.
    """
    script = (Path(__file__).parent / "widening.js").read_text(encoding="utf-8")
    return gr.HTML(
        value=None,
        elem_id=elem_id,
        html_template='<div class="pg-widening" aria-live="polite" hidden></div>',
        js_on_load=f"{script}\nofferWords({{ element, props, watch }});",
        apply_default_css=False,
    )


def suggestions(
    engine: Engine,
    model: str,
    task: str,
    template: str,
    verbalizer: Verbalizer,
    *,
    prompt_id: str,
    language: str,
) -> dict[str, Any]:
    """For each label words near to its own; those of low prior are there, but not chosen.

    Raises what `playground.methods.widening.nearby_words` does, and ModelError or RunError.
    """
    table = engine.table(task)
    if SPLIT in table.columns and (table[SPLIT] == "train").any():
        table = table[table[SPLIT] == "train"]
    rows = table[fields_of(table)].sample(min(TEXTS, len(table)), random_state=0)
    found = engine.inference.ask(
        "nearby_words",
        model=model,
        template=template,
        verbalizer=verbalizer.to_json(),
        rows=rows.to_dict("records"),
        count=WORDS,
        prompt=engine.prompt_path(prompt_id),
    )
    groups = [
        {
            "label": label,
            "colour": verbalizer.colours[label],
            "words": [word for word in found if word["label"] == label],
        }
        for label in verbalizer.labels
    ]
    return {"groups": groups, "texts": texts(language, "more_words.")}
