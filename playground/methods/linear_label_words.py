"""AutoPrompt's label words, by a linear layer: Shin et al. 2020, https://arxiv.org/abs/2010.15980,
section "Automating Label Token Selection".
"""

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from playground.methods.label_word_ranking import Ranking, restored
from playground.models import Encoded, LanguageModel

_ADAM = ("step", "exp_avg", "exp_avg_sq")


class LinearLabelWords(Ranking):
    """Words that a linear classifier of the slot's vector would give to a label.

    First the layer learns to tell the labels apart by the vector that the vocabulary's projection
    reads at the answer slot (the hidden state after the head's transform). Then each word's own
    row of that projection stands in the vector's place: the score of a word for a label is the
    probability that the layer gives it. The layer learns from zero, on all train rows at once, by
    Adam. A step reads a batch of the train rows, or is one of the layer's.
    """

    def prepare(self) -> None:
        self.steps = len(self.train_batches) + self.settings.steps
        projection = self.model.network.get_output_embeddings()
        self._word_vectors = projection.weight.detach().cpu().float()  # (vocabulary, features)
        self._features = torch.zeros(len(self.train), self._word_vectors.shape[1])
        self.layer = nn.Linear(self._features.shape[1], len(self.labels))
        for parameter in self.layer.parameters():
            nn.init.zeros_(parameter)
        self._optimizer = torch.optim.Adam(self.layer.parameters(), lr=self.settings.learning_rate)

    def advance(self, step: int) -> Generator[None, None, dict[str, Any]]:
        yield
        if step < len(self.train_batches):
            rows = self.train_batches[step]
            batch = [self.train.encoded[row] for row in rows]
            self._features[list(rows)] = answer_features(self.model, batch).cpu().float()
            return {}
        targets = self.train.targets.cpu()
        scores = self.layer(self._features)  # (rows, labels)
        loss = nn.functional.cross_entropy(scores, targets)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._optimizer.step()
        right = (scores.argmax(1) == targets).float().mean()
        return {"loss": float(loss.detach()), "accuracy": float(right)}

    def scores(self) -> Tensor | None:
        if not self.layer.weight.any():
            return None
        with torch.no_grad():
            shares = self.layer(self._word_vectors).double().softmax(1).T  # (labels, vocabulary)
        return shares.where(self.whole, -torch.inf)

    def tensors(self) -> dict[str, Tensor]:
        kept = {"features": self._features}
        for name, parameter in self.layer.named_parameters():
            kept[name] = parameter.detach().clone()
            state = self._optimizer.state.get(parameter) or {
                "step": torch.zeros(()),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
            kept |= {f"{name}.{key}": state[key].detach().clone() for key in _ADAM}
        return kept

    def restore(self, tensors: dict[str, Tensor]) -> None:
        kept = restored(tensors, self.tensors())
        self._features = kept["features"]
        for name, parameter in self.layer.named_parameters():
            with torch.no_grad():
                parameter.copy_(kept[name])
            self._optimizer.state[parameter] = {key: kept[f"{name}.{key}"] for key in _ADAM}


def answer_features(model: LanguageModel, batch: Sequence[Encoded]) -> Tensor:
    """What the vocabulary's projection reads at the first answer slot: (batch, features)."""
    inputs, places = model.network_inputs(batch)  # places: (batch, slots)
    rows = torch.arange(len(batch), device=model.device)
    found: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found.append(given[0][rows, places[:, 0]])
        return (found[0][:, None],)  # the logits of all other places would be for nothing

    hook = model.network.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        with torch.inference_mode():
            model.network(**inputs)
    finally:
        hook.remove()
    return found[0]
