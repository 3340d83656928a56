"""Which tokens of a model's vocabulary a search may pick."""

import torch
from torch import Tensor

from playground.models import LanguageModel
from playground.prompts import Template

_SPACES = ("Ġ", "▁")  # how tokenizers write the space that a token brings with it


def special_tokens(model: LanguageModel) -> Tensor:
    """Which tokens are special, or rows of the embedding without a token: (vocabulary,)."""
    tokenizer = model.tokenizer
    special = torch.zeros(len(model.embedding_weight), dtype=torch.bool)
    special[len(tokenizer) :] = True
    ids = {*tokenizer.all_special_ids}
    ids |= {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    special[sorted(ids)] = True
    return special.to(model.device)


def capitalised_starts(model: LanguageModel) -> Tensor:
    """Which tokens begin a word with a capital letter: (vocabulary,)."""
    known = range(min(len(model.tokenizer), len(model.embedding_weight)))
    tokens = [str(token) for token in model.tokenizer.convert_ids_to_tokens(list(known))]
    writes_spaces = any(token.startswith(_SPACES) for token in tokens)
    capitalised = torch.zeros(len(model.embedding_weight), dtype=torch.bool)
    for number, token in enumerate(tokens):
        begins = token.startswith(_SPACES) if writes_spaces else not token.startswith("##")
        capitalised[number] = begins and model.token_text(number)[:1].isupper()
    return capitalised.to(model.device)


def whole_words(model: LanguageModel, template: Template) -> Tensor:
    """Which tokens are whole words that the model reads back at the answer slot: (vocabulary,).

    A single letter is a word in scripts like the Chinese only.
    """
    after_space = model.encoder.answer_after_space(template)
    whole = ~special_tokens(model).cpu()
    for token in torch.nonzero(whole)[:, 0].tolist():
        word = model.token_text(token)
        whole[token] = (
            word.isalpha()
            and (len(word) > 1 or not word.isascii())
            and model.encoder.word_ids(word, after_space=after_space) == [token]
        )
    return whole.to(model.device)
