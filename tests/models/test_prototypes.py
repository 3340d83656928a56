"""Prototypes: cosines in the space that the slot's hidden state is projected to."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from playground.models import Prototypes
from playground.prompts import Template
from tests import tiny

TEMPLATE = Template("{text} It was [MASK]")
ROWS = [{"text": "the cat"}, {"text": "a great film all in all"}, {"text": "so bad"}]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_a_score_is_the_cosine_with_the_projected_state(family, loaded):
    model = loaded(family)
    torch.manual_seed(0)
    head = Prototypes(model, TEMPLATE, 3, width=5)
    encoded = model.encode(TEMPLATE, ROWS)
    found = head.score_rows(model, ROWS)
    assert found.shape == (3, 3)
    for row, example in enumerate(encoded):
        with torch.no_grad():
            states = model.network.base_model(input_ids=torch.tensor([example.ids]))
            state = states.last_hidden_state[0, example.answer[0]]
        projected = head.projection.weight @ state  # (width,)
        for label, prototype in enumerate(head.prototypes):
            expected = cosine_similarity(projected, prototype, dim=0)
            torch.testing.assert_close(found[row, label], expected.detach(), atol=1e-5, rtol=1e-4)


def test_what_a_file_says_of_it_makes_it_anew(loaded):
    model = loaded("bert")
    head = Prototypes(model, TEMPLATE, 2, width=7)
    described = head.described()
    assert described.pop("kind") == "prototypes"
    other = Prototypes(model, TEMPLATE, 2, **described)
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.score_rows(model, ROWS), head.score_rows(model, ROWS))
