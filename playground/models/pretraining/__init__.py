"""How the built-in models are made, from plain text and without labels.

``python -m playground.models.pretraining all --corpus FOLDER --work FOLDER`` makes them again, step
by step: a tokenizer and encoded text (`preparation`), initial weights that know the corpus' words
(`word_vectors`, `initial_weights`), training (`training`) and a model folder (`export`). What
distinguishes one model from another is in its file of `recipes`.
"""
