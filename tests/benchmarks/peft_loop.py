"""PEFT as a peer: its prompt encoder and its prefixes in a loop written by hand.

PEFT knows no masked language models; around one, its task type for feature extraction is the one
that puts the prompt in. Virtual tokens stand in front of the text, the answer is read at the mask.
"""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM

from playground.prompts import Verbalizer
from tests.benchmarks.plain_loop import FOLDER, PlainLoop

Kind = Literal["LSTM", "MLP", "prefix"]


class PeftLoop:
    """Trains ``tokens`` virtual tokens of a frozen model, or a prefix of as many positions."""

    def __init__(
        self,
        kind: Kind,
        tokens: int,
        verbalizer: Verbalizer,
        *,
        precision: torch.dtype,
        rate: float,
    ) -> None:
        loop = PlainLoop()
        self.tokenizer = loop.tokenizer
        self.word_ids = loop.word_ids(verbalizer.all_words)
        self.labels = verbalizer.labels
        network: Any = AutoModelForMaskedLM.from_pretrained(FOLDER, dtype=precision)
        common: dict[str, Any] = {"task_type": "FEATURE_EXTRACTION", "num_virtual_tokens": tokens}
        width = network.config.hidden_size
        config = (
            PrefixTuningConfig(**common)
            if kind == "prefix"
            else PromptEncoderConfig(
                encoder_reparameterization_type=kind, encoder_hidden_size=width, **common
            )
        )
        self.model: Any = get_peft_model(network, config)
        self.shift = 0 if kind == "prefix" else tokens  # of the answer, among the logits
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=rate, weight_decay=0.0)

    def prepare(self, table: pd.DataFrame, template: str) -> tuple[list[Tensor], Tensor]:
        """Token ids of each row, and the indices of their labels."""
        mask = self.tokenizer.mask_token
        prompts = [template.format(text=text, mask=mask) for text in table["text"]]
        targets = [self.labels.index(label) for label in table["label"]]
        return [torch.tensor(ids) for ids in self.tokenizer(prompts)["input_ids"]], torch.tensor(
            targets
        )

    def step(self, batch: Sequence[Tensor], targets: Tensor) -> float:
        """One step of gradient descent; returns its loss."""
        pad = self.tokenizer.pad_token_id
        ids = nn.utils.rnn.pad_sequence(list(batch), batch_first=True, padding_value=pad)  # (B, L)
        logits = self.model(input_ids=ids, attention_mask=(ids != pad).long()).logits
        answers = logits[:, self.shift :][ids == self.tokenizer.mask_token_id]  # (B, vocabulary)
        loss = nn.functional.cross_entropy(answers[:, self.word_ids].float(), targets)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        return float(loss.detach())
