"""The map of soft tokens among words: its plane, what lies where on it, and that it stays."""

import numpy as np
import pytest
import torch

from playground.methods.soft_token_map import NEAREST, SoftTokenMap
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny


def of(events, split):
    return [event for event in events if event is not None and event["split"] == split]


@pytest.fixture
def vectors():
    return torch.randn(3, 32, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def drawn(toy, vectors):
    return SoftTokenMap(toy.model, toy.template, toy.verbalizer, vectors)


def directions(toy):
    """Unit embeddings of the whole vocabulary: (vocabulary, embedding)."""
    weight = toy.model.embedding_weight.detach().numpy().astype(float)
    return weight / np.linalg.norm(weight, axis=1, keepdims=True)


def nearest(toy, vector):
    """The ids of the words nearest to a vector, by the definition of the cosine."""
    similarity = directions(toy) @ (vector.numpy() / np.linalg.norm(vector.numpy()))
    similarity[toy.model.tokenizer.all_special_ids] = 0
    return np.argsort(-similarity)[:NEAREST], np.sort(similarity)[::-1][:NEAREST]


class TestPlane:
    def test_the_axes_are_the_principal_components_of_label_words_and_neighbours(
        self, drawn, toy, vectors
    ):
        words = [
            toy.model.tokenizer.convert_tokens_to_ids(w) for w in ("great", "good", "terrible")
        ]
        near = sorted({i for vector in vectors for i in nearest(toy, vector)[0]})
        points = directions(toy)[[*words, *near]]
        values, components = np.linalg.eigh(np.cov(points.T))
        for axis, component in zip(drawn.axes.numpy(), components.T[::-1], strict=False):
            assert abs(axis @ component) == pytest.approx(1, abs=1e-4)
        assert values[-1] > values[-2]
        np.testing.assert_allclose(drawn.axes @ drawn.axes.T, np.eye(2), atol=1e-5)

    def test_the_same_start_gives_the_same_map_and_signs_are_settled(self, drawn, toy, vectors):
        again = SoftTokenMap(toy.model, toy.template, toy.verbalizer, vectors)
        assert torch.equal(drawn.axes, again.axes)
        for axis in drawn.axes:
            assert axis[axis.abs().argmax()] > 0

    def test_label_words_stand_where_their_directions_lead(self, drawn, toy):
        told = drawn.event()
        assert [(w["word"], w["label"]) for w in told["label_words"]] == [
            ("great", "positive"),
            ("good", "positive"),
            ("terrible", "negative"),
        ]
        token = toy.model.tokenizer.convert_tokens_to_ids("good")
        expected = np.array(told["axes"]) @ directions(toy)[token]
        assert told["label_words"][1]["at"] == pytest.approx(expected.tolist(), abs=2e-4)

    def test_words_of_several_tokens_stand_in_their_middle(self, toy, vectors):
        verbalizer = Verbalizer({"positive": ["goodly"], "negative": ["bad"]})
        drawn = SoftTokenMap(toy.model, toy.template, verbalizer, vectors)
        pieces = toy.model.tokenizer("goodly", add_special_tokens=False)["input_ids"]
        assert len(pieces) > 1
        middle = toy.model.embedding_weight[pieces].detach().float().mean(0)
        expected = drawn.axes @ (middle / middle.norm())
        assert drawn.event()["label_words"][0]["at"] == pytest.approx(expected.tolist(), abs=1e-4)

    def test_words_that_the_model_cannot_read_are_left_out(self, toy, vectors):
        verbalizer = Verbalizer({"positive": ["\U00013000"], "negative": ["bad"]})
        drawn = SoftTokenMap(toy.model, toy.template, verbalizer, vectors)
        assert drawn.event()["label_words"] == []
        assert len(drawn.snapshot(vectors)["soft_tokens"]) == 3


class TestSnapshot:
    def test_each_soft_token_has_its_place_and_its_nearest_words(self, drawn, toy, vectors):
        told = drawn.snapshot(vectors)["soft_tokens"]
        assert [token["name"] for token in told] == ["p1", "p2", "p3"]
        for token, vector in zip(told, vectors, strict=True):
            expected = drawn.axes @ (vector / vector.norm())
            assert token["at"] == pytest.approx(expected.tolist(), abs=1e-4)
            ids, similarity = nearest(toy, vector)
            assert [near[0] for near in token["nearest"]] == list(map(toy.model.token_text, ids))
            assert [near[1] for near in token["nearest"]] == pytest.approx(similarity, abs=1e-5)
            for (_, _, *at), place in zip(token["nearest"], directions(toy)[ids], strict=True):
                assert at == pytest.approx((drawn.axes.numpy() @ place).tolist(), abs=1e-4)

    def test_a_longer_vector_of_the_same_direction_stands_in_the_same_place(self, drawn, vectors):
        assert drawn.snapshot(7 * vectors)["soft_tokens"][0]["at"] == pytest.approx(
            drawn.snapshot(vectors)["soft_tokens"][0]["at"], abs=2e-4
        )

    def test_what_is_kept_is_the_share_of_the_variance(self, drawn, vectors):
        share = drawn.snapshot(vectors)["kept"]
        assert 0 < share < 1
        inside = drawn.axes.T @ torch.tensor([[3.0, -1, 2], [1, 2, -2]])  # tokens on the plane
        with_them = drawn.snapshot(inside.T)["kept"]
        assert with_them > share  # words off the plane take part, so not all of it

    def test_all_of_two_dimensions_is_kept(self, tmp_path):
        folder = tiny.save_model(tmp_path, "electra", embedding_size=2)
        model = load_model(str(folder), precision="float32")
        verbalizer = Verbalizer({"positive": ["good"], "negative": ["bad"]})
        flat = torch.tensor([[1.0, 2.0], [-1.0, 0.5]])
        drawn = SoftTokenMap(model, Template("{text} [MASK]"), verbalizer, flat)
        assert drawn.snapshot(flat)["kept"] == pytest.approx(1)


class TestInATraining:
    def test_the_map_comes_once_and_every_snapshot_has_places_on_it(self, toy):
        events = list(toy.start("prompt-tuning", steps=6, snapshot_every=3))
        [told] = of(events, "map")
        assert told["step"] == 0
        assert np.shape(told["axes"]) == (2, 32)
        snapshots = of(events, "snapshot")
        assert [len(snapshot["soft_tokens"]) for snapshot in snapshots] == [4, 4, 4]
        first, last = snapshots[0], snapshots[-1]
        assert first["soft_tokens"][0]["at"] != last["soft_tokens"][0]["at"]

    @pytest.mark.parametrize(
        "method", ["p-tuning-v2", "head-fine-tuning", "prompt-fine-tuning", "lora"]
    )
    def test_without_vectors_in_the_input_there_is_no_map(self, toy, method):
        events = list(toy.start(method, steps=1))
        assert not of(events, "map")
        assert [event["soft_tokens"] for event in of(events, "snapshot")] == [[], []]
        assert all("kept" not in event for event in of(events, "snapshot"))

    @pytest.mark.parametrize("method", ["p-tuning", "prompt-tuning", "soft-verbalizer"])
    def test_resumed_it_is_the_same_map(self, toy, method, tmp_path):
        whole = list(toy.start(method))
        training = toy.start(method)
        for event in training:
            if event is not None and event["split"] == "train" and event["step"] == 3:
                break
        training.save_checkpoint(tmp_path)
        resumed = toy.start(method)
        resumed.load_checkpoint(tmp_path)
        assert of(resumed, "snapshot") == of(whole, "snapshot")[1:]

    def test_another_seed_gives_another_map(self, toy):
        maps = [of(toy.start(seed=seed, steps=1), "map") for seed in (1, 1, 2)]
        assert maps[0] == maps[1] != maps[2]
