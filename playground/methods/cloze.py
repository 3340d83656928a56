"""How well a language model still fills in words: what a fine-tuning makes it forget.

A word of each text is left out, and the model's first guess is compared with it, as in McCloskey &
Cohen 1989, "Catastrophic Interference in Connectionist Networks", where what was learned before is
tested again after something new has been learned. The texts are those of the built-in sets that
the task is not about.
"""

import random
import re
from collections.abc import Sequence

from playground.models import LanguageModel
from playground.prompts import Template
from playground.tasks import built_in_tasks, load_task

TEXTS = 200  # the standard error of a share over these is at most 3.5 points
SEED = 13

_WORD = re.compile(r"(?<![\w'’-])[a-z]+(?![\w'’-])")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def cloze_texts(dataset: str, sample: Sequence[str]) -> list[str]:
    """Texts of the built-in sets in the language of ``sample``, without those of ``dataset``.

    The language is Chinese where every other text has a Chinese character, else English. Where the
    only set of the language is ``dataset`` itself, its texts are taken.
    """
    chinese = 2 * sum(bool(_HAN.search(text)) for text in sample) > len(sample)
    tasks = [load_task(name) for name in built_in_tasks()]
    spoken = [task for task in tasks if task.language.startswith("zh") == chinese]
    chosen = [task for task in spoken if task.name != dataset] or spoken
    texts = [text for task in chosen for text in task.split("test")["text"]]
    return random.Random(SEED).sample(texts, min(TEXTS, len(texts)))


def cloze_accuracy(model: LanguageModel, texts: Sequence[str]) -> float | None:
    """The share of the left-out words that are the model's first guess.

    One word of each text that is one token of the model, never its first; the same for the same
    texts. A masked model sees the text on both sides of it, a causal one what stands before. None
    where no text has such a word.
    """
    chooser = random.Random(SEED)
    chinese = any(_HAN.search(text) for text in texts)
    rows, wanted = [], []
    for text in texts:
        words = list((_HAN if chinese else _WORD).finditer(text))
        for word in chooser.sample(words, len(words)):
            before, after = text[: word.start()].rstrip(), text[word.end() :]
            pieces = model.encoder.word_ids(word.group(), after_space=not chinese)
            if before and len(pieces) == 1 and pieces[0] != model.tokenizer.unk_token_id:
                rows.append({"before": before, "after": after})
                wanted.append(pieces[0])
                break
    if not rows:
        return None
    space, rest = "" if chinese else " ", "{after}" if model.kind == "masked" else ""
    encoded = model.encode(Template(f"{{before}}{space}[MASK]{rest}"), rows)
    right = 0
    for chosen, logits in model.score(encoded, None):  # (batch, 1, vocabulary)
        guesses = logits[:, 0].argmax(-1).tolist()
        right += sum(guess == wanted[row] for row, guess in zip(chosen, guesses, strict=True))
    return right / len(rows)
