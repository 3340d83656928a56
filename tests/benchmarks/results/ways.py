"""What is measured: each method with its settings, and each set with its prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import Any, Literal

from playground.models.pretraining.evaluation import OPINIONS, QUESTION, TOPIC
from playground.prompts import Template, Verbalizer

FEW, MANY = 100, 400  # batches; many gained the methods that tune the model nothing
LOOKS = 5  # at the dev split; what was best there is kept
TRAINED: Mapping[str, Any] = {"snapshot_every": 100_000, "keep_best": True}


@dataclass(frozen=True)
class Trial:
    """How a training goes: its batches, and its step size."""

    batches: int
    rate: float


@dataclass(frozen=True)
class Way:
    """A method with settings of its own; ``batches`` and ``rates`` are those to choose from.

    Where a method has several step sizes, those of ``alike`` have the same value.
    """

    name: str
    method: str
    kind: Literal["asking", "training", "search"] = "training"
    settings: Mapping[str, Any] = field(default_factory=dict)
    rates: tuple[float, ...] = ()
    alike: tuple[str, ...] = ("learning_rate",)
    batches: tuple[int, ...] = (FEW, MANY)
    soft: bool = False  # starts from the prompt with soft slots
    letters: bool = False  # labels are read by a, b, c …, words that say nothing of them
    templates: bool = False  # takes the further templates too
    slow: bool = False  # measured last

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every number of batches with every step size, the shorter trainings first."""
        return tuple(Trial(batches, rate) for batches in self.batches for rate in self.rates)

    def settings_at(self, trial: Trial | None, task: "Task", seed: int) -> dict[str, Any]:
        """All settings for a task, with what the trial says if there is something to choose."""
        chosen: dict[str, Any] = {}
        if trial is not None:
            count = {"steps": trial.batches, "dev_every": trial.batches // LOOKS}
            chosen = {**TRAINED, **count, **dict.fromkeys(self.alike, trial.rate)}
        more = {"further_templates": task.further} if self.templates else {}
        return {**self.settings, **chosen, **more, "seed": seed}

    def verbalizer(self, task: "Task") -> Verbalizer:
        """The label words of the task, or a letter for each label."""
        if not self.letters:
            return task.verbalizer
        return Verbalizer(dict(zip(task.verbalizer.labels, ascii_lowercase, strict=False)))


@dataclass(frozen=True)
class Task:
    """A set with its prompt: as written, with soft slots in place of its words, and others."""

    name: str
    title: str
    template: Template
    soft: Template
    further: tuple[str, ...]
    verbalizer: Verbalizer


FINE = (1e-4, 3e-4, 1e-3)  # for the weights of a small model
SOFT = (3e-3, 1e-2, 3e-2)  # for what is trained beside it
DEEP = (1e-2, 3e-2, 1e-1)  # for keys and values in every layer

WAYS = (
    Way("as it is", "zero-shot", "asking"),
    Way("as it is, calibrated on the texts", "calibrated", "asking"),
    Way("head only (linear probe)", "head-fine-tuning", settings={"tune_model": False}, rates=SOFT),
    Way(
        "head fine-tuning",
        "head-fine-tuning",
        settings={"learning_rate": 1e-3},
        rates=FINE,
        alike=("model_learning_rate",),
        batches=(FEW,),
    ),
    Way("prompt fine-tuning", "prompt-fine-tuning", rates=FINE, batches=(FEW,)),
    Way(
        "prompt fine-tuning, letters for label words",
        "prompt-fine-tuning",
        rates=FINE,
        batches=(FEW,),
        letters=True,
    ),
    Way(
        "prompt fine-tuning, demonstrations",
        "prompt-fine-tuning",
        settings={"demonstrations": True},
        rates=FINE,
        batches=(FEW,),
        slow=True,
    ),
    Way(
        "PET: several templates, distilled",
        "pet",
        settings={"distillation_steps": FEW},
        rates=FINE,
        batches=(FEW,),
        alike=("learning_rate", "distillation_learning_rate"),
        templates=True,
        slow=True,
    ),
    Way("LoRA", "lora", rates=(1e-3, 3e-3, 1e-2)),
    Way("prompt tuning", "prompt-tuning", rates=SOFT, soft=True),
    Way("P-Tuning, LSTM", "p-tuning", rates=(1e-4, 3e-4, 1e-3), soft=True),
    Way("P-Tuning, no encoder", "p-tuning", settings={"encoder": "none"}, rates=SOFT, soft=True),
    Way("P-Tuning v2, verbalizer", "p-tuning-v2", rates=DEEP),
    Way("P-Tuning v2, head", "p-tuning-v2", settings={"scored_by": "head"}, rates=DEEP),
    Way("soft verbalizer", "soft-verbalizer", rates=(1e-3, 3e-3, 1e-2), soft=True),
    Way("prototypes", "prototypical", rates=(1e-3, 3e-3, 1e-2), soft=True),
    Way(
        "AutoPrompt",
        "autoprompt",
        "search",
        settings={"iterations": 60, "accumulation_steps": 4, "loss_over": "labels"},
        slow=True,
    ),
    Way(
        "label words by likelihood ratio",
        "label-word-search",
        "search",
        settings={"algorithm": "likelihood-ratio"},
    ),
    Way("label words by a linear layer", "label-word-search", "search", {"algorithm": "linear"}),
    Way(
        "label words by re-ranked assignments",
        "label-word-search",
        "search",
        {"algorithm": "assignments"},
    ),
)

TASKS = (
    Task(
        "sst-2",
        "SST-2 dev",
        Template("A [MASK] film. {text}"),
        Template("[SOFT:a] [MASK] [SOFT:film .] {text}"),
        ("{text} It was [MASK].", "{text} All in all, it was [MASK]."),
        OPINIONS,
    ),
    Task(
        "trec",
        "TREC test",
        Template("What is the [MASK]? {text}"),
        Template("[SOFT:what is the] [MASK] [SOFT:?] {text}"),
        ("[MASK]: {text}", "{text} The [MASK]."),
        QUESTION,
    ),
    Task(
        "agnews",
        "AG News test",
        TOPIC.template,
        Template("[MASK] [SOFT:news :] {text}"),
        ("[MASK]: {text}", "\\[Category: [MASK]] {text}"),
        TOPIC.verbalizer,
    ),
)
