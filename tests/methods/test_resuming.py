"""A run that was saved and resumed draws the curve of an uninterrupted one, bit for bit."""

import json

import pytest
import torch

from playground.errors import RunError

WAYS = {
    "frozen": {},
    "no encoder": {"encoder": "none"},
    "tuned": {"tune_model": True, "model_learning_rate": 1e-3, "encoder": "mlp"},
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.fixture
def whole(toy, way):
    """The uninterrupted run: its events, and what it has learned."""
    training = toy.start(**way)
    events = list(training)
    return events, training.trained_prompt()


def identity(event):
    return event["step"], event["split"]


def test_from_every_place_where_control_can_be_taken(toy, way, whole, comparable, tmp_path):
    """Before the first step, after any event, and at the breaths within a measure."""
    events, prompt = whole
    expected = {identity(event): event for event in comparable(events)}
    assert None in events
    training = toy.start(**way)
    for place, _ in enumerate(iter(training)):
        folder = tmp_path / str(place)
        training.save_checkpoint(folder)
        resumed = toy.start(**way)
        resumed.load_checkpoint(folder)
        assert resumed.step == training.step
        if place % 3:  # a third of them is enough to run to the end
            continue
        again = comparable(list(resumed))
        for event in again:
            assert event == expected[identity(event)]
        before = {identity(event) for event in comparable(events[: place + 1])}
        assert before | {identity(event) for event in again} == set(expected)
        assert torch.equal(resumed.trained_prompt().vectors, prompt.vectors)
        weights = prompt.model.network.state_dict()
        for name, value in resumed.trained_prompt().model.network.state_dict().items():
            assert torch.equal(value, weights[name]), name


def test_from_a_checkpoint_of_a_resumed_run(toy, way, whole, comparable, tmp_path):
    events, _ = whole
    training = toy.start(**way)
    for stop in (1, 2, 5):
        for event in training:
            if event is not None and event["split"] == "train" and event["step"] == stop:
                break
        training.save_checkpoint(tmp_path / str(stop))
        training = toy.start(**way)
        training.load_checkpoint(tmp_path / str(stop))
    assert comparable(list(training))[-1] == comparable(events)[-1]


def test_saving_changes_nothing(toy, way, whole, comparable, tmp_path):
    training = toy.start(**way)
    events = []
    for event in training:
        training.save_checkpoint(tmp_path)
        events.append(event)
    assert comparable(events) == comparable(whole[0])


def test_a_finished_run_stays_finished(toy, tmp_path):
    training = toy.start()
    list(training)
    training.save_checkpoint(tmp_path)
    resumed = toy.start()
    resumed.load_checkpoint(tmp_path)
    assert resumed.step == resumed.steps
    assert not [event for event in resumed if event and event["split"] == "train"]


class TestSpoiltCheckpoints:
    @pytest.fixture
    def folder(self, toy, tmp_path):
        toy.start().save_checkpoint(tmp_path)
        return tmp_path

    def error_of(self, training, folder) -> RunError:
        with pytest.raises(RunError) as caught:
            training.load_checkpoint(folder)
        assert caught.value.code == "runs.bad_checkpoint"
        return caught.value

    def test_there_is_none(self, toy, tmp_path):
        self.error_of(toy.start(), tmp_path)

    @pytest.mark.parametrize("kind", ["*.safetensors", "*.json"])
    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00" * 30])
    def test_a_file_that_is_something_else(self, kind, content, toy, folder):
        [path] = folder.glob(kind)
        path.write_bytes(content)
        self.error_of(toy.start(), folder)

    def test_tensors_that_were_cut_short(self, toy, folder):
        [path] = folder.glob("*.safetensors")
        path.write_bytes(path.read_bytes()[:-100])
        self.error_of(toy.start(), folder)

    def test_a_step_that_is_no_number(self, toy, folder):
        [path] = folder.glob("*.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | {"step": None}))
        self.error_of(toy.start(), folder)

    @pytest.mark.parametrize(
        "other", [{"soft_tokens": 4}, {"encoder": "none"}, {"tune_model": True}]
    )
    def test_the_checkpoint_of_another_run(self, other, toy, folder):
        self.error_of(toy.start(**other), folder)
