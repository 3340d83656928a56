"""Prompt tuning: Lester et al. 2021, "The Power of Scale", https://arxiv.org/abs/2104.08691."""

from typing import cast

import torch
from torch import Tensor, nn

from playground.methods.learner import Learner
from playground.methods.settings import Initialisation, PromptTuningSettings, TrainingSettings
from playground.models import LanguageModel
from playground.prompts import SoftSlot, Template, Text, Verbalizer
from playground.prompts.syntax import write


class PromptTuning(Learner):
    """Trains the vectors in the soft slots themselves; the model stays frozen.

    Lester et al. 2021, section 2. They put their vectors in front of the input: so it is here
    where the template has no soft slots.
    """

    def __init__(
        self,
        model: LanguageModel,
        template: Template,
        verbalizer: Verbalizer,
        settings: TrainingSettings,
    ) -> None:
        own = cast(PromptTuningSettings, settings)
        super().__init__(
            model, with_soft_slots_in_front(template, own.soft_tokens), verbalizer, own
        )
        torch.manual_seed(own.seed)
        start = initial_vectors(model, self.template, verbalizer, own.initialisation)
        self.prompt_encoder = SoftPrompt(start)


class SoftPrompt(nn.Module):
    """The trained vectors (vectors, embedding), and nothing else."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(start)

    def forward(self) -> Tensor:
        return self.vectors


def with_soft_slots_in_front(template: Template, count: int) -> Template:
    """The template itself where it has soft slots, else with ``count`` of them in front."""
    if any(isinstance(part, SoftSlot) for part in template.parts):
        return template
    return template.with_source(write((SoftSlot(count), Text(" "), *template.parts)))


def initial_vectors(
    model: LanguageModel, template: Template, verbalizer: Verbalizer, how: Initialisation
) -> Tensor:
    """Where the vectors of the template's soft slots start: (vectors, embedding), in float32.

    Lester et al. 2021, section 2.2. ``random``: each number as large as those of the vocabulary's
    embeddings in its place (theirs, from -0.5 to 0.5, is the scale of T5). ``vocabulary``: at
    words drawn from the vocabulary, none twice while it lasts. ``label-words``: at the verbalizer's
    words, one of each label in turn, a word of several tokens at their mean; when they are used
    up, at words of the vocabulary.

    A vector with an initial word of its own (``[SOFT:word]``) starts there in any case. Draws from
    torch's generator.
    """
    words = model.embedding_weight.detach().float()  # (vocabulary, embedding)
    named = model.soft_layout(template).initial_ids
    count = len(named)
    if how == "random":
        spread, middle = words.std(0).cpu(), words.mean(0).cpu()
        start = (middle + torch.randn(count, words.shape[1]) * spread).to(words.device)
    else:
        special = set(model.tokenizer.all_special_ids)
        ordinary = torch.tensor([i for i in range(len(words)) if i not in special])
        drawn = ordinary[torch.randperm(len(ordinary))]
        start = words[drawn.repeat(-(-count // len(drawn)))[:count].to(words.device)]
        if how == "label-words":
            pieces = _label_words(model, template, verbalizer)
            free = [index for index, token_id in enumerate(named) if token_id is None]
            for index, tokens in zip(free, pieces, strict=False):
                start[index] = words[list(tokens)].mean(0)
    for index, token_id in enumerate(named):
        if token_id is not None:
            start[index] = words[token_id]
    return start


def _label_words(
    model: LanguageModel, template: Template, verbalizer: Verbalizer
) -> list[tuple[int, ...]]:
    """The tokens of each label word: the labels' first words, then their second ones, and so on."""
    pieces = model.label_reader(template, verbalizer).pieces
    seen: dict[str, int] = {}
    turns = []
    for label in verbalizer.word_labels:
        turns.append(seen.get(label, 0))
        seen[label] = turns[-1] + 1
    order = sorted(range(len(pieces)), key=lambda word: turns[word])
    return [pieces[word] for word in order]
