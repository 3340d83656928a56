"""One look at a prompt: everything that the Playground tab shows, from a single forward pass."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from playground.errors import PlaygroundError
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    from playground.methods import TrainedPrompt
    from playground.models import Encoded, LanguageModel


@dataclass
class Look:
    """What there is to show. A part that could not be computed is None and has an error.

    ``tokens``: as `token_chips` takes them. ``answers``: rows for `figures.answer_bars`, ``other``:
    the probability outside them. ``labels``: label → probability. ``pieces``: the tokens of each
    label word that is more than one.
    """

    template: Template | None = None
    verbalizer: Verbalizer | None = None
    tokens: list[dict[str, str]] = field(default_factory=list)
    length: int = 0
    room: int = 0
    unknown: int = 0
    cut: Mapping[str, int] = field(default_factory=dict)
    answers: list[dict[str, Any]] | None = None
    other: float = 0.0
    labels: dict[str, float] | None = None
    pieces: dict[str, list[str]] = field(default_factory=dict)
    milliseconds: float = 0.0
    model_error: PlaygroundError | None = None
    template_error: PlaygroundError | None = None
    row_error: PlaygroundError | None = None
    verbalizer_error: PlaygroundError | None = None

    @property
    def shape(self) -> str | None:
        """``prefix`` or ``cloze``, of a template that could be read."""
        if self.template is None:
            return None
        return "prefix" if self.template.is_prefix else "cloze"

    @property
    def prediction(self) -> str | None:
        return max(self.labels, key=lambda k: (self.labels or {})[k]) if self.labels else None


def look(
    model: "LanguageModel",
    source: str,
    row: Mapping[str, object],
    verbalizer_rows: Sequence[Mapping[str, object]],
    *,
    top_k: int,
    prompt: "TrainedPrompt | None" = None,
) -> Look:
    """Reads, fills in and asks. Mistakes are kept with the part they concern, none is raised.

    ``prompt`` brings its soft vectors, if the template still has the slots they were trained in.
    """
    began = time.perf_counter()
    found = Look(room=model.max_length)
    try:
        found.verbalizer = Verbalizer.from_rows(verbalizer_rows)
    except PlaygroundError as error:
        found.verbalizer_error = error
    try:
        found.template = Template(source)
        found.template.check_fields(row)
    except PlaygroundError as error:
        found.template_error = error
        return found
    try:
        encoded = model.encode(found.template, [row])[0]
    except PlaygroundError as error:
        if error.code.startswith("data."):
            found.row_error = error
        else:
            found.template_error = error
        return found
    _describe(model, encoded, found)
    _ask(model, encoded, found, top_k, prompt)
    found.milliseconds = 1000 * (time.perf_counter() - began)
    return found


def _describe(model: "LanguageModel", encoded: "Encoded", found: Look) -> None:
    """The chips: every token in its place, the cut ones where they stood."""
    unknown = model.tokenizer.unk_token_id
    cut_at: dict[int, list[int]] = {}
    for position, token_id in encoded.cut_tokens:
        cut_at.setdefault(position, []).append(token_id)
    soft = dict(encoded.soft)
    for position, (token_id, kind) in enumerate(zip(encoded.ids, encoded.kinds, strict=True)):
        for gone in cut_at.get(position, ()):
            found.tokens.append({"text": model.token_text(gone), "kind": "cut"})
        text = model.token_text(token_id)
        if kind == "soft":
            text = f"p{soft[position] + 1}"
        elif kind in ("answer", "trigger"):
            text = "[MASK]" if kind == "answer" else "[TRIGGER]"
        elif token_id == unknown:
            kind = "unknown"
            found.unknown += 1
        found.tokens.append({"text": text, "kind": kind})
    if model.kind == "causal":
        found.tokens.append({"text": "[MASK]", "kind": "answer"})
    found.length = len(encoded)
    found.cut = encoded.cut


def _ask(
    model: "LanguageModel",
    encoded: "Encoded",
    found: Look,
    top_k: int,
    prompt: "TrainedPrompt | None",
) -> None:
    import torch

    assert found.template is not None
    vectors = None
    if prompt is not None and model.soft_layout(found.template).vectors == _count(prompt):
        vectors = prompt.vectors
    with torch.inference_mode():
        logits = model.answer_logits([encoded], soft_vectors=vectors)[0, 0]  # (vocabulary,)
        shares = logits.softmax(-1)
        best = shares.topk(min(top_k, len(shares)))
    owner: dict[int, str] = {}
    if found.verbalizer is not None:
        try:
            words = model.label_words(found.template, found.verbalizer)
            ids = [words[word][0] for word in found.verbalizer.all_words]
            chances = found.verbalizer.scores(logits[ids]).softmax(-1).tolist()
            found.labels = dict(zip(found.verbalizer.labels, chances, strict=True))
            for label, group in zip(found.verbalizer.labels, found.verbalizer.groups, strict=True):
                owner |= {ids[index]: label for index in group}
            found.pieces = {
                word: [model.token_text(piece) for piece in pieces]
                for word, (_, pieces) in words.items()
                if len(pieces) > 1
            }
        except PlaygroundError as error:
            found.verbalizer_error = error
    found.other = max(0.0, 1.0 - float(best.values.sum()))
    found.answers = [
        {
            "token": model.token_text(token_id),
            "token_id": token_id,
            "probability": share,
            "logit": float(logits[token_id]),
            "rank": rank,
            "label": owner.get(token_id),
            "colour": found.verbalizer.colours[owner[token_id]]
            if found.verbalizer is not None and token_id in owner
            else None,
        }
        for rank, (token_id, share) in enumerate(
            zip(best.indices.tolist(), best.values.tolist(), strict=True), start=1
        )
    ]


def _count(prompt: "TrainedPrompt") -> int:
    return 0 if prompt.vectors is None else prompt.vectors.shape[0]
