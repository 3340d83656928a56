"""The settings of the searches: for trigger words, and for label words."""

from typing import Literal

from pydantic import Field

from playground.methods.settings import MethodSettings

Score = Literal["loss", "accuracy"]
LossOver = Literal["vocabulary", "labels"]


class AutoPromptSettings(MethodSettings):
    """Of AutoPrompt. On SST-2 the authors search with 100 candidates and 180 iterations."""

    iterations: int = Field(100, ge=1, le=100_000, description="How many swaps are tried.")
    triggers: int = Field(
        3,
        ge=1,
        le=32,
        description="Trigger words put before the answer slot where the template has none.",
    )
    candidates: int = Field(
        20,
        ge=1,
        le=1000,
        description="Words measured in each iteration, those that the gradient promises most of; "
        "100 as published.",
    )
    accumulation_steps: int = Field(
        30,
        ge=1,
        le=1000,
        description="Batches for each gradient and for each score, as far as the rows reach.",
    )
    batch_size: int = Field(24, ge=1, le=1024, description="Examples in a batch.")
    score: Score = Field(
        "loss", description="What a swap has to make better: the loss, or the accuracy."
    )
    loss_over: LossOver = Field(
        "vocabulary",
        description="Probability of the label words among all words, as published, or among the "
        "label words alone.",
    )
    dev_every: int = Field(
        1, ge=1, le=100_000, description="Iterations between looks at the dev set after a swap."
    )
    filter_label_words: bool = Field(True, description="No label words among the triggers.")
    filter_special: bool = Field(True, description="No special tokens among the triggers.")
    filter_capitalised: bool = Field(
        False, description="No capitalised word starts among the triggers, so hardly any names."
    )
    seed: int = Field(
        13, ge=0, le=2**31 - 1, description="Draws batches and positions; same seed, same search."
    )


Algorithm = Literal["likelihood-ratio", "linear", "assignments"]


class LabelWordSettings(MethodSettings):
    """Of the search for label words.

    The defaults are published ones: 10 words of 1000 likely ones (PETAL), 500 steps at 3e-4
    (AutoPrompt, on whole data sets), 100 words to assign and 100 assignments (LM-BFF).
    """

    algorithm: Algorithm = Field(
        "likelihood-ratio",
        description="Likelihood ratio (PETAL), a linear layer (AutoPrompt), or all assignments of "
        "likely words (LM-BFF).",
    )
    words: int = Field(
        10, ge=1, le=50, description="Words to find for each label; an assignment has one."
    )
    likely_words: int = Field(
        1000,
        ge=2,
        le=100_000,
        description="Words that the model finds likeliest for a label, among which the likelihood "
        "ratio chooses.",
    )
    tried_words: int = Field(
        100,
        ge=2,
        le=1000,
        description="The same for the assignments; fewer where they would be more than a million.",
    )
    assignments: int = Field(
        100, ge=1, le=10_000, description="Assignments that the dev set decides between."
    )
    steps: int = Field(500, ge=1, le=100_000, description="Steps of the linear layer.")
    learning_rate: float = Field(3e-4, gt=0, le=10, description="Step size of the linear layer.")
    seed: int = Field(
        13, ge=0, le=2**31 - 1, description="Draws the rows of a run; the search draws nothing."
    )
