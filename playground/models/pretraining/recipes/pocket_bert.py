"""pocket-bert: a masked language model, small enough to answer in milliseconds on one core."""

from playground.models.pretraining.recipe import Recipe, Rows

RECIPE = Recipe(
    name="pocket-bert",
    kind="masked",
    # half opinion, half knowledge: what prompts ask for most is sentiment and topic
    mix={
        "imdb_train_unsup": 0.50,
        "wiki_en_core": 0.21,
        "wiki_en_2008_sample": 0.06,
        "newsgroups20_train": 0.06,
        "openstax_ccby": 0.05,
        "onestop_english": 0.04,
        "novels_pd_sample": 0.02,
        "tinystories_sample": 0.015,
        "sgd_dialogues_sample": 0.015,
        "wiki_intros": 0.01,
        "cia_factbook": 0.005,
        "fairytales_pg": 0.005,
        "stories_asp_pratham": 0.005,
    },
    # opinions repeat themselves sooner than knowledge does
    late_mix={
        "imdb_train_unsup": 0.40,
        "wiki_en_core": 0.30,
        "wiki_en_2008_sample": 0.08,
        "newsgroups20_train": 0.06,
        "openstax_ccby": 0.06,
        "onestop_english": 0.02,
        "novels_pd_sample": 0.02,
        "tinystories_sample": 0.01,
        "sgd_dialogues_sample": 0.02,
        "wiki_intros": 0.015,
        "cia_factbook": 0.005,
        "fairytales_pg": 0.005,
        "stories_asp_pratham": 0.005,
    },
    rows=(Rows(length=128, share=0.5), Rows(length=48, share=0.5, whole_sentences=True)),
    neighbours=((-1, 1, -2, 2), (-3, 3)),
    tokens=77_000_000,
    decay_share=0.5,
)
