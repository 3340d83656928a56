"""P-Tuning's prompt encoder: what stands between the trainable table and the soft slots.

Liu et al. 2021, "GPT Understands, Too", section 3.2 and the authors' code.
"""

import torch
from torch import Tensor, nn

from playground.methods.settings import EncoderKind


class PromptEncoder(nn.Module):
    """Gives the soft vectors (vectors, embedding), from a table of as many.

    ``lstm``: Embedding → two-layer bidirectional LSTM of ``embedding // 2`` a direction → Linear →
    ReLU → Linear, as published. ``mlp``: the same without the LSTM. ``none``: the table itself,
    which then starts like an ordinary word of the vocabulary.

    A vector with an initial word (``[SOFT:word]``) starts at its embedding: with an encoder, what
    is missing to it at the start is added throughout.
    """

    def __init__(
        self,
        kind: EncoderKind,
        embedding_weight: Tensor,
        initial_ids: tuple[int | None, ...],
    ) -> None:
        super().__init__()
        vectors, width = len(initial_ids), embedding_weight.shape[1]
        self.kind = kind
        self.table = nn.Embedding(vectors, width)
        words = embedding_weight.detach().float()
        start = torch.zeros(vectors, width)
        if kind == "none":
            start = words.mean(0).cpu() + torch.randn(vectors, width) * words.std(0).cpu()
        for index, token_id in enumerate(initial_ids):
            if token_id is not None:
                start[index] = words[token_id].cpu()
        if kind == "none":
            self.table.weight.data.copy_(start)
            return
        self.register_buffer("initial", torch.zeros(vectors, width))
        if kind == "lstm":
            # an odd width has no two equal halves: the extra column is cut off again below
            self.lstm = nn.LSTM(
                width, (width + 1) // 2, num_layers=2, bidirectional=True, batch_first=True
            )
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        named = [index for index, token_id in enumerate(initial_ids) if token_id is not None]
        with torch.no_grad():
            self.get_buffer("initial")[named] = start[named] - self()[named]

    def forward(self) -> Tensor:
        out: Tensor = self.table.weight  # (vectors, embedding)
        if self.kind == "none":
            return out
        if self.kind == "lstm":
            hidden, _ = self.lstm(out[None])  # (1, vectors, embedding)
            out = hidden[0, :, : out.shape[1]]
        out = self.get_buffer("initial") + self.mlp(out)
        return out
