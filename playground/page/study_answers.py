"""What the Studies tab's widget asks while a person follows a study, as plain objects."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from playground.errors import PlaygroundError
from playground.page.text import explain, say
from playground.recently_used import RecentlyUsed
from playground.runs import Run
from playground.studies import CellProgress, Progress, Studies

KEPT = 8  # answers that a next one is told against

Asked = Mapping[str, Any]
Answer = dict[str, Any]


class StudyAnswers:
    """Safe for several threads, as are the ``studies``.

    Each question is an object of the browser's with a ``language``.
    """

    def __init__(self, studies: Studies) -> None:
        self.studies = studies
        self._told = RecentlyUsed[list[Answer]](KEPT)  # by tag: the cells of an answer

    def follow(self, asked: Asked) -> Answer:
        """How the study of that id stands, and which ``studies`` there are.

        With the ``tag`` of an earlier answer, ``seen``, only what has changed since: nothing but
        the tag where all is as it was, and of the ``cells`` (by place) those that are different.
        ``study`` is None where there is none of that id.
        """
        language = asked["language"]
        told: Answer = {"studies": self._list(), "study": None}
        cells: list[Answer] = []
        try:
            progress = self.studies.progress(str(asked["study"]))
        except PlaygroundError:  # deleted, or none was chosen
            pass
        else:
            told["study"] = _study(progress, language)
            cells = [_cell(cell, language) for cell in progress.cells]
        source = json.dumps([told, cells], sort_keys=True).encode()
        tag = hashlib.sha256(source).hexdigest()[:16]
        if tag == asked.get("seen"):
            return {"tag": tag}
        before = self._told.get(str(asked.get("seen")), list)
        self._told.get(tag, lambda: cells)
        known = before + [{}] * (len(cells) - len(before))
        changed = [
            [place, cell]
            for place, (cell, old) in enumerate(zip(cells, known, strict=False))
            if cell != old
        ]
        return {"tag": tag, **told, "count": len(cells), "cells": changed}

    def order(self, asked: Asked) -> Answer:
        """Gives an order (``what``) to a ``study``, or tries the cell of ``run`` again.

        Answers ``{"error": sentence}`` where that cannot be done.
        """
        study_id, run_id = str(asked["study"]), asked.get("run")
        orders = {
            "start": self.studies.start,
            "pause": self.studies.pause,
            "cancel": self.studies.cancel,
            "delete": self.studies.delete,
            "retry": lambda study: self.studies.retry(study, run_id and str(run_id)),
        }
        try:
            orders[asked["what"]](study_id)
        except PlaygroundError as error:
            return {"error": explain(error, asked["language"])}
        return {}

    def _list(self) -> list[Answer]:
        return [
            {"id": study.id, "name": study.name, "state": study.state, "created": study.created}
            for study in self.studies.all()
        ]


def _study(progress: Progress, language: str) -> Answer:
    """What is said of a whole study. ``seconds_left`` is as of now."""
    study = progress.study
    spec = study.spec
    estimate = progress.estimate
    return {
        "id": study.id,
        "name": study.name,
        "state": study.state,
        "dataset": spec.dataset,
        "chance": 1 / len(spec.verbalizer),
        "methods": [[name, say(f"method.{name}", language)] for name in spec.methods],
        "shots": spec.shots,
        "seeds": spec.seeds,
        "templates": spec.templates,
        "models": spec.models,
        "seconds": _whole(estimate.seconds),
        "seconds_left": _whole(estimate.seconds_left),
        "bytes": estimate.bytes,
        "timings": [
            {
                "method": say(f"method.{method}", language),
                "model": model,
                "state": run.state,
                "reason": _reason(run, language),
                **{name: (found or {}).get(name) for name in ("cell_seconds", "bytes")},
            }
            for (method, model), (run, found) in progress.timings.items()
        ],
    }


def _cell(progress: CellProgress, language: str) -> Answer:
    """``share``: how far its run has come, from 0 to 1."""
    point, seed = progress.cell
    run, measured = progress.run, progress.measured or {}
    told: Answer = {
        **{"method": point.method, "template": point.template, "model": point.model},
        **{"shots": point.shots, "seed": seed, "state": progress.state},
    }
    if run is None:
        return told
    return told | {
        "run": run.id,
        "group": run.spec.group,
        "share": round(run.step / run.steps, 3) if run.steps else 0,
        "reason": _reason(run, language),
        "parameters": progress.parameters,
        "accuracy": progress.accuracy,
        "gap": progress.gap,
        "forgetting": progress.forgetting,
        **{
            name: measured.get(name)
            for name in ("zero_shot_accuracy", "macro_f1", "seconds", "bytes")
        },
    }


def _reason(run: Run, language: str) -> str:
    return explain(run.error, language) if run.reason else ""


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
