"""The built-in masked model knows good from bad."""

import pytest

from playground.models import load_model
from playground.prompts import Template, Verbalizer

CLOZE = Template("{text} It was [MASK].")
GOOD = "A wonderful, brilliant film. I loved every minute of it."
BAD = "A dull, boring film. I hated every minute of it."


@pytest.fixture(scope="module")
def model():
    return load_model("pocket-bert", precision="float32")


def test_good_words_come_high_for_a_good_review_and_bad_ones_for_a_bad_one(model):
    words = {
        "positive": ["great", "good", "wonderful", "excellent"],
        "negative": ["bad", "boring", "awful", "terrible"],
    }
    ids = model.label_word_ids(CLOZE, Verbalizer(words))
    encoded = model.encode(CLOZE, [{"text": GOOD}, {"text": BAD}])
    good, bad = model.answer_logits(encoded)[:, 0].log_softmax(-1)
    best = [model.token_text(token) for token in good.topk(5).indices.tolist()]
    assert set(words["positive"]) & set(best)
    assert not set(words["negative"]) & set(best)
    leaning = (good - bad)[ids]  # (words,), the positive ones first
    assert (leaning[:4] > 0).all()
    assert (leaning[4:] < 0).all()
