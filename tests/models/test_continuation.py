"""Words of several tokens after a prompt: read once with a cache, the same as read anew."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from playground.errors import ModelError
from playground.models import continuation
from playground.models.continuation import continuation_log_probabilities
from playground.prompts import Template, Verbalizer
from tests import tiny

PREFIX = Template("{text} It was [MASK]")
ROWS = [
    {"text": "A good film"},
    {"text": "the cat sat on the mat and it was so wonderful in summary"},
    {"text": ""},
    {"text": "A good film"},
    {"text": "A great film"},
]
WORDS = {"positive": ["great", "goodly", "wonderfulcat"], "negative": ["bad", "terrible film"]}
CLOSE = {"rtol": 1e-4, "atol": 5e-5}

every_causal = pytest.mark.parametrize("family", tiny.CAUSAL_TOKENIZERS)


def by_hand(folder, prompt: list[int], tokens: tuple[int, ...]) -> float:
    """log P(tokens | prompt) from one pass of the plain model over all of it."""
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        shares = network(input_ids=torch.tensor([prompt + list(tokens)])).logits[0].log_softmax(-1)
    steps = [shares[len(prompt) - 1 + at, token] for at, token in enumerate(tokens)]
    return float(sum(steps))


@every_causal
def test_the_cached_prefix_gives_the_plain_log_probabilities(family, saved, loaded):
    model = loaded(family)
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    prompts = model.encode(PREFIX, ROWS)
    found = continuation_log_probabilities(model, prompts, reader.pieces)
    expected = [
        [by_hand(saved(family), list(prompt.ids), pieces) for pieces in reader.pieces]
        for prompt in prompts
    ]
    assert found.shape == (len(ROWS), 5)
    torch.testing.assert_close(found, torch.tensor(expected), **CLOSE)
    assert not found.requires_grad


@every_causal
def test_label_scores_are_aggregated_log_probabilities(family, saved, loaded):
    model = loaded(family)
    verbalizer = Verbalizer(WORDS, multi_token="exact", aggregation="logsumexp")
    reader = model.label_reader(PREFIX, verbalizer)
    prompts = model.encode(PREFIX, ROWS)
    for prompt, scores in zip(prompts, reader.score_rows(ROWS), strict=True):
        words = [by_hand(saved(family), list(prompt.ids), pieces) for pieces in reader.pieces]
        expected = [torch.tensor(words[:3]).logsumexp(0), torch.tensor(words[3:]).logsumexp(0)]
        torch.testing.assert_close(scores, torch.stack(expected), **CLOSE)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_continuation_is_the_text_as_it_would_be_written(family, saved, loaded):
    model = loaded(family)
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    prompt = list(model.encode(PREFIX, ROWS[:1])[0].ids)
    written = model.tokenizer("A good film It was terrible film")["input_ids"]
    assert prompt + list(reader.pieces[4]) == written


@pytest.mark.parametrize("family", ["gpt2", "llama", "gpt_neo"])
def test_soft_vectors_stand_in_the_prefix(family, saved, loaded):
    model = loaded(family)
    words = model.encoder.word_ids("good film")
    soft = Template(f"[SOFT*{len(words)}] {{text}} It was [MASK]")
    reader = model.label_reader(soft, Verbalizer(WORDS, multi_token="exact"))
    found = reader.score_rows(ROWS, soft_vectors=model.embedding_weight[words])
    for row, scores in zip(model.encode(soft, ROWS), found, strict=True):
        ids = list(row.ids)
        for position, vector in row.soft:
            ids[position] = words[vector]
        by_word = [by_hand(saved(family), ids, pieces) for pieces in reader.pieces]
        expected = [sum(by_word[:3]) / 3, sum(by_word[3:]) / 2]
        torch.testing.assert_close(scores, torch.tensor(expected), **CLOSE)


def test_the_prompt_is_read_once_whatever_the_number_of_words(loaded, monkeypatch):
    model = loaded("gpt2")
    read = []
    forward = model.network.base_model.forward

    def counted(*args, **inputs):
        read.append(tuple(inputs["input_ids"].shape))
        return forward(*args, **inputs)

    monkeypatch.setattr(model.network.base_model, "forward", counted)
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    [prompt] = model.encode(PREFIX, ROWS[:1])
    reader.score_rows(ROWS[:1])
    longer = [pieces for pieces in reader.pieces if len(pieces) > 1]
    assert read == [(1, len(prompt)), (len(longer), max(map(len, longer)) - 1)]


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_batches_do_not_matter(batch, loaded, monkeypatch):
    model = loaded("llama")
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    whole = reader.score_rows(ROWS)
    monkeypatch.setattr(continuation, "batch_rows", lambda device_type: batch)
    torch.testing.assert_close(reader.score_rows(ROWS), whole, **CLOSE)


@every_causal
def test_room_is_left_for_the_longest_word(family, loaded):
    model = loaded(family)
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    longest = max(map(len, reader.pieces))
    long = {"text": "good " * 99}
    [prompt] = model.encode(PREFIX, [long], answer_tokens=longest)
    assert len(prompt) + longest - 1 == model.max_length
    assert reader.score_rows([long]).isfinite().all()


def test_a_network_that_keeps_nothing_is_refused(loaded, monkeypatch):
    model = loaded("gpt2")
    reader = model.label_reader(PREFIX, Verbalizer(WORDS, multi_token="exact"))
    answers = model.network_logits
    monkeypatch.setattr(model, "network_logits", lambda *given: (answers(*given)[0], None))
    with pytest.raises(ModelError) as caught:
        reader.score_rows(ROWS)
    assert caught.value.code == "model.no_cache"
