"""Trains a model's tokenizer on a sample of its text.

Both lower-case, and both read typographic quotes as plain ones: a small model has no examples to
spare for writings of the same thing.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from playground.errors import DataError
from playground.models.pretraining.recipe import Recipe
from playground.models.segments import WORDS

FILE = "tokenizer.json"
PAD, UNKNOWN, START, END, MASK = MASKED_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
END_OF_TEXT = "<|endoftext|>"

_QUOTES = {"‘": "'", "’": "'", "“": '"', "”": '"', "``": '"', "''": '"'}


def train_tokenizer(recipe: Recipe, texts: Iterable[str]) -> Tokenizer:
    """Lower-cased WordPiece (Wu et al. 2016) for a masked model, byte-level BPE for a causal one.

    It has ``recipe.vocabulary`` tokens at most. Where pairs are equally frequent, another training
    on the same texts may choose another one.
    """
    return (_word_piece if recipe.kind == "masked" else _byte_pairs)(recipe.vocabulary, texts)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that was trained into ``folder``. Raises DataError where there is none."""
    if not (folder / FILE).is_file():
        raise DataError(
            f"{folder} holds no tokenizer. Run the command “prepare” first.",
            code="corpus.not_prepared",
            file=str(folder),
        )
    tokenizer: Tokenizer = Tokenizer.from_file(str(folder / FILE))
    return tokenizer


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token that is known to be there. Raises KeyError otherwise."""
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise KeyError(token)
    return found


def special_names(tokenizer: Tokenizer) -> dict[str, str]:
    """The roles of the special tokens, by the names that transformers has for them."""
    if tokenizer.token_to_id(MASK) is None:
        return dict.fromkeys(("bos_token", "eos_token", "pad_token"), END_OF_TEXT)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return dict(zip(names, MASKED_SPECIALS, strict=True))


def _word_piece(vocabulary: int, texts: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [*_plain_quotes(), normalizers.BertNormalizer(lowercase=True)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "removed", invert=True)
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        limit_alphabet=256,
        special_tokens=list(MASKED_SPECIALS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.BertProcessing(
        (END, token_id(tokenizer, END)), (START, token_id(tokenizer, START))
    )
    return tokenizer


def _byte_pairs(vocabulary: int, texts: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [*_plain_quotes(), normalizers.NFC(), normalizers.Lowercase()]
    )
    # the first word of a text is then the same token as anywhere else
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END_OF_TEXT],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single=f"{END_OF_TEXT} $A",
                special_tokens=[(END_OF_TEXT, token_id(tokenizer, END_OF_TEXT))],
            ),
        ]
    )
    return tokenizer


def _plain_quotes() -> list[normalizers.Normalizer]:
    return [normalizers.Replace(fancy, plain) for fancy, plain in _QUOTES.items()]
