"""What a study is asked to do: the grid of its cells, as plain JSON."""

import math
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.errors import SettingsError
from playground.methods.registry import method as find
from playground.methods.seeds import chosen_seeds
from playground.prompts import Template, Truncation, Verbalizer

MOST_CELLS = 5000
SHOTS = (1, 2, 4, 8, 16, 32, 64)
DEFAULT_METHODS = ("head-fine-tuning", "prompt-tuning", "prompt-fine-tuning")
DEFAULT_SHOTS = (1, 2, 4, 8, 16, 32)
DEFAULT_SEEDS = (13, 21, 42)  # the first three of LM-BFF's, see `playground.methods.seeds`

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class StudySpec(BaseModel):
    """Every method × template × model × shots × seed is a cell: one training, then a measurement.

    ``settings`` has for each method those of its settings that differ from its defaults. The rows
    are no part of it: they lie in the study's folder. ``dataset`` is the name to show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("", max_length=200)
    dataset: str
    methods: Names = DEFAULT_METHODS
    shots: Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(min_length=1)] = (
        DEFAULT_SHOTS
    )
    seeds: tuple[int, ...] = DEFAULT_SEEDS
    templates: Names
    truncation: Truncation = "balanced"
    models: Names
    verbalizer: dict[str, list[str] | list[list[str]]]
    verbalizer_settings: dict[str, Any] = Field(default_factory=dict)
    colours: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @classmethod
    def checked(cls, verbalizer: Verbalizer, **asked: Any) -> Self:
        """Makes a spec of what a person asked for; each value counts once, shots go upwards.

        ``seeds``: how many, or which. Raises SettingsError, or TemplateError.
        """
        asked["seeds"] = chosen_seeds(asked.get("seeds", DEFAULT_SEEDS), DEFAULT_SEEDS[0])
        truncation = asked.get("truncation", "balanced")
        written = [str(Template(each, truncation=truncation)) for each in asked["templates"]]
        asked["templates"] = written
        for name in ("methods", "templates", "models"):
            if name in asked:
                asked[name] = tuple(dict.fromkeys(asked[name]))
        if "shots" in asked:
            asked["shots"] = tuple(sorted(set(asked["shots"])))
        try:
            spec = cls(
                verbalizer=verbalizer.to_labels(),
                verbalizer_settings=verbalizer.settings,
                colours=verbalizer.colours,
                **asked,
            )
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else ""
            if first["type"] == "too_short":
                raise SettingsError(
                    f"A study needs at least one of its {field}.",
                    field=field,
                    code="studies.nothing_chosen",
                ) from error
            raise SettingsError(
                f"A study cannot have these {field}: {first['msg'].lower()}.",
                field=field,
                code="studies.invalid",
                reason=first["msg"].lower(),
            ) from error
        spec.check()
        return spec

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what ``model_dump_json`` wrote. Raises SettingsError."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise SettingsError(
                "This file describes no study. Give the study.json of an exported one.",
                field="spec",
                code="studies.bad_file",
            ) from error

    def asked(self) -> dict[str, Any]:
        """What `checked` makes the same study of, with the verbalizer that is read from it."""
        return self.model_dump(exclude={"verbalizer", "verbalizer_settings", "colours"})

    def check(self) -> None:
        """Raises SettingsError where a cell could not be planned."""
        for name in self.methods:
            find(name).settings.checked(self.settings_of(name, self.seeds[0]))
        for name in self.settings.keys() - set(self.methods):
            raise SettingsError(
                f"There are settings for “{name}”, which is none of the study's methods.",
                field="settings",
                code="studies.other_method",
                method=name,
            )
        if self.cells > MOST_CELLS:
            raise SettingsError(
                f"This study would have {self.cells} cells, and {MOST_CELLS} is the most. Take "
                "fewer methods, shots, seeds, templates or models.",
                field="methods",
                code="studies.too_many_cells",
                cells=self.cells,
                most=MOST_CELLS,
            )

    @property
    def cells(self) -> int:
        """How many there are."""
        axes = (self.methods, self.templates, self.models, self.shots, self.seeds)
        return math.prod(map(len, axes))

    def settings_of(self, method: str, seed: int) -> dict[str, Any]:
        """A method's settings in a cell.

        Looks at the dev set and snapshots are few unless they are asked for, or needed: nobody
        watches every cell.
        """
        own = self.settings.get(method, {})
        fields = find(method).settings.model_fields
        steps = int(own.get("steps", fields["steps"].default))
        needed = own.get("keep_best") or own.get("patience")
        rare = {"snapshot_every": max(1, steps // 4)}
        if not needed:
            rare["dev_every"] = rare["snapshot_every"]
        return {**rare, **own, "seed": seed}

    def read_verbalizer(self) -> Verbalizer:
        """Raises VerbalizerError."""
        return Verbalizer(self.verbalizer, self.colours or None, **self.verbalizer_settings)
