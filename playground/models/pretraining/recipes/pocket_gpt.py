"""pocket-gpt: a causal language model, pocket-bert's sibling that reads from left to right."""

from playground.models.pretraining.recipe import Recipe, Rows
from playground.models.pretraining.recipes import pocket_bert

RECIPE = Recipe(
    name="pocket-gpt",
    kind="causal",
    mix=pocket_bert.RECIPE.mix,
    rows=(Rows(length=128, share=1.0),),
    neighbours=((-1, -2, -3, -4),),
    feed_forward=704,
    tokens=30_000_000,
    decay_share=0.6,
)
