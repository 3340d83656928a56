"""One text under several prompts: what each template with each verbalizer makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from playground.errors import PlaygroundError
from playground.models import LanguageModel
from playground.prompts import Template, Verbalizer


def side_by_side(
    model: LanguageModel,
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    row: Mapping[str, object],
) -> list[list[dict[str, Any]]]:
    """By template and verbalizer ``{"labels": {label: probability}}``, or ``{"error": JSON}``.

    A template is read once for all verbalizers, but those whose words need passes of their own.
    """
    return [_under(model, template, verbalizers, row) for template in templates]


def _under(
    model: LanguageModel,
    template: Template,
    verbalizers: Sequence[Verbalizer],
    row: Mapping[str, object],
) -> list[dict[str, Any]]:
    try:
        with torch.inference_mode():
            encoded = model.encode(template, [row])
            logits = model.answer_logits(encoded)  # (1, slots, vocabulary)
    except PlaygroundError as error:
        return [{"error": error.to_json()}] * len(verbalizers)
    cells: list[dict[str, Any]] = []
    for verbalizer in verbalizers:
        try:
            reader = model.label_reader(template, verbalizer)
            scores = reader.scores_in(logits, [row])  # (1, labels)
        except PlaygroundError as error:
            cells.append({"error": error.to_json()})
        else:
            shares = scores[0].softmax(-1).tolist()
            cells.append({"labels": dict(zip(verbalizer.labels, shares, strict=True))})
    return cells
