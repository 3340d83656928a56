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
