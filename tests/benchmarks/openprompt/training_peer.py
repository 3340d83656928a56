"""P-Tuning with OpenPrompt, as its documentation shows: run by a Python that has it.

The first line on stdin is the task as JSON; each line after it is answered by a line with the loss
of one more step. It imports nothing of ours.
"""

import contextlib
import json
import sys

import torch
from openprompt import PromptDataLoader, PromptForClassification
from openprompt.data_utils import InputExample
from openprompt.plms import MLMTokenizerWrapper
from openprompt.prompts import ManualVerbalizer
from openprompt.prompts.ptuning_prompts import PtuningTemplate
from peer import Tokenizer
from transformers import BertForMaskedLM


class Peer:
    """All rows in one batch, again and again."""

    def __init__(self, task: dict) -> None:
        torch.set_num_threads(task["threads"])
        tokenizer = Tokenizer.from_pretrained(task["folder"])
        network = BertForMaskedLM.from_pretrained(task["folder"])
        template = PtuningTemplate(
            network, tokenizer, text=task["template"], prompt_encoder_type="lstm"
        )
        verbalizer = ManualVerbalizer(
            tokenizer, classes=list(task["words"]), label_words=task["words"]
        )
        self.model = PromptForClassification(network, template, verbalizer, freeze_plm=True)
        rows = zip(task["texts"], task["targets"], strict=True)
        self.loader = PromptDataLoader(
            dataset=[
                InputExample(guid=at, text_a=text, label=target)
                for at, (text, target) in enumerate(rows)
            ],
            template=template,
            tokenizer=tokenizer,
            tokenizer_wrapper_class=MLMTokenizerWrapper,
            max_seq_length=task["length"],
            batch_size=len(task["texts"]),
        )
        trained = [p for p in template.parameters() if p.requires_grad and p.is_floating_point()]
        self.trained = [p for p in trained if not any(p is q for q in network.parameters())]
        self.optimizer = torch.optim.AdamW(self.trained, lr=task["rate"], weight_decay=0.0)

    def step(self) -> float:
        [batch] = self.loader
        loss = torch.nn.functional.cross_entropy(self.model(batch), batch["label"])
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        return float(loss)


def main() -> None:
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # OpenPrompt has things to say
        peer = Peer(json.loads(sys.stdin.readline()))
        for _ in sys.stdin:
            print(json.dumps(peer.step()), file=answers, flush=True)


if __name__ == "__main__":
    main()
