"""Comparisons on the page: what the form's lines mean, and the examples behind a cell."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from playground.errors import PlaygroundError
from playground.methods.comparison_result import ComparisonResult, read_comparison
from playground.methods.comparison_settings import CalibrationKind
from playground.page.engine import Engine
from playground.prompts import Template, Truncation, Verbalizer, read_label_line
from playground.recently_used import RecentlyUsed
from playground.runs import plan_comparison
from playground.tasks import fields_of

RESULTS_KEPT = 4
MOST_EXAMPLES = 100_000

Made = TypeVar("Made")


class LineError(Exception):
    """A line of the form that cannot be read; ``cause`` says why."""

    def __init__(self, line: int, cause: PlaygroundError) -> None:
        super().__init__(f"Line {line}: {cause}")
        self.line = line
        self.cause = cause


def read_templates(text: str, truncation: Truncation = "balanced") -> list[Template]:
    """The templates of a text, one a line. Raises LineError."""
    return list(_read_lines(text, partial(Template, truncation=truncation)))


def read_verbalizers(text: str) -> list[Verbalizer]:
    """The verbalizers of a text, one a line as `label_line` writes them. Raises LineError."""
    return list(_read_lines(text, read_label_line))


def verbalizer_name(verbalizer: Verbalizer) -> str:
    """What a column of the matrix is called: each label's first word, and how many more."""
    return " / ".join(
        words[0] + (f" +{len(words) - 1}" if words[1:] else "")
        for words in verbalizer.words.values()
    )


def _read_lines(text: str, make: Callable[[str], Made]) -> Iterator[Made]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield make(line.strip())
            except PlaygroundError as error:
                raise LineError(number, error) from error


def start_comparison(
    engine: Engine,
    *,
    model: str,
    task: str,
    templates: Sequence[Template],
    verbalizers: Sequence[Verbalizer],
    like: Verbalizer | None,
    rows: int,
    demonstrations: int,
    calibration: CalibrationKind,
    seed: int,
) -> str:
    """Starts a comparison on some rows of a task and returns its id; ``like`` is the Playground's
    verbalizer, whose colours and ways of scoring the others share.

    Raises TemplateError, VerbalizerError, DataError, SettingsError or ModelError before anything
    is started.
    """
    planned = plan_comparison(
        model=model,
        templates=templates,
        verbalizers=[
            like.with_labels(found.to_labels()) if like else found for found in verbalizers
        ],
        table=engine.table(task),
        dataset=task,
        examples=rows,
        demonstrations=demonstrations,
        calibration=calibration,
        seed=seed,
    )
    return engine.runs.start_comparison(planned)


class Examples:
    """The examples of comparisons that have ended, as the browser asks for them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._results = RecentlyUsed[tuple[ComparisonResult, Any]](RESULTS_KEPT)

    def find(self, asked: dict[str, Any]) -> dict[str, Any]:
        """``total``, and the ``rows`` from ``offset`` on, ``limit`` at most.

        ``asked``: ``run``, ``template`` and ``verbalizer`` (numbers), ``calibrated``, ``only``
        ("all", "wrong", "disagree"), and perhaps ``truth`` and ``predicted`` (numbers of labels).
        A row has its texts by field, its ``label``, the label ``predicted``, and the
        ``probabilities`` of the labels by every template; None where it has not come to that row.
        Raises RunError.
        """
        result, rows = self._of(str(asked["run"]))
        calibrated = bool(asked.get("calibrated")) and result.calibrated
        verbalizer = int(asked["verbalizer"])
        several = len(result.templates) > 1
        by_template = np.stack(
            [
                result.probabilities(template, verbalizer, calibrated=calibrated)
                for template in range(len(result.templates) + several)
            ]
        )  # (templates, rows, labels)
        seen = ~np.isnan(by_template[..., 0])  # (templates, rows)
        votes = np.where(seen, np.nan_to_num(by_template).argmax(-1), -1)
        template = int(asked["template"])
        chosen = seen[template].copy()
        if asked.get("only") == "wrong":
            chosen &= votes[template] != result.truth
        if asked.get("only") == "disagree":
            alone = votes[: len(result.templates)]
            chosen &= (alone != alone[0]).any(0)
        if asked.get("truth") is not None:
            chosen &= (result.truth == asked["truth"]) & (votes[template] == asked["predicted"])
        places = np.flatnonzero(chosen)
        offset = max(0, int(asked.get("offset", 0)))
        limit = min(MOST_EXAMPLES, int(asked.get("limit", 50)))
        fields = fields_of(rows)
        return {
            "total": len(places),
            "rows": [
                {
                    "texts": {field: str(rows[field].iloc[place]) for field in fields},
                    "label": result.labels[result.truth[place]],
                    "predicted": result.labels[votes[template, place]],
                    "probabilities": [
                        shares.round(5).tolist() if known else None
                        for shares, known in zip(by_template[:, place], seen[:, place], strict=True)
                    ],
                }
                for place in places[offset : offset + limit].tolist()
            ],
        }

    def _of(self, run_id: str) -> tuple[ComparisonResult, Any]:
        folder = self.engine.runs.comparison_folder(run_id)
        runs = self.engine.runs
        key = f"{run_id}@{runs.get(run_id).step}"  # a resumed run has more of them

        def read() -> tuple[ComparisonResult, Any]:
            return read_comparison(folder or ""), runs.store.folder(run_id).read_table("rows")

        return self._results.get(key, read)
