"""pocket-gpt: a causal language model, pocket-bert's sibling that reads from left to right."""

from playground.models.pretraining.recipe import Recipe, Rows
from playground.models.pretraining.recipes import pocket_bert

RECIPE = Recipe(
    name="pocket-gpt",
    kind="causal",
    mix=pocket_bert.RECIPE.mix,
    # nearer to what there is of each, as prefixes come from everywhere
    late_mix={
        "imdb_train_unsup": 0.35,
        "wiki_en_core": 0.37,
        "wiki_en_2008_sample": 0.12,
        "newsgroups20_train": 0.03,
        "openstax_ccby": 0.04,
        "onestop_english": 0.01,
        "novels_pd_sample": 0.04,
        "tinystories_sample": 0.01,
        "sgd_dialogues_sample": 0.01,
        "wiki_intros": 0.005,
        "cia_factbook": 0.005,
        "fairytales_pg": 0.005,
        "stories_asp_pratham": 0.005,
    },
    rows=(Rows(length=128, share=1.0),),
    neighbours=((-1, -2, -3, -4),),
    feed_forward=704,
    tokens=70_000_000,
    decay_share=0.6,
)
