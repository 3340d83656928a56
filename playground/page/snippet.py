"""The Playground tab's state as the Python that gives the same numbers."""

import json
from collections.abc import Mapping, Sequence

from playground.prompts import Template, Verbalizer


def python_snippet(
    model: str,
    template: Template,
    verbalizer: Verbalizer,
    row: Mapping[str, str],
    fields: Sequence[str],
) -> str:
    """A short script: every string in it is a JSON literal, which Python reads alike."""
    words = {label: list(words) for label, words in verbalizer.words.items()}
    example = {name: row.get(name, "") for name in fields}
    return "\n".join(
        (
            "import playground as pg",
            "",
            f"model = pg.load_model({_literal(model)})",
            f"template = pg.Template({_literal(str(template))})",
            f"verbalizer = pg.Verbalizer({_literal(words)})",
            f"row = {_literal(example)}",
            "",
            "print(pg.answer_distribution(model, template, row))",
            "print(pg.classify(model, template, verbalizer, [row]))",
        )
    )


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
