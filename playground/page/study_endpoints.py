"""The page's functions for programs that train studies, beside those of `endpoints`."""

import json
from typing import Any

import gradio as gr

from playground.page.endpoints import with_sentences
from playground.page.engine import Engine
from playground.prompts import Verbalizer
from playground.studies import (
    DEFAULT_METHODS,
    DEFAULT_SEEDS,
    DEFAULT_SHOTS,
    Study,
    plan_study,
    points_table,
)


def add_study_endpoints(engine: Engine) -> None:
    """Adds the endpoints to the surrounding Blocks."""
    studies = engine.studies

    def start_study(
        templates: list[str],
        verbalizer: dict[str, list[str]],
        task: str = "reviews",
        methods: list[str] | None = None,
        models: list[str] | None = None,
        shots: list[int] | None = None,
        seeds: list[int] | None = None,
        settings: dict[str, dict[str, Any]] | None = None,
        name: str = "",
    ) -> str:
        """Starts a study, which goes on by itself, and returns its id.

        Parameters:
            templates: One or several templates.
            verbalizer: The words of each label.
            task: A built-in dataset, or the name of an uploaded table.
            methods: Names of methods; left out, those of the page's own study.
            models: Built-in models, local folders or Hugging Face ids; left out, the page's own.
            shots: Examples a label to learn from; left out, 1 to 32.
            seeds: Each draws its own examples; left out, 13, 21 and 42.
            settings: By method those of its settings that differ from its defaults.
            name: What lists call the study.
        Returns:
            The study's id.
        """
        planned = plan_study(
            name=name,
            dataset=task,
            table=engine.table(task),
            verbalizer=Verbalizer(verbalizer),
            templates=templates,
            methods=methods or DEFAULT_METHODS,
            models=models or [engine.default_model],
            shots=shots or DEFAULT_SHOTS,
            seeds=seeds or DEFAULT_SEEDS,
            settings=settings or {},
        )
        study_id = studies.create(planned)
        studies.start(study_id)
        return study_id

    def study_progress(study: str) -> dict[str, Any]:
        """How a study stands, and what its points have come to.

        Parameters:
            study: The study's id.
        Returns:
            id, name, created and state; counts, how many cells are in each state; seconds_left,
            None while it is not known; and points, one object a point: method, model, template,
            shots, and the means over the seeds that are done.
        """
        progress = studies.progress(study)
        points = points_table(progress).to_json(orient="records", double_precision=15)
        return {
            **_told(progress.study),
            "counts": progress.counts,
            "seconds_left": progress.estimate.seconds_left,
            "points": json.loads(points),
        }

    def list_studies() -> list[dict[str, Any]]:
        """All studies, the newest first.

        Returns:
            One object a study: id, name, created, state.
        """
        return [_told(study) for study in studies.all()]

    for function in (start_study, study_progress, list_studies):
        named = function.__name__
        gr.api(with_sentences(function), api_name=named, queue=named == "start_study")


def _told(study: Study) -> dict[str, Any]:
    return {name: getattr(study, name) for name in ("id", "name", "created", "state")}
