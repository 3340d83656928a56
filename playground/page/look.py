"""What the Playground tab shows of one prompt and one example."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.errors import PlaygroundError, error_from_json
from playground.page.editors import read_verbalizer
from playground.page.engine import Engine
from playground.prompts import Template, Truncation, Verbalizer


@dataclass
class Look:
    """What there is to show. A part that could not be computed is None and has an error.

    ``tokens``: as `token_chips` takes them. ``answers``: rows for `figures.answer_bars`, ``other``:
    the probability outside them. ``labels``: label → probability; where they are calibrated
    (``calibration``) ``raw`` has them as they were. ``spellings``: the tokens of each label word,
    ``␣`` for a space that one brings along.
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
    raw: dict[str, float] | None = None
    spellings: dict[str, list[str]] = field(default_factory=dict)
    calibration: str = "none"
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
    engine: Engine,
    model: str,
    source: str,
    row: Mapping[str, object],
    verbalizer: Mapping[str, Any] | None,
    *,
    top_k: int,
    prompt_id: str = "",
    calibration: str = "none",
    truncation: Truncation = "balanced",
) -> Look:
    """Reads, fills in and asks. Mistakes are kept with the part they concern, none is raised.

    ``verbalizer`` is a value of `verbalizer_editor`. A prompt brings its soft vectors, if the
    template still has the slots they were trained in.
    """
    found = Look(calibration=calibration)
    try:
        found.verbalizer = read_verbalizer(verbalizer)
    except PlaygroundError as error:
        found.verbalizer_error = error
    try:
        found.template = Template(source, truncation=truncation)
        found.template.check_fields(row)
    except PlaygroundError as error:
        found.template_error = error
        return found
    try:
        seen = engine.inference.ask(
            "look",
            model=model,
            template=source,
            row=row,
            verbalizer=None if found.verbalizer is None else found.verbalizer.to_json(),
            top_k=top_k,
            prompt=engine.prompt_path(prompt_id),
            calibration=calibration,
            truncation=truncation,
        )
    except PlaygroundError as error:
        found.model_error = error
        return found
    for part, told in seen.pop("errors").items():
        setattr(found, f"{part}_error", error_from_json(told))
    for part, value in seen.items():
        setattr(found, part, value)
    return found
