"""P-Tuning's prompt encoder: its layers, its shapes, where it starts, its gradient."""

import pytest
import torch
from torch import nn

from playground.methods.prompt_encoder import PromptEncoder

KINDS = ["lstm", "mlp", "none"]


def make(kind: str, width: int = 8, initial=(None, None, None)) -> PromptEncoder:
    torch.manual_seed(0)
    return PromptEncoder(kind, torch.randn(20, width), initial)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [8, 7, 1])
@pytest.mark.parametrize("vectors", [1, 5])
def test_it_gives_a_vector_of_the_embeddings_width_for_each_slot(kind, width, vectors):
    encoder = make(kind, width, (None,) * vectors)
    out = encoder()
    assert out.shape == (vectors, width)
    assert out.dtype == torch.float32
    torch.testing.assert_close(encoder(), out)


def test_the_lstm_is_as_published():
    lstm = next(m for m in make("lstm", 8).modules() if isinstance(m, nn.LSTM))
    assert (lstm.num_layers, lstm.bidirectional, lstm.dropout) == (2, True, 0)
    assert (lstm.input_size, lstm.hidden_size) == (8, 4)


@pytest.mark.parametrize("kind", ["lstm", "mlp"])
def test_the_head_is_two_linear_layers_with_a_relu_between(kind):
    head = [m for m in make(kind).modules() if isinstance(m, nn.Linear | nn.ReLU)]
    assert [type(layer) for layer in head] == [nn.Linear, nn.ReLU, nn.Linear]
    assert all(m.weight.shape == (8, 8) for m in head if isinstance(m, nn.Linear))


def test_parameters():
    lstm = 2 * (4 * 4 * (8 + 4 + 2)) + 2 * (4 * 4 * (8 + 4 + 2))  # two layers, two directions
    mlp = 2 * (8 * 8 + 8)
    table = 3 * 8
    counts = {kind: sum(p.numel() for p in make(kind).parameters()) for kind in KINDS}
    assert counts == {"lstm": table + lstm + mlp, "mlp": table + mlp, "none": table}


def test_without_an_encoder_the_vectors_are_the_table():
    encoder = make("none")
    assert encoder() is encoder.table.weight


def test_without_an_encoder_they_start_like_words():
    torch.manual_seed(0)
    words = torch.randn(500, 4) * torch.tensor([0.1, 1.0, 2.0, 3.0]) + torch.tensor([5.0, 0, 0, -5])
    start = PromptEncoder("none", words, (None,) * 400)().detach()
    torch.testing.assert_close(start.mean(0), words.mean(0), atol=0.5, rtol=0)
    torch.testing.assert_close(start.std(0), words.std(0), atol=0, rtol=0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_slot_with_a_word_starts_at_its_embedding(kind):
    torch.manual_seed(0)
    words = torch.randn(20, 6)
    out = PromptEncoder(kind, words, (None, 4, 17, None))()
    torch.testing.assert_close(out[[1, 2]], words[[4, 17]])
    assert not torch.isclose(out[[0, 3]].unsqueeze(1), words).all(-1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_embeddings_themselves_are_neither_changed_nor_trained(kind):
    words = nn.Parameter(torch.randn(20, 6))
    before = words.detach().clone()
    encoder = PromptEncoder(kind, words, (3, None))
    encoder().sum().backward()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(1)
    assert words.grad is None
    assert torch.equal(words, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [6, 5])
def test_gradients_by_finite_differences(kind, width):
    encoder = make(kind, width, (None, 4, None)).double()
    parameters = dict(encoder.named_parameters())

    def vectors(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(encoder, given, ())

    assert torch.autograd.gradcheck(vectors, tuple(parameters.values()), fast_mode=True)
