"""What a recipe says: the shape of a model, its mix of text, and how it is trained.

One file a model in `playground.models.pretraining.recipes`; all are checked here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from playground.errors import SettingsError

NAMES = ("pocket-bert", "pocket-gpt")


@dataclass(frozen=True)
class Rows:
    """A kind of training row: at most ``length`` tokens, in ``share`` of the batches.

    A row of ``whole_sentences`` stops where the last sentence that fits does, as prompts do; others
    run on until they are full.
    """

    length: int
    share: float
    whole_sentences: bool = False


@dataclass(frozen=True)
class Recipe:
    """All that decides what comes out of a training, besides the text itself.

    ``mix`` gives the share of rows by corpus file (its name without the endings); shares need not
    add up to one. ``late_mix``, of the same files, takes its place in the decay. ``tokens`` is the
    length of the whole training; its last ``decay_share`` is the decay. ``mask_rate`` holds while
    the learning rate is stable and falls to ``final_mask_rate`` with it. ``common_word_floor`` is
    the least that a very frequent word is masked, relative to a rare one; it rises to 1 in the
    decay. ``matrix_rate`` is the learning rate of Muon, ``vector_rate`` that of AdamW.
    ``neighbours`` names for each of the lowest layers the offsets that its heads look at to begin
    with.
    """

    name: str
    kind: Literal["masked", "causal"]
    mix: Mapping[str, float]
    rows: tuple[Rows, ...]
    neighbours: tuple[tuple[int, ...], ...]
    tokens: int
    late_mix: Mapping[str, float] | None = None
    vocabulary: int = 8192
    layers: int = 4
    width: int = 256
    heads: int = 4
    feed_forward: int = 1024
    positions: int = 256
    batch_tokens: int = 4096
    mask_rate: float = 0.25
    final_mask_rate: float = 0.15
    common_word_floor: float = 0.4
    matrix_rate: float = 2e-3
    vector_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    decay_share: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        self._expect(self.width % self.heads == 0, "width", "a multiple of heads")
        self._expect(0 < self.vocabulary <= 2**16, "vocabulary", "from 1 to 65,536")
        self._expect(0 < self.decay_share < 1, "decay_share", "between 0 and 1")
        self._expect(0 < self.final_mask_rate <= self.mask_rate < 1, "mask_rate", "between 0 and 1")
        self._expect(0 < self.common_word_floor <= 1, "common_word_floor", "above 0, at most 1")
        self._expect(bool(self.mix) and min(self.mix.values()) > 0, "mix", "shares above 0")
        same = self.late_mix is None or (
            set(self.late_mix) == set(self.mix) and min(self.late_mix.values()) > 0
        )
        self._expect(same, "late_mix", "shares above 0 of the same files as mix")
        self._expect(bool(self.rows), "rows", "at least one kind of rows")
        longest = max((rows.length for rows in self.rows), default=0)
        self._expect(2 < longest <= self.positions, "rows", "of 3 tokens to as many as positions")
        self._expect(self.batch_tokens >= longest, "batch_tokens", "room for one row at least")
        self._expect(len(self.neighbours) <= self.layers, "neighbours", "at most one tuple a layer")
        causal_rows = [rows for rows in self.rows if rows.whole_sentences]
        fits = self.kind == "masked" or (len(self.rows) == 1 and not causal_rows)
        self._expect(fits, "rows", "one kind in a causal model, which runs on across documents")
        most = max(map(len, self.neighbours), default=0)
        self._expect(most <= self.heads, "neighbours", "at most one offset a head")

    def _expect(self, holds: bool, field: str, expected: str) -> None:
        if not holds:
            raise SettingsError(
                f"The recipe of {self.name} has {field} = {getattr(self, field)}; it takes "
                f"{expected}.",
                field=field,
                code="recipe.out_of_range",
            )

    def shares(self, *, late: bool) -> Mapping[str, float]:
        """The mix of text at the beginning, or that of the decay."""
        return self.late_mix if late and self.late_mix else self.mix

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training."""
        return max(1, self.tokens // self.batch_tokens)


def load_recipe(name: str) -> Recipe:
    """The recipe of a built-in model. Raises SettingsError for another name."""
    if name not in NAMES:
        raise SettingsError(
            f"There is no recipe “{name}”. There are: {', '.join(NAMES)}.",
            field="model",
            code="recipe.unknown",
        )
    module = import_module(f"playground.models.pretraining.recipes.{name.replace('-', '_')}")
    recipe: Recipe = module.RECIPE
    return recipe
