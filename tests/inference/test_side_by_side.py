"""One text under several prompts gives what `classify` gives for each of them."""

import pytest

from playground.inference.side_by_side import side_by_side
from playground.methods import classify
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

ROW = {"text": "the cat sat"}
TEMPLATES = [Template("{text} It was [MASK]"), Template("So {text} [MASK]")]
VERBALIZERS = [
    Verbalizer({"positive": ["great", "goodly"], "negative": ["bad"]}),
    Verbalizer({"yes": ["goodly"], "no": ["bad"]}, multi_token="exact"),
]


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_each_cell_is_that_of_classify(family, tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    found = side_by_side(model, TEMPLATES, VERBALIZERS, ROW)
    for template, cells in zip(TEMPLATES, found, strict=True):
        for verbalizer, cell in zip(VERBALIZERS, cells, strict=True):
            expected = classify(model, template, verbalizer, [ROW]).iloc[0]
            for label, share in cell["labels"].items():
                assert share == pytest.approx(expected[label], rel=1e-4)


def test_what_cannot_be_read_is_told_in_its_place(tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, "bert")), precision="float32")
    templates = [TEMPLATES[0], Template("{txt} [MASK]")]
    verbalizers = [VERBALIZERS[0], Verbalizer({"a": "so | great", "b": "so | bad"})]
    (first, second), others = side_by_side(model, templates, verbalizers, ROW)
    assert "labels" in first
    assert second["error"]["code"] == "verbalizer.slot_count"
    assert {cell["error"]["code"] for cell in others} == {"template.unknown_field"}
