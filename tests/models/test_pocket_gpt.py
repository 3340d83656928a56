"""The built-in causal model knows praise."""

import pytest

from playground.models import load_model
from playground.prompts import Template, Verbalizer

PREFIX = Template("{text} It was [MASK]")
GOOD = "A wonderful, brilliant film. I loved every minute of it."
BAD = "A dull, boring film. I hated every minute of it."


@pytest.fixture(scope="module")
def model():
    return load_model("pocket-gpt", precision="float32")


def test_a_good_review_makes_good_words_likelier(model):
    words = {"positive": ["great", "good", "excellent"], "negative": ["bad", "boring", "awful"]}
    ids = model.label_word_ids(PREFIX, Verbalizer(words))
    encoded = model.encode(PREFIX, [{"text": GOOD}, {"text": BAD}])
    good, bad = model.answer_logits(encoded)[:, 0].log_softmax(-1)
    leaning = (good - bad)[ids]  # (words,), the positive ones first
    assert leaning[:3].mean() > leaning[3:].mean()
