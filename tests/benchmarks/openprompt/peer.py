"""Labels texts with OpenPrompt, as its documentation shows: run by a Python that has it.

The first line on stdin is the task as JSON; each line after it is a batch size, answered by a line
with the log-probabilities of the words (templates, texts, words). It imports nothing of ours.
"""

import contextlib
import json
import sys

import torch
from openprompt import PromptDataLoader, PromptForClassification
from openprompt.data_utils import InputExample
from openprompt.plms import MLMTokenizerWrapper
from openprompt.prompts import ManualTemplate, ManualVerbalizer
from transformers import BertForMaskedLM, BertTokenizerFast


class Tokenizer(BertTokenizerFast):
    """The model's own, with the one method that OpenPrompt asks for and fast tokenizers lack."""

    def get_special_tokens_mask(self, ids, other=None, already_has_special_tokens=False):
        return [1, *[0] * len(ids), 1]


class Peer:
    """One word a label, so that one pass serves every verbalizer made of the words."""

    def __init__(self, task: dict) -> None:
        torch.set_num_threads(task["threads"])
        self.length = task["length"]  # OpenPrompt pads to this, always
        self.texts = task["texts"]
        self.tokenizer = Tokenizer.from_pretrained(task["folder"])
        network = BertForMaskedLM.from_pretrained(task["folder"])
        words = task["words"]
        verbalizer = ManualVerbalizer(self.tokenizer, classes=words, label_words=words)
        self.templates = [ManualTemplate(self.tokenizer, text=text) for text in task["templates"]]
        self.models = [
            PromptForClassification(network, template, verbalizer).eval()
            for template in self.templates
        ]

    def run(self, batch_size: int) -> list[list[list[float]]]:
        return [
            self._one(*pair, batch_size) for pair in zip(self.templates, self.models, strict=True)
        ]

    def _one(
        self, template: ManualTemplate, model: PromptForClassification, batch_size: int
    ) -> list[list[float]]:
        loader = PromptDataLoader(
            dataset=[InputExample(guid=at, text_a=text) for at, text in enumerate(self.texts)],
            template=template,
            tokenizer=self.tokenizer,
            tokenizer_wrapper_class=MLMTokenizerWrapper,
            max_seq_length=self.length,
            batch_size=batch_size,
        )
        with torch.inference_mode():
            return torch.cat([model(batch) for batch in loader]).tolist()


def main() -> None:
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # OpenPrompt has things to say
        peer = Peer(json.loads(sys.stdin.readline()))
        for line in sys.stdin:
            print(json.dumps(peer.run(int(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
