"""The linear head: which tokens it reads, in every family."""

import pytest
import torch

from playground.models import LinearHead, load_model
from playground.prompts import Template
from tests import tiny

ROW = {"a": "the cat sat", "b": "a great film"}


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def model(request, tmp_path_factory):
    folder = tiny.save_model(tmp_path_factory.mktemp("head"), request.param)
    return load_model(str(folder), precision="float32")


def read(model, template, row=ROW):
    head = LinearHead(model, Template(template), 3)
    [encoded] = head.encode(model, [row])
    return head, encoded


def test_it_reads_the_text_alone(model):
    _, encoded = read(model, "All in all, {a} was [MASK].")
    assert list(encoded.ids) == model.tokenizer(ROW["a"])["input_ids"]
    assert encoded.answer == (0 if model.kind == "masked" else len(encoded) - 1,)
    assert len(encoded.kinds) == len(encoded.ids)


def test_two_texts_are_a_pair_as_the_tokenizer_makes_it(model):
    _, encoded = read(model, "{b} is what [MASK] {a} {b}")
    if model.encoder.knows_separator:
        pair = model.tokenizer(ROW["b"], ROW["a"], return_token_type_ids=True)
        assert list(encoded.ids) == pair["input_ids"]
        assert list(encoded.types or [0] * len(encoded)) in (
            pair["token_type_ids"],
            [0] * len(encoded),
        )
    else:
        assert list(encoded.ids) == model.tokenizer("a great film the cat sat")["input_ids"]


def test_the_scores_are_linear_in_the_state_that_is_read(model):
    head, one = read(model, "{a} [MASK]")
    _, longer = read(model, "{a} [MASK]", {"a": "the cat sat on the mat all in all"})
    with torch.inference_mode():
        together = head.batch_scores(model, [one, longer])
        alone = head.batch_scores(model, [one])
        ids = torch.tensor([one.ids])
        states = model.network.base_model(input_ids=ids).last_hidden_state[0]
        expected = head.linear(states[one.answer[0]])
    assert together.shape == (2, 3)
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(alone[0], expected, atol=1e-5, rtol=1e-4)


def test_filters_and_marks_of_a_field_are_kept(model):
    head, _ = read(model, "{a|lower!} was [MASK]")
    assert str(head.template) == "{a|lower!}[MASK]"


def test_a_text_that_is_too_long_is_cut(model):
    _, encoded = read(model, "{a} was [MASK]", {"a": "good film " * 200})
    assert len(encoded) <= model.max_length
    assert encoded.cut["a"] > 0
