"""Words near a label's own, with the prior that the model gives them."""

import pandas as pd
import pytest
import torch

from playground.errors import DataError, VerbalizerError
from playground.methods import nearby_words, widened
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

ROWS = pd.DataFrame({"text": ["the cat sat", "so", "it was on the mat in summary"]})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """One to which "wonderful" and "cat" are nearly "great", "boring" and "film" nearly "bad"."""
    folder = tiny.save_model(tmp_path_factory.mktemp("near"), "bert", initializer_range=0.5)
    model = load_model(str(folder), precision="float32")
    weight = model.embedding_weight
    for word, near, distance in [
        ("wonderful", "great", 0.1),
        ("cat", "great", 0.3),
        ("##s", "great", 0.0),
        ("!", "great", 0.0),
        ("boring", "bad", 0.1),
        ("film", "bad", 0.4),
    ]:
        ids = model.tokenizer.convert_tokens_to_ids([word, near])
        weight[ids[0]] = weight[ids[1]] + distance * weight[ids[0]]
    return model


def found_for(model, **settings) -> pd.DataFrame:
    verbalizer = Verbalizer({"positive": "great", "negative": "bad, terrible"})
    return nearby_words(model, Template("{text} It was [MASK]."), verbalizer, ROWS, **settings)


def test_whole_words_near_the_labels_own_come_first(model):
    found = found_for(model, count=3)
    assert list(found.columns) == ["label", "word", "similarity", "prior", "kept"]
    words = {label: rows["word"].tolist() for label, rows in found.groupby("label")}
    assert words["positive"][:2] == ["wonderful", "cat"]
    assert words["negative"][:2] == ["boring", "film"]
    assert all(rows["similarity"].is_monotonic_decreasing for _, rows in found.groupby("label"))
    assert found["label"].tolist() == ["positive"] * 3 + ["negative"] * 3
    assert not set(found["word"]) & {"great", "bad", "terrible", "##s", "!"}


def test_a_word_is_the_candidate_of_one_label(model):
    everything = found_for(model, count=10**6)
    assert everything["word"].is_unique
    assert len(everything) > 20


def test_similarity_is_the_cosine_to_the_nearest_word(model):
    found = found_for(model).set_index("word")
    film, bad, terrible = model.embedding_weight[
        model.tokenizer.convert_tokens_to_ids(["film", "bad", "terrible"])
    ]
    cosines = [float(torch.cosine_similarity(film, word, dim=0)) for word in (bad, terrible)]
    assert found.loc["film", "similarity"] == pytest.approx(max(cosines), rel=1e-4)


def test_the_prior_is_the_mean_probability_at_the_slot(model):
    found = found_for(model).set_index("word")
    encoded = model.encode(Template("{text} It was [MASK]."), ROWS.to_dict("records"))
    shares = model.answer_logits(encoded)[:, 0].softmax(-1).mean(0)
    for word in ("wonderful", "film"):
        token = model.tokenizer.convert_tokens_to_ids(word)
        assert found.loc[word, "prior"] == pytest.approx(float(shares[token]), rel=1e-4)


@pytest.mark.parametrize(("share", "kept"), [(0.5, 2), (0, 0), (1, 4), (0.3, 1)])
def test_those_of_low_prior_are_not_kept(share, kept, model):
    for _, words in found_for(model, count=4, share=share).groupby("label"):
        by_prior = words.sort_values("prior", ascending=False)
        assert by_prior["kept"].tolist() == [True] * kept + [False] * (4 - kept)


def test_what_is_kept_widens_the_verbalizer_and_the_rest_of_it_stays(model):
    verbalizer = Verbalizer(
        {"positive": "great", "negative": "bad, terrible"},
        {"positive": "#123abc"},
        weights={"bad": 2},
    )
    found = found_for(model, count=2, share=1)
    found.loc[found["word"] == "cat", "kept"] = False
    wider = widened(verbalizer, found)
    assert wider.words == {
        "positive": ("great", "wonderful"),
        "negative": ("bad", "terrible", "boring", "film"),
    }
    assert wider.colours == verbalizer.colours
    assert wider.weights == {"bad": 2}


@pytest.mark.parametrize("family", ["roberta", "albert", "gpt2", "llama"])
def test_words_are_found_for_every_kind_of_tokenizer(family, tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    template = Template("{text} It was [MASK]")
    verbalizer = Verbalizer({"positive": "great", "negative": "bad"})
    found = nearby_words(model, template, verbalizer, ROWS, count=4, share=1)
    assert 0 < len(found) <= 8
    assert model.label_reader(template, widened(verbalizer, found))


def test_soft_vectors_stand_in_the_slots(model):
    template = Template("[SOFT] {text} It was [MASK].")
    verbalizer = Verbalizer({"positive": "great", "negative": "bad"})
    vectors = torch.ones(1, 32)
    without = nearby_words(model, template, verbalizer, ROWS)
    found = nearby_words(model, template, verbalizer, ROWS, soft_vectors=vectors)
    assert found["word"].tolist() == without["word"].tolist()
    assert found["prior"].tolist() != without["prior"].tolist()


def test_mistakes(model):
    verbalizer = Verbalizer({"positive": "great", "negative": "bad"})
    with pytest.raises(DataError) as no_rows:
        nearby_words(model, Template("{text} [MASK]"), verbalizer, ROWS.head(0))
    assert no_rows.value.code == "data.no_texts"
    slots = Verbalizer({"positive": "so | great", "negative": "so | bad"})
    with pytest.raises(VerbalizerError) as several:
        nearby_words(model, Template("[MASK] {text} [MASK]"), slots, ROWS)
    assert several.value.code == "verbalizer.widen_slots"
