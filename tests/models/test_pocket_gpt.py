"""The built-in causal model is what plain transformers makes of its files, and it knows praise."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from playground.models import load_model
from playground.models.built_in import FOLDER
from playground.prompts import Template, Verbalizer

PREFIX = Template("{text} It was [MASK]")
GOOD = "A wonderful, brilliant film. I loved every minute of it."
BAD = "A dull, boring film. I hated every minute of it."


@pytest.fixture(scope="module")
def model():
    return load_model("pocket-gpt", precision="float32")


def test_plain_transformers_gives_the_same_answers(model):
    folder = FOLDER / "pocket-gpt"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    encoded = model.encode(PREFIX, [{"text": GOOD}])
    inputs = tokenizer(f"{GOOD} It was", return_tensors="pt")
    assert list(encoded[0].ids) == inputs["input_ids"][0].tolist()
    with torch.no_grad():
        logits = network(**inputs).logits[0, -1]
    torch.testing.assert_close(model.answer_logits(encoded)[0, 0], logits, rtol=1e-4, atol=1e-4)


def test_a_good_review_makes_good_words_likelier(model):
    words = {"positive": ["great", "good", "excellent"], "negative": ["bad", "boring", "awful"]}
    ids = model.label_word_ids(PREFIX, Verbalizer(words))
    encoded = model.encode(PREFIX, [{"text": GOOD}, {"text": BAD}])
    good, bad = model.answer_logits(encoded)[:, 0].log_softmax(-1)
    leaning = (good - bad)[ids]  # (words,), the positive ones first
    assert leaning[:3].mean() > leaning[3:].mean()
