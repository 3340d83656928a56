"""The page's functions for programs: named endpoints that `gradio_client` finds documented."""

from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.page.engine import Engine
from playground.page.plan import start_run
from playground.prompts import Template, Verbalizer
from playground.settings import DEFAULT_MODEL

MAX_ROWS = 2000


def add_endpoints(engine: Engine) -> None:
    """Adds the endpoints to the surrounding Blocks."""

    def answer_distribution(
        template: str,
        row: dict[str, str],
        model: str = DEFAULT_MODEL,
        top_k: int = 10,
        prompt: str = "",
    ) -> list[dict[str, Any]]:
        """The most probable tokens at each answer slot.

        Parameters:
            template: A template, such as "{text} It was [MASK]."
            row: A value for each field of the template.
            model: A built-in model, a local folder or a Hugging Face id.
            top_k: How many tokens a slot, from 1 to 100.
            prompt: The id of a trained prompt whose vectors stand in the soft slots, or "".
        Returns:
            One object a token: slot, token, token_id, logit, probability, rank.
        """
        found: list[dict[str, Any]] = engine.inference.ask(
            "answer_distribution",
            model=model,
            template=template,
            row=row,
            top_k=max(1, min(100, top_k)),
            prompt=engine.prompt_path(prompt),
        )
        return found

    def classify(
        template: str,
        verbalizer: dict[str, list[str]],
        rows: list[dict[str, str]],
        model: str = DEFAULT_MODEL,
        prompt: str = "",
    ) -> list[dict[str, Any]]:
        """Label probabilities and the predicted label of each row.

        Parameters:
            template: A template, such as "{text} It was [MASK]."
            verbalizer: The words of each label.
            rows: Up to 2,000 objects with a value for each field of the template.
            model: A built-in model, a local folder or a Hugging Face id.
            prompt: The id of a trained prompt, used with its own template and verbalizer, or "".
        Returns:
            One object a row: a probability a label, and prediction.
        """
        found: list[dict[str, Any]] = engine.inference.ask(
            "classify",
            model=model,
            template=template,
            verbalizer=None if prompt else Verbalizer(verbalizer).to_json(),
            rows=rows[:MAX_ROWS],
            prompt=engine.prompt_path(prompt),
        )
        return found

    def start(
        template: str,
        verbalizer: dict[str, list[str]],
        task: str = "reviews",
        method: str = "p-tuning",
        model: str = DEFAULT_MODEL,
        shots: int = 16,
        seed: int = 13,
        settings: dict[str, Any] | None = None,
        seeds: int = 1,
    ) -> str:
        """Starts a training run, which goes on by itself, and returns its id.

        Parameters:
            template: A template; where it has no soft slots the method puts some in.
            verbalizer: The words of each label.
            task: A built-in dataset, or the name of an uploaded table.
            method: The name of a method.
            model: A built-in model, a local folder or a Hugging Face id.
            shots: Examples a label to learn from.
            seed: Draws the examples and starts the prompt.
            settings: The method's own settings by name; those left out have their defaults.
            seeds: How many runs to start, with this seed and those that follow it.
        Returns:
            The run's id, or that of the group of runs; the other endpoints take both.
        """
        return start_run(
            engine,
            method=method,
            model=model,
            task=task,
            template=Template(template),
            verbalizer=Verbalizer(verbalizer),
            shots=shots,
            settings={"seed": seed, **(settings or {})},
            seeds=seeds,
        )

    def run_events(run: str, after: int = 0) -> dict[str, Any]:
        """A run's state and up to 1,000 of its events.

        Parameters:
            run: The run's id.
            after: The cursor of an earlier answer; 0 begins at the start.
        Returns:
            state, reason, step, steps, events and the new cursor. Of a group also its members, and
            each event with its run.
        """
        return engine.runs.events(run, after)

    def stop_run(run: str) -> str:
        """Stops a run; the prompt as it is then is kept.

        Parameters:
            run: The run's id.
        Returns:
            The state of the run right after the order.
        """
        engine.runs.stop(run)
        return engine.runs.standing(run).state

    def list_runs(limit: int = 100) -> list[dict[str, Any]]:
        """The newest runs.

        Parameters:
            limit: How many, up to 1,000.
        Returns:
            One object a run: id, name, created, state, step, steps, method, model, dataset, seed,
            group ("" where it is alone).
        """
        return [
            {
                "id": run.id,
                "name": run.name,
                "created": run.created,
                "state": run.state,
                "step": run.step,
                "steps": run.steps,
                "method": run.spec.method,
                "model": run.spec.model,
                "dataset": run.spec.dataset,
                "seed": run.spec.seed,
                "group": run.spec.group,
            }
            for run in engine.runs.list(limit=max(1, min(1000, limit)))
        ]

    for function, name in (
        (answer_distribution, "answer_distribution"),
        (classify, "classify"),
        (start, "start_run"),
        (run_events, "run_events"),
        (stop_run, "stop_run"),
        (list_runs, "list_runs"),
    ):
        gr.api(with_sentences(function), api_name=name, queue=name in ("classify", "start_run"))


def with_sentences(function: Any) -> Any:
    """The function with our errors passed to the caller as sentences, not as a failure."""
    from functools import wraps

    @wraps(function)
    def told(*values: Any, **named: Any) -> Any:
        try:
            return function(*values, **named)
        except PlaygroundError as error:
            raise gr.Error(error.message, print_exception=False) from error

    return told
