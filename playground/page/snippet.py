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
    *,
    trained: bool = False,
) -> str:
    """A short script: every string in it is a JSON literal, which Python reads alike.

    With ``trained`` it loads a saved prompt, unpacked into the folder ``my-prompt``, in place of
    the written one.
    """
    example = {name: row.get(name, "") for name in fields}
    lines = ["import playground as pg", "", f"model = pg.load_model({_literal(model)})"]
    if trained:
        lines.append('prompt = pg.TrainedPrompt.load("my-prompt", model)')
        calls = ("prompt.answer_distribution(row)", "prompt.classify([row])")
    else:
        settings = "".join(f", {name}={_literal(at)}" for name, at in verbalizer.settings.items())
        cut = "" if template.truncation == "balanced" else f', truncation="{template.truncation}"'
        lines.append(f"template = pg.Template({_literal(str(template))}{cut})")
        lines.append(f"verbalizer = pg.Verbalizer({_literal(verbalizer.to_labels())}{settings})")
        calls = (
            "pg.answer_distribution(model, template, row)",
            "pg.classify(model, template, verbalizer, [row])",
        )
    lines += [f"row = {_literal(example)}", "", *(f"print({call})" for call in calls)]
    return "\n".join(lines)


def _literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
