"""A study to take away: tables, figure, and a report that says how to make it again."""

import importlib.metadata
from collections.abc import Iterable, Sequence
from pathlib import Path

from playground.methods.spread import Spread
from playground.prompts import label_line
from playground.studies.drawing import draw, lines_of, zero_shot
from playground.studies.grid import line_name
from playground.studies.progress import CellProgress, Progress
from playground.studies.studies import Studies
from playground.studies.tables import cells_table, figure, points_table
from playground.version import __version__

ROWS, SPEC = "rows.csv", "study.json"
COMMAND = "python -m playground study run --spec study.json"
VERSIONS = ("torch", "transformers")
# of FIGURES, those beside the accuracies, and how they are written
COSTS = (
    *(("parameters", ",.0f"), ("bytes", ",.0f"), ("seconds", ".1f")),
    *(("gap", ".3f"), ("forgetting", ".3f")),
)


def export_study(studies: Studies, study_id: str, folder: Path | str) -> Path:
    """Writes a study into ``folder``, which is made, and returns that.

    ``report.md`` with the figure, the settings, the seeds and the command that does it again;
    ``accuracy.svg`` and ``accuracy.png``; ``cells.csv`` and ``points.csv``, see `cells_table` and
    `points_table`; ``study.json``, all that was asked; and ``rows.csv``, the rows of all cells,
    unless they are a built-in set. Figures that are not known yet are missing. Raises RunError
    where there is no such study.
    """
    from playground.tasks import built_in_tasks

    folder = Path(folder)
    progress = studies.progress(study_id)
    folder.mkdir(parents=True, exist_ok=True)
    built_in = progress.study.spec.dataset in built_in_tasks()
    cells_table(progress).to_csv(folder / "cells.csv", index=False, lineterminator="\n")
    points_table(progress).to_csv(folder / "points.csv", index=False, lineterminator="\n")
    draw(progress, folder / "accuracy.svg", folder / "accuracy.png")
    if not built_in:
        studies.store.table(study_id).to_csv(folder / ROWS, index=False, lineterminator="\n")
    asked = progress.study.spec.model_dump_json(indent=1)
    (folder / SPEC).write_text(asked + "\n", encoding="utf-8")
    command = COMMAND if built_in else f"{COMMAND} --dataset {ROWS}"
    (folder / "report.md").write_text(report(progress, command), encoding="utf-8")
    return folder


def report(progress: Progress, command: str) -> str:
    """The report as Markdown; ``command``: what makes the study again."""
    spec = progress.study.spec
    done = sum(cell.measured is not None for cell in progress.cells)
    tested = next((cell.measured["rows"] for cell in progress.cells if cell.measured), None)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS)
    parts = [
        f"# {_plain(progress.study.name)}",
        f"{done} of {len(progress.cells)} cells are done. Started {progress.study.created}, with "
        f"Prompt Playground {__version__}, {versions}.",
        "![Accuracy over the examples a label](accuracy.svg)",
        "Mean of the test accuracy over the seeds ± sample standard deviation, by examples a "
        "label:",
        _accuracies(progress),
        *_zero_shot(progress),
        f"With {max(spec.shots)} examples a label, means over the seeds:",
        _costs(progress),
        "The gap is train minus dev accuracy, and large where a training has learned its examples "
        "by heart. Forgetting is how much worse the language model itself fills in words of other "
        "texts afterwards.",
        "## What was asked",
        _bullets(
            [
                f"Rows: {_plain(spec.dataset)}"
                + ("" if tested is None else f", measured on {tested} test rows"),
                f"Models: {', '.join(map(_plain, spec.models))}",
                f"Methods: {', '.join(spec.methods)}",
                f"Examples a label: {', '.join(map(str, spec.shots))}",
                f"Seeds: {', '.join(map(str, spec.seeds))}",
                *(f"Template {i}: {_code(at)}" for i, at in enumerate(spec.templates, start=1)),
                f"Label words: {_code(label_line(spec.read_verbalizer()))}",
                *(
                    f"Settings of {name}: {_code(settings)}"
                    for name in spec.methods
                    if (settings := _settings(spec.settings_of(name, spec.seeds[0])))
                ),
            ]
        ),
        *_failed(progress),
        "## Doing it again",
        f"```sh\n{command}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _accuracies(progress: Progress) -> str:
    shots = progress.study.spec.shots
    rows = []
    for name, line in lines_of(progress).items():
        known = {point.shots: accuracy for point, accuracy in line}
        rows.append([_plain(name), *(f"{known[k]:.3f}" if k in known else "–" for k in shots)])
    return _table(["", *(f"K = {k}" for k in shots)], rows)


def _zero_shot(progress: Progress) -> list[str]:
    found = zero_shot(progress.cells)
    told = ", ".join(f"{_plain(model)} {accuracy:.3f}" for model, accuracy in found.items())
    return [f"Zero-shot, with the first template: {told}."] if told else []


def _costs(progress: Progress) -> str:
    spec = progress.study.spec
    rows = [
        [_plain(line_name(spec, point)), *(_mean(cells, *column) for column in COSTS)]
        for point, cells in progress.points.items()
        if point.shots == max(spec.shots)
    ]
    return _table(["", "trained parameters", *(name for name, _ in COSTS[1:])], rows)


def _mean(cells: Iterable[CellProgress], name: str, digits: str) -> str:
    spread = Spread.of(figure(cell, name) for cell in cells)
    return "–" if spread is None else format(spread.mean, digits)


def _failed(progress: Progress) -> list[str]:
    lost = [
        f"{cell.point.method}, K = {cell.point.shots}, seed {cell.seed}: {_plain(run.reason)}"
        for cell, run in progress.lost
    ]
    return ["## What has failed", _bullets(lost)] if lost else []


def _settings(settings: dict[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items() if name != "seed")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _plain(text: str) -> str:
    """A text that someone typed, on one line and without meaning in Markdown or HTML."""
    line = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!&~" else c for c in line)


def _code(text: str) -> str:
    line = " ".join(text.split())
    fence = "`" * (1 + max(map(len, _runs_of_ticks(line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def _runs_of_ticks(text: str) -> list[str]:
    return "".join(c if c == "`" else " " for c in text).split()
