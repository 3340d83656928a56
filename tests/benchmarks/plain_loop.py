"""The peer: what one writes by hand over transformers, with no engine behind it.

``AutoModelForMaskedLM`` as it is loaded by default, in float32; padded batches; logits at every
position and for the whole vocabulary. Nothing is left out that a careful hand would do: no
gradients where none are needed, frozen weights where they are frozen, padding only to the longest
of the batch, and in training the prompts tokenized once, ahead of the steps.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, AutoTokenizer

from playground.methods.prompt_encoder import PromptEncoder
from playground.methods.settings import EncoderKind
from playground.prompts import Verbalizer

MODEL = "pocket-bert"
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "models" / MODEL
SOFT = "[PROMPT]"


class PlainLoop:
    """Answers and labels by a plain forward pass."""

    def __init__(self) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(FOLDER)
        # said, because the files of the built-in model hold halves
        self.model: Any = AutoModelForMaskedLM.from_pretrained(FOLDER, dtype=torch.float32)

    def prompt(self, text: str) -> str:
        return f"{text} It was {self.tokenizer.mask_token}."

    def word_ids(self, words: Sequence[str]) -> Tensor:
        """The first token of each word: (words,)."""
        return torch.tensor(
            [self.tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in words]
        )

    def distribution(self, text: str, top_k: int) -> list[tuple[str, float]]:
        """The likeliest tokens at the mask and their probabilities."""
        inputs = self.tokenizer(self.prompt(text), return_tensors="pt")
        with torch.inference_mode():
            logits = self.model(**inputs).logits  # (1, length, vocabulary)
            at = inputs["input_ids"] == self.tokenizer.mask_token_id
            best = logits[at][0].softmax(-1).topk(top_k)
        tokens = self.tokenizer.convert_ids_to_tokens(best.indices.tolist())
        return list(zip(tokens, best.values.tolist(), strict=True))

    def classify(self, texts: Sequence[str], word_ids: Tensor, batch_size: int) -> Tensor:
        """Probabilities of the labels, one word each: (texts, labels)."""
        found = []
        for start in range(0, len(texts), batch_size):
            prompts = [self.prompt(text) for text in texts[start : start + batch_size]]
            inputs = self.tokenizer(prompts, padding=True, return_tensors="pt")
            with torch.inference_mode():
                logits = self.model(**inputs).logits  # (batch, length, vocabulary)
                at = inputs["input_ids"] == self.tokenizer.mask_token_id
                found.append(logits[at][:, word_ids].softmax(-1))
        return torch.cat(found)


class PlainPTuning:
    """P-Tuning with a frozen model, written out.

    Three soft tokens open the prompt, three more stand before the mask, and a verbalizer of one
    word a label reads the answer.
    """

    def __init__(
        self, encoder: EncoderKind, verbalizer: Verbalizer, *, rate: float, seed: int
    ) -> None:
        loop = PlainLoop()
        self.tokenizer, self.model = loop.tokenizer, loop.model
        self.tokenizer.add_tokens([SOFT], special_tokens=True)
        self.soft_id = self.tokenizer.convert_tokens_to_ids(SOFT)
        self.labels = verbalizer.labels
        self.word_ids = loop.word_ids(verbalizer.all_words)
        self.embeddings: nn.Embedding = self.model.get_input_embeddings()
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        torch.manual_seed(seed)
        self.encoder = PromptEncoder(encoder, self.embeddings.weight, (None,) * 6)
        self.optimizer = torch.optim.AdamW(self.encoder.parameters(), lr=rate, weight_decay=0.0)

    def prepare(self, table: pd.DataFrame) -> tuple[list[Tensor], Tensor]:
        """Token ids of each row, and the indices of their labels."""
        soft, mask = SOFT * 3, self.tokenizer.mask_token
        prompts = [f"{soft} {text} It was {soft} {mask}." for text in table["text"]]
        targets = [self.labels.index(label) for label in table["label"]]
        ids = [torch.tensor(ids) for ids in self.tokenizer(prompts)["input_ids"]]
        return ids, torch.tensor(targets)

    def scores(self, batch: Sequence[Tensor]) -> Tensor:
        """Logits of the label words at the mask: (batch, labels)."""
        pad = self.tokenizer.pad_token_id
        ids = nn.utils.rnn.pad_sequence(list(batch), batch_first=True, padding_value=pad)  # (B, L)
        soft = ids == self.soft_id
        embedded = self.embeddings(ids.masked_fill(soft, pad))  # (B, L, embedding)
        embedded[soft] = self.encoder().repeat(len(batch), 1)
        logits = self.model(inputs_embeds=embedded, attention_mask=(ids != pad).long()).logits
        scores: Tensor = logits[ids == self.tokenizer.mask_token_id][:, self.word_ids]
        return scores

    def step(self, batch: Sequence[Tensor], targets: Tensor) -> float:
        """One step of gradient descent; returns its loss."""
        loss = nn.functional.cross_entropy(self.scores(batch), targets)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.encoder.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def train(
        self, train: pd.DataFrame, dev: pd.DataFrame, *, steps: int, batch: int, dev_every: int
    ) -> float:
        """Trains over shuffled epochs with looks at the dev set; returns its last accuracy."""
        examples, targets = self.prepare(train)
        dev_examples, dev_targets = self.prepare(dev)
        order: list[int] = []
        accuracy = self.measure(dev_examples, dev_targets)
        for step in range(1, steps + 1):
            if len(order) < batch:
                order = torch.randperm(len(examples)).tolist()
            chosen, order = order[:batch], order[batch:]
            self.step([examples[row] for row in chosen], targets[chosen])
            if step % dev_every == 0:
                accuracy = self.measure(dev_examples, dev_targets)
        return accuracy

    def measure(self, examples: Sequence[Tensor], targets: Tensor, batch_size: int = 64) -> float:
        """Accuracy on a dev set."""
        right = 0
        with torch.inference_mode():
            for start in range(0, len(examples), batch_size):
                part = slice(start, start + batch_size)
                right += int((self.scores(examples[part]).argmax(1) == targets[part]).sum())
        return right / len(examples)


def serve() -> None:
    """The plain loop behind a plain Gradio page, for its start-up time; GRADIO_SERVER_PORT says
    where."""
    import gradio as gr

    loop = PlainLoop()
    page = gr.Interface(
        lambda text: dict(loop.distribution(text, top_k=10)), gr.Textbox(label="text"), gr.Label()
    )
    page.launch(server_name="127.0.0.1", quiet=True)


if __name__ == "__main__":
    serve()
