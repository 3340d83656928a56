"""What a run is asked to do: everything but the rows it learns from, as plain JSON."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from playground.prompts import Template, Truncation, Verbalizer

Kind = Literal["training", "comparison", "search", "learning-rate", "timing"]


class RunSpec(BaseModel):
    """One run, in words and numbers that a person chose.

    The rows are not part of it: they lie as CSV files in the run's folder, so that a run needs
    nothing but its folder and the model. ``settings`` are the method's own, which validates them.
    A comparison has `ComparisonSettings`; its first template and verbalizer stand in ``template``
    and ``verbalizer``, its method is "comparison". A search has those of its method, and its
    ``verbalizer`` is what it starts from. A run of the kind "learning-rate" looks for the rate of
    the training that it describes otherwise; one of the kind "timing" makes the first steps of it,
    for what they cost. Runs that differ in nothing but their seed share a ``group``, see `Group`;
    those of a study have its id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "training"
    method: str
    model: str
    template: str
    truncation: Truncation = "balanced"
    verbalizer: dict[str, list[str] | list[list[str]]]  # a list a slot, if several
    verbalizer_settings: dict[str, Any] = Field(default_factory=dict)
    colours: dict[str, str] = Field(default_factory=dict)
    dataset: str = ""  # the name to show; the rows themselves are in the run's folder
    shots: int | None = None  # examples a label that the rows were sampled down to; None: all
    seed: int = 13
    settings: dict[str, Any] = Field(default_factory=dict)
    name: str = ""
    group: str = ""
    study: str = ""

    @classmethod
    def of_prompt(cls, template: Template, verbalizer: Verbalizer, **others: Any) -> Self:
        """A spec with this prompt; ``others`` are all the fields that a prompt does not give."""
        return cls(
            template=str(template),
            truncation=template.truncation,
            verbalizer=verbalizer.to_labels(),
            verbalizer_settings=verbalizer.settings,
            colours=verbalizer.colours,
            **others,
        )

    def read_template(self) -> Template:
        """Raises TemplateError."""
        return Template(self.template, truncation=self.truncation)

    def read_verbalizer(self) -> Verbalizer:
        """Raises VerbalizerError."""
        return Verbalizer(self.verbalizer, self.colours or None, **self.verbalizer_settings)
