"""Words of several tokens after a causal model's prompt, by exact log-probability."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from playground.errors import ModelError
from playground.models.encoded import Encoded
from playground.models.shared_prefix import SharedPrefix
from playground.processors import batch_rows

if TYPE_CHECKING:
    from playground.models.language_model import LanguageModel


def continuation_log_probabilities(
    model: "LanguageModel",
    prompts: Sequence[Encoded],
    continuations: Sequence[Sequence[int]],
    *,
    soft_vectors: Tensor | None = None,
) -> Tensor:
    """log P(continuation | prompt) of each pair: (prompts, continuations), without gradients.

    A prompt is read once: what the network keeps of it (its keys and values) serves all the
    continuations, which are token ids, at least one each; and what all prompts begin with is read
    once for all. Prompt and longest continuation must
    fit the model together; `LanguageModel.encode` leaves the room when told ``answer_tokens``.
    Raises ModelError where the network keeps nothing.
    """
    found = torch.zeros(len(prompts), len(continuations), device=model.device)
    largest = batch_rows(model.device.type)
    longer = sum(len(tokens) > 1 for tokens in continuations)
    shared = SharedPrefix(model)
    for chosen in _of_one_length(prompts, max(1, largest // max(1, longer))):
        with torch.inference_mode():
            found[chosen] = _of_batch(
                model, [prompts[i] for i in chosen], continuations, soft_vectors, shared
            )
    return found


def _of_one_length(prompts: Sequence[Encoded], largest: int) -> Iterator[list[int]]:
    """Batches without padding, which would stand between a prompt and its continuations."""
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(index)
    for chosen in by_length.values():
        for start in range(0, len(chosen), largest):
            yield chosen[start : start + largest]


def _of_batch(
    model: "LanguageModel",
    batch: Sequence[Encoded],
    continuations: Sequence[Sequence[int]],
    soft_vectors: Tensor | None,
    shared: SharedPrefix,
) -> Tensor:
    """As above, for prompts of one length: (batch, continuations)."""
    device = model.device
    inputs, places = shared.network_inputs(batch, soft_vectors)  # places: (B, 1)
    at = torch.arange(len(batch), device=device)[:, None]  # (B, 1)
    logits, cache = model.network_logits({**inputs, "use_cache": True}, at, places, None)
    first = torch.tensor([tokens[0] for tokens in continuations], device=device)
    total = logits[:, 0].log_softmax(-1)[:, first]  # (B, C)
    longer = [index for index, tokens in enumerate(continuations) if len(tokens) > 1]
    if not longer:
        return total
    if cache is None:
        raise ModelError(
            f"{model.name} keeps nothing of what it has read, so words of several tokens cannot "
            "be scored exactly. Score them by their first token or by their mean.",
            code="model.no_cache",
            model=model.name,
        )
    cache.batch_repeat_interleave(len(longer))  # each prompt's, once for each of the longer: B·M
    read, rows, columns, targets = _steps([continuations[index] for index in longer], len(batch))
    logits, _ = model.network_logits(
        {"input_ids": read.to(device), "past_key_values": cache, "use_cache": True},
        rows.to(device),
        columns.to(device),
        None,
    )  # (steps, vocabulary)
    steps = logits.log_softmax(-1).gather(1, targets.to(device)[:, None])[:, 0]  # (steps,)
    rest = torch.zeros(len(batch) * len(longer), device=device).index_add(0, rows.to(device), steps)
    total[:, longer] += rest.view(len(batch), len(longer))
    return total


def _steps(
    continuations: Sequence[Sequence[int]], repeats: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What is read after a prompt, and where in it which token has to come next.

    Ids (repeats · continuations, longest - 1), padded at the end where nothing looks back at them;
    then row, column and next token of each step (steps,).
    """
    longest = max(map(len, continuations)) - 1
    read = torch.zeros(len(continuations), longest, dtype=torch.long)
    rows, columns, targets = [], [], []
    for row, tokens in enumerate(continuations):
        read[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        for column, target in enumerate(tokens[1:]):
            rows.append(row)
            columns.append(column)
            targets.append(target)
    each = torch.arange(repeats)[:, None] * len(continuations)
    return (
        read.repeat(repeats, 1),
        (each + torch.tensor(rows)).flatten(),
        torch.tensor(columns).repeat(repeats),
        torch.tensor(targets).repeat(repeats),
    )
