"""What prompts of a causal model begin with is read once, and answers stay those of the whole."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from playground.models import load_model
from playground.models.continuation import continuation_log_probabilities
from playground.models.encoded import Encoded
from playground.models.shared_prefix import LEAST, SharedPrefix
from playground.prompts import Template, Verbalizer
from tests import tiny

SHOWN = "the cat sat on the mat and it was good in summary, great film, a bad film, so so "
TEMPLATE = Template(SHOWN + "{text} It was [MASK]")
ROWS = [
    {"text": text}
    for text in ("A good film", "bad", "", "the film was so wonderful", "A good film", "sat on")
]
CLOSE = {"rtol": 1e-4, "atol": 5e-5}

every_causal = pytest.mark.parametrize("family", tiny.CAUSAL_TOKENIZERS)


@pytest.fixture
def roomy(tmp_path):
    """A tiny model of a family that reads long prompts, and its folder."""

    def load(family: str):
        folder = tiny.save_model(tmp_path, family, max_position_embeddings=256)
        model = load_model(str(folder), precision="float32")
        model.encoder.max_length = 256  # the tiny tokenizer thinks of less
        return model, folder

    return load


def whole(folder, examples: list[Encoded]) -> torch.Tensor:
    """What transformers gives at the end of each prompt: (examples, vocabulary)."""
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found = [network(input_ids=torch.tensor([e.ids])).logits[0, -1] for e in examples]
    return torch.stack(found)


def tokens_read(model, monkeypatch) -> list[int]:
    """Filled with the number of tokens of each pass."""
    seen: list[int] = []
    forward = model.network.base_model.forward

    def noted(*args: Any, **inputs: Any):
        given = inputs.get("input_ids")
        seen.append((inputs["inputs_embeds"][..., 0] if given is None else given).numel())
        return forward(*args, **inputs)

    monkeypatch.setattr(model.network.base_model, "forward", noted)
    return seen


def scored(model, encoded: list[Encoded], **options: Any) -> torch.Tensor:
    found = torch.zeros(len(encoded), model.embedding_weight.shape[0])
    for chosen, logits in model.score(encoded, None, **options):
        found[chosen] = logits[:, 0]
    return found


@every_causal
@pytest.mark.parametrize("batch_size", [2, 6])
def test_scores_are_those_of_the_whole_prompts(family, batch_size, roomy):
    model, folder = roomy(family)
    encoded = model.encode(TEMPLATE, ROWS)
    found = scored(model, encoded, batch_size=batch_size)
    torch.testing.assert_close(found, whole(folder, encoded), **CLOSE)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_it_is_read_once_for_all_batches(family, roomy, monkeypatch):
    model, _ = roomy(family)
    words = ("good", "film", "the", "cat", "sat", "mat")  # which have no beginning in common
    rows = [{"text": text} for text in words]
    encoded = model.encode(TEMPLATE, rows)
    seen = tokens_read(model, monkeypatch)
    scored(model, encoded, batch_size=2)
    common, *passes = seen
    assert len(passes) == 3
    assert common >= LEAST
    assert max(passes) <= 2 * (max(map(len, encoded)) - common)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_words_of_several_tokens_come_after_it(family, roomy, monkeypatch):
    model, _ = roomy(family)
    words = {"positive": ["great", "goodly"], "negative": ["terrible film"]}
    reader = model.label_reader(TEMPLATE, Verbalizer(words, multi_token="exact"))
    prompts = model.encode(TEMPLATE, ROWS)
    alone = [continuation_log_probabilities(model, [one], reader.pieces) for one in prompts]
    seen = tokens_read(model, monkeypatch)
    together = continuation_log_probabilities(model, prompts, reader.pieces)
    torch.testing.assert_close(together, torch.cat(alone), **CLOSE)
    assert sum(seen) < sum(map(len, prompts))


def test_it_ends_before_the_first_soft_slot(roomy):
    model, folder = roomy("gpt2")
    words = model.encoder.word_ids("good film")
    soft = Template(f"{SHOWN}[SOFT*{len(words)}] {{text}} It was [MASK]")
    encoded = model.encode(soft, ROWS)
    found = scored(model, encoded, soft_vectors=model.embedding_weight[words])
    written = []
    for example in encoded:
        ids = list(example.ids)
        for place, vector in example.soft:
            ids[place] = words[vector]
        written.append(Encoded(tuple(ids), example.kinds, example.answer))
    torch.testing.assert_close(found, whole(folder, written), **CLOSE)


def test_batches_that_begin_otherwise_are_read_rightly(roomy, monkeypatch):
    model, folder = roomy("gpt2")
    other = Template("It was great. " + SHOWN * 2 + "{text} It was [MASK]")
    short = Template("{text} It was [MASK]")
    shared = SharedPrefix(model)
    seen = tokens_read(model, monkeypatch)
    passes = []
    for template in (TEMPLATE, other, TEMPLATE, short, TEMPLATE):
        batch = model.encode(template, ROWS)
        before = len(seen)
        with torch.inference_mode():
            found = model.answer_logits(batch, shared=shared)[:, 0]
        passes.append(len(seen) - before)
        torch.testing.assert_close(found, whole(folder, batch), **CLOSE)
    assert passes == [2, 2, 2, 1, 1]


def test_equal_prompts_keep_their_last_token_to_read(roomy):
    model, folder = roomy("llama")
    encoded = model.encode(TEMPLATE, ROWS[:1] * 3)
    torch.testing.assert_close(scored(model, encoded), whole(folder, encoded), **CLOSE)


def test_a_masked_model_reads_prompts_whole(loaded):
    model = loaded("distilbert")
    batch = model.encode(
        Template("the cat sat on the mat in summary all in all [MASK] {text}"), ROWS
    )
    shared = SharedPrefix(model)
    with torch.inference_mode():
        inputs, _ = shared.network_inputs(batch)
    assert set(inputs) == {"input_ids", "attention_mask"}


def test_a_network_that_keeps_nothing_reads_prompts_whole(roomy, monkeypatch):
    model, folder = roomy("gpt2")
    encoded = model.encode(TEMPLATE, ROWS)
    inner = model.network_logits
    monkeypatch.setattr(model, "network_logits", lambda *given: (inner(*given)[0], None))
    torch.testing.assert_close(scored(model, encoded), whole(folder, encoded), **CLOSE)
