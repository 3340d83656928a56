"""One look at a prompt: everything that the Playground tab shows, from a single forward pass."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from playground.errors import PlaygroundError
from playground.methods.calibration import Calibration
from playground.models import Encoded, LabelReader, LanguageModel
from playground.prompts import Template, Verbalizer

if TYPE_CHECKING:
    from playground.methods import TrainedPrompt


def look(
    model: LanguageModel,
    template: Template,
    row: Mapping[str, object],
    verbalizer: Verbalizer | None,
    *,
    top_k: int,
    prompt: "TrainedPrompt | None" = None,
    calibrate: Callable[[], Calibration] | None = None,
) -> dict[str, Any]:
    """Fills in and asks. Mistakes are told with the part they concern, none is raised.

    ``prompt`` brings its soft vectors, if the template still has the slots they were trained in,
    and its head, if the verbalizer still has the labels it was trained for; a head's labels are
    not calibrated, nor is what is asked with demonstrations. Of these the first set is shown; the
    answers are the mean over all.
    ``calibrate`` gives what to take out of the scores; then ``labels`` are calibrated and ``raw``
    holds them as they were.
    The values are those of `playground.page.look.Look`, as far as they could be computed;
    ``spellings`` holds the tokens of every label word, ``␣`` for the space that one brings along;
    ``errors`` has the mistakes as JSON, by "template", "row" and "verbalizer".
    """
    began = time.perf_counter()
    errors: dict[str, Any] = {}
    if prompt is not None and prompt.demonstrator is not None:
        calibrate = None  # which is measured without them
    try:
        asked = model.encode(template, [row]) if prompt is None else prompt.encode(template, row)
    except PlaygroundError as error:
        part = "row" if error.code.startswith("data.") else "template"
        return {"errors": {part: error.to_json()}}
    vectors = None if prompt is None else prompt.vectors_for(template)
    with torch.inference_mode():
        logits = model.answer_logits(asked, soft_vectors=vectors)  # (ways, slots, vocabulary)
    found = _tokens(model, asked[0])
    owner: dict[int, str] = {}
    if verbalizer is not None:
        try:
            reader = model.label_reader(template, verbalizer)
            if prompt is not None and prompt.decides(verbalizer.labels):
                assert prompt.head is not None
                head = prompt.head.reading(template)
                scores = head.score_rows(model, [row], soft_vectors=vectors)
                calibrate = None
            else:
                scores = reader.scores_in(logits, [row], soft_vectors=vectors)  # (ways, labels)
        except PlaygroundError as error:
            errors["verbalizer"] = error.to_json()
        else:
            owner = _owners(reader)
            scores = scores.mean(0)  # (labels,)
            found |= _labels(reader, scores)
            if calibrate is not None:
                prior = calibrate()
                shares = prior.apply(scores, verbalizer.labels).softmax(-1).tolist()
                calibrated = dict(zip(verbalizer.labels, shares, strict=True))
                found |= {"raw": found["labels"], "labels": calibrated}
    colours = verbalizer.colours if verbalizer else {}
    found |= _answers(model, logits.mean(0)[0], top_k, owner, colours)
    return found | {"errors": errors, "milliseconds": 1000 * (time.perf_counter() - began)}


def _tokens(model: LanguageModel, encoded: Encoded) -> dict[str, Any]:
    """The chips: every token in its place, the cut ones where they stood."""
    tokens: list[dict[str, str]] = []
    unknown_id, unknown = model.tokenizer.unk_token_id, 0
    cut_at: dict[int, list[int]] = {}
    for position, token_id in encoded.cut_tokens:
        cut_at.setdefault(position, []).append(token_id)
    soft = dict(encoded.soft)
    for position, (token_id, kind) in enumerate(zip(encoded.ids, encoded.kinds, strict=True)):
        for gone in cut_at.get(position, ()):
            tokens.append({"text": model.token_text(gone), "kind": "cut"})
        text = model.token_text(token_id)
        if kind == "soft":
            text = f"p{soft[position] + 1}"
        elif kind in ("answer", "trigger"):
            text = "[MASK]" if kind == "answer" else "[TRIGGER]"
        elif token_id == unknown_id:
            kind = "unknown"
            unknown += 1
        tokens.append({"text": text, "kind": kind})
    if model.kind == "causal":
        tokens.append({"text": "[MASK]", "kind": "answer"})
    return {
        "tokens": tokens,
        "length": len(encoded),
        "room": model.max_length,
        "unknown": unknown,
        "cut": dict(encoded.cut),
    }


def _owners(reader: LabelReader) -> dict[int, str]:
    """Which label's word begins with a token at the first slot, where it is no other label's."""
    verbalizer = reader.verbalizer
    labels: dict[int, set[str]] = {}
    owners = zip(reader.pieces, verbalizer.word_labels, verbalizer.word_slots, strict=True)
    for pieces, label, slot in owners:
        if slot == 0:
            labels.setdefault(pieces[0], set()).add(label)
    return {token: label for token, (label, *others) in labels.items() if not others}


def _labels(
    reader: LabelReader,
    scores: torch.Tensor,  # (labels,)
) -> dict[str, Any]:
    model, verbalizer = reader.model, reader.verbalizer
    return {
        "labels": dict(zip(verbalizer.labels, scores.softmax(-1).tolist(), strict=True)),
        "spellings": {
            word: [model.token_spelling(piece) for piece in pieces]
            for word, pieces in zip(verbalizer.all_words, reader.pieces, strict=True)
        },
    }


def _answers(
    model: LanguageModel,
    logits: torch.Tensor,  # (vocabulary,)
    top_k: int,
    owner: Mapping[int, str],
    colours: Mapping[str, str],
) -> dict[str, Any]:
    best = logits.softmax(-1).topk(min(top_k, len(logits)))
    answers = [
        {
            "token": model.token_text(token_id),
            "token_id": token_id,
            "probability": share,
            "logit": float(logits[token_id]),
            "rank": rank,
            "label": owner.get(token_id),
            "colour": colours[owner[token_id]] if token_id in owner else None,
        }
        for rank, (token_id, share) in enumerate(
            zip(best.indices.tolist(), best.values.tolist(), strict=True), start=1
        )
    ]
    return {"answers": answers, "other": max(0.0, 1.0 - float(best.values.sum()))}
