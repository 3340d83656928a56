"""Tiny random models of every family, saved as the real ones are: made in milliseconds."""

import random
from pathlib import Path

import pandas as pd
import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers import models as algorithms
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    PreTrainedTokenizerFast,
)

torch.set_num_threads(1)  # so little work only waits for a second thread

TEXTS = [
    "A good film, great and wonderful. It was good.",
    "A bad film, terrible and boring. It was bad.",
    "the cat sat on the mat in summary all in all",
    "Great! Good! Bad! Terrible! so so it was great it was terrible",
    "这部电影很好。总之很差。 很 好 很 差",
]
WORDS = (
    "a good great bad terrible boring wonderful film it was the cat sat on mat in summary all so"
)
POSITIONS = 48

MASKED_TOKENIZERS = {
    "bert": "wordpiece",
    "distilbert": "wordpiece",
    "electra": "wordpiece",
    "deberta-v2": "unigram",
    "albert": "unigram",
    "xlm-roberta": "unigram",
    "camembert": "unigram",
    "roberta": "byte-level",
    "modernbert": "byte-level",
    "mpnet": "wordpiece",  # not in the table of families
}
CAUSAL_TOKENIZERS = {
    "gpt2": "gpt2",
    "llama": "metaspace",
    "mistral": "metaspace",
    "qwen2": "gpt2",
    "qwen3": "gpt2",
    "gpt_neo": "gpt2",  # not in the table of families
}
FAMILIES = {**MASKED_TOKENIZERS, **CAUSAL_TOKENIZERS}


def make_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer of the kind that the family has: see the functions below."""
    return {
        "wordpiece": _word_piece,
        "byte-level": _byte_level,
        "gpt2": _gpt2,
        "metaspace": _metaspace,
        "unigram": _unigram,
    }[kind]()


def _word_piece() -> PreTrainedTokenizerFast:
    """BERT's: lower-cased words and ##pieces."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    marks = list(".,!?:;[]<>/()\\{}|'\"-0123456789很好差这部电影总之。")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.split(), *marks]
    words += [w for w in letters if w not in words] + [f"##{c}" for c in letters] + ["mask", "##ly"]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(algorithms.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def _byte_level() -> PreTrainedTokenizerFast:
    """RoBERTa's: byte-level BPE whose <mask> swallows the space before it."""
    tokenizer = Tokenizer(algorithms.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    mask = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", mask],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=mask,
    )


def _gpt2() -> PreTrainedTokenizerFast:
    """GPT-2's: byte-level BPE without anything in front, and no padding token."""
    tokenizer = Tokenizer(algorithms.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    # special, but none of the named ones: as chat models have them
    tokenizer.add_special_tokens([AddedToken("<|im_start|>", special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )


def _metaspace() -> PreTrainedTokenizerFast:
    """Llama's: BPE with ▁ for the space, and <s> in front."""
    tokenizer = Tokenizer(algorithms.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def _unigram() -> PreTrainedTokenizerFast:
    """That of ALBERT and XLM-RoBERTa: a unigram model with ▁ for the space."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = [f"▁{word}" for word in WORDS.split()] + ["▁Great", "▁A", "▁It"]
    letters = sorted(set("".join(TEXTS).replace(" ", "")) | set("<>/[]MASKmask|{}s"))
    pieces = [(token, 0.0) for token in specials]
    pieces += [("▁", -3.0)] + [(word, -4.0) for word in words] + [(c, -8.0) for c in letters]
    tokenizer = Tokenizer(algorithms.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    mask = AddedToken("<mask>", lstrip=True, normalized=True, special=True)
    tokenizer.add_special_tokens([*specials[:4], mask])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=mask,
    )


_SIZES: dict[str, dict[str, object]] = {
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "albert": {"embedding_size": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS},
    "gpt_neo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 8},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "qwen3": {"head_dim": 8},
}
_NUMBERED_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")


def save_model(folder: Path, family: str, *, seed: int = 0, **changes: object) -> Path:
    """Saves a random model of ``family`` and its tokenizer into ``folder``; returns it."""
    tokenizer = make_tokenizer(FAMILIES[family])
    first = 1 + (tokenizer.pad_token_id or 0) if family in _NUMBERED_FROM_PADDING else 0
    sizes: dict[str, object] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": POSITIONS + first,
        **{f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos")},
        "pad_token_id": tokenizer.pad_token_id,
    }
    if family in ("gpt2", "distilbert", "gpt_neo"):  # which have names of their own for sizes
        for name in ("num_hidden_layers", "num_attention_heads", "intermediate_size"):
            del sizes[name]
    if family in ("llama", "mistral", "qwen2", "qwen3"):
        sizes["num_key_value_heads"] = 2
    sizes |= _SIZES.get(family, {})
    config = CONFIG_MAPPING[family](**sizes | changes)
    auto = AutoModelForCausalLM if family in CAUSAL_TOKENIZERS else AutoModelForMaskedLM
    torch.manual_seed(seed)
    network = auto.from_config(config)
    with torch.no_grad():  # biases too, so that a forgotten one would show
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def toy_rows(count: int, *, seed: int = 0) -> pd.DataFrame:
    """Rows whose label a single word gives away, of one to four other words."""
    opinions = ("good", "great", "bad", "terrible", "wonderful")
    words = [word for word in WORDS.split() if word not in opinions]
    draw = random.Random(seed)
    rows = []
    for index in range(count):
        label = ("positive", "negative")[index % 2]
        telling = "wonderful" if label == "positive" else "bad"
        text = draw.choices(words, k=draw.randint(1, 4))
        text.insert(draw.randint(0, len(text)), telling)
        rows.append({"text": " ".join(text), "label": label})
    return pd.DataFrame(rows)
