"""What was best on the dev set is kept, and a training ends when nothing better comes."""

import pytest
import torch

from playground.errors import DataError, RunError
from playground.methods import TrainedPrompt, start
from playground.methods.best import Best

LONG = {"steps": 24, "dev_every": 2}
# Ways whose dev accuracy rises and falls in these steps: with and without a copy of the model.
WAYS = {
    "frozen": ("p-tuning", {"learning_rate": 0.03}),
    "head": ("head-fine-tuning", {"learning_rate": 0.05}),
    "whole model": ("prompt-fine-tuning", {"learning_rate": 0.005}),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def begin(toy, way, **more):
    method, settings = way
    return toy.start(method, **LONG | settings | more)


def of(events, split: str) -> list[dict]:
    return [event for event in events if event is not None and event["split"] == split]


def rank(look: dict) -> tuple[float, float]:
    return look["accuracy"], -look["loss"]


def looks(events) -> list[dict]:
    """Step, accuracy and loss of each look at the dev set."""
    return [
        {name: event[name] for name in ("step", "accuracy", "loss")} for event in of(events, "dev")
    ]


@pytest.fixture
def course(toy, way):
    """Every look of a training that keeps nothing and makes all its steps."""
    return looks(begin(toy, way))


def test_off_it_makes_all_steps_and_says_nothing_of_a_best(toy, way):
    training = begin(toy, way)
    events = list(training)
    assert len(of(events, "train")) == 24
    assert of(events, "end") == []
    assert not any("best" in event for event in of(events, "dev"))
    assert training.trained_prompt().step == 24


class TestKeepingTheBest:
    def test_it_is_that_of_the_highest_accuracy_and_then_of_the_lowest_loss(self, toy, way, course):
        training = begin(toy, way, keep_best=True)
        events = list(training)
        assert looks(events) == course  # keeping changes nothing of the training
        best = max(course, key=rank)
        assert 0 < best["step"] < 24
        [end] = of(events, "end")
        assert end == {"step": 24, "split": "end", "early": False, "best": best}
        assert training.trained_prompt().step == best["step"]

    def test_every_look_names_the_best_so_far(self, toy, way, course):
        events = list(begin(toy, way, keep_best=True))
        for place, event in enumerate(of(events, "dev")):
            assert event["best"] == max(course[: place + 1], key=rank)

    def test_the_prompt_is_the_one_that_there_was_at_that_step(self, toy, way, course, tmp_path):
        best = max(course, key=rank)
        training = begin(toy, way, keep_best=True)
        list(training)
        kept = training.trained_prompt()
        then = begin(toy, way)
        for event in then:
            if event is not None and (event["step"], event["split"]) == (best["step"], "dev"):
                break
        expected = then.trained_prompt().classify(toy.dev)
        assert kept.classify(toy.dev).equals(expected)
        assert TrainedPrompt.load(kept.save(tmp_path), toy.model).step == best["step"]
        right = (expected["prediction"] == toy.dev["label"]).mean()
        assert right == pytest.approx(best["accuracy"])
        assert right > course[-1]["accuracy"]

    def test_taking_the_prompt_leaves_the_training_as_it_is(self, toy, way, comparable):
        undisturbed = comparable(list(begin(toy, way, keep_best=True)))
        training = begin(toy, way, keep_best=True)
        events = []
        for event in training:
            training.trained_prompt()
            events.append(event)
        assert comparable(events) == undisturbed

    def test_it_is_held_beside_the_model_on_the_cpu(self, toy):
        training = begin(toy, WAYS["whole model"], keep_best=True)
        list(training)
        own = dict(training.learner.network.named_parameters())
        assert training.best is not None
        assert {tensor.device.type for tensor in training.best.tensors.values()} == {"cpu"}
        held = {tensor.data_ptr() for tensor in training.best.tensors.values()}
        assert not held & {parameter.data_ptr() for parameter in own.values()}


class TestPatience:
    @pytest.mark.parametrize("patience", [1, 2, 3])
    def test_it_ends_after_so_many_looks_without_a_better_one(self, patience, toy, way, course):
        waited, best, seen = 0, course[0], [course[0]]
        for look in course[1:]:
            waited, best = (0, look) if rank(look) > rank(best) else (waited + 1, best)
            seen.append(look)
            if waited == patience:
                break
        training = begin(toy, way, patience=patience)
        events = list(training)
        assert looks(events) == seen
        [end] = of(events, "end")
        assert end == {
            "step": training.step,
            "split": "end",
            "early": training.step < 24,
            "best": best,
        }
        assert training.step == seen[-1]["step"]
        assert training.trained_prompt().step == best["step"]

    def test_one_of_these_ends_early(self, toy, way):
        training = begin(toy, way, patience=2)
        list(training)
        assert training.step < 24

    def test_more_patience_than_looks_makes_all_steps(self, toy, way):
        training = begin(toy, way, patience=13)
        [end] = of(list(training), "end")
        assert (end["step"], end["early"]) == (24, False)

    def test_the_last_look_is_one_of_its_own(self, toy):
        training = toy.start(steps=5, dev_every=2, patience=9, learning_rate=0.03)
        assert [event["step"] for event in of(list(training), "dev")] == [0, 2, 4, 5]

    @pytest.mark.parametrize("settings", [{"patience": 1}, {"keep_best": True}])
    def test_without_dev_rows_there_is_no_best(self, settings, toy):
        with pytest.raises(DataError) as caught:
            start(
                *("p-tuning", toy.model, toy.template, toy.verbalizer, toy.train),
                *(toy.dev.head(0), settings),
            )
        assert caught.value.code == "data.no_dev_rows"


class TestResuming:
    def test_from_any_place_it_ends_where_the_whole_ends(self, toy, way, comparable, tmp_path):
        whole = begin(toy, way, patience=2)
        expected = comparable(list(whole))
        prompt = whole.trained_prompt()
        training = begin(toy, way, patience=2)
        last = None
        for place, _ in enumerate(training):
            folder = tmp_path / str(place)
            training.save_checkpoint(folder, last)
            last = folder
            if place % 5:
                continue
            resumed = begin(toy, way, patience=2)
            resumed.load_checkpoint(folder)
            again = comparable(list(resumed))
            assert again == expected[-len(again) :]
            kept = resumed.trained_prompt()
            assert kept.step == prompt.step
            assert kept.classify(toy.dev).equals(prompt.classify(toy.dev))

    def test_the_best_is_written_again_only_when_it_has_changed(self, toy, tmp_path):
        training = begin(toy, WAYS["whole model"], keep_best=True)
        written, last = {}, None
        for place, _ in enumerate(training):
            folder = tmp_path / str(place)
            training.save_checkpoint(folder, last)
            last = folder
            if training.best is not None:
                inode = (folder / "best.safetensors").stat().st_ino
                written.setdefault(training.best.step, set()).add(inode)
        assert len(written) > 2
        assert all(len(inodes) == 1 for inodes in written.values())
        assert len(set.union(*written.values())) == len(written)

    def test_a_checkpoint_stands_without_those_before(self, toy, tmp_path):
        training = begin(toy, WAYS["frozen"], keep_best=True)
        list(training)
        training.save_checkpoint(tmp_path / "1")
        training.save_checkpoint(tmp_path / "2", tmp_path / "1")
        for file in (tmp_path / "1").iterdir():
            file.unlink()
        resumed = begin(toy, WAYS["frozen"], keep_best=True)
        resumed.load_checkpoint(tmp_path / "2")
        assert resumed.trained_prompt().step == training.trained_prompt().step < training.step

    @pytest.mark.parametrize("name", ["best.json", "best.safetensors"])
    def test_a_best_that_cannot_be_read_is_said(self, name, toy, tmp_path):
        training = begin(toy, WAYS["frozen"], keep_best=True)
        list(training)
        training.save_checkpoint(tmp_path)
        (tmp_path / name).write_bytes(b"{")
        with pytest.raises(RunError) as caught:
            begin(toy, WAYS["frozen"], keep_best=True).load_checkpoint(tmp_path)
        assert caught.value.code == "runs.bad_checkpoint"


@pytest.mark.parametrize(
    ("accuracy", "loss", "beaten"),
    [(0.6, 9.0, True), (0.5, 0.6, True), (0.5, 0.7, False), (0.4, 0.1, False)],
)
def test_accuracy_comes_first_then_the_loss(accuracy, loss, beaten):
    best = Best(10, 0.5, 0.7, {"value": torch.zeros(1)})
    assert best.is_beaten_by(accuracy, loss) is beaten
