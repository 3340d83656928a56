"""The learning-rate finder: what it does at each rate, where it ends, and what it suggests."""

from itertools import pairwise

import pytest
import torch

import playground as pg
from playground.errors import RunError
from playground.methods.learning_rate_curve import LearningRateCurve
from playground.methods.learning_rate_finder import DIVERGED, start_finder

SHORT = {"count": 30, "lowest": 1e-4, "highest": 1.0}


def begin(toy, method="p-tuning", settings=None, **sweep):
    own = {"batch_size": 4, "soft_tokens": 3} if method == "p-tuning" else {"batch_size": 4}
    return start_finder(
        *(method, toy.model, toy.template, toy.verbalizer, toy.train),
        own | (settings or {}),
        **SHORT | sweep,
    )


def of(events, split: str) -> list[dict]:
    return [event for event in events if event is not None and event["split"] == split]


def curve_of(losses_at, lowest=1e-6, highest=10.0, count=100) -> LearningRateCurve:
    """A curve of the losses that ``losses_at`` gives for the rates, up to where they diverge."""
    curve = LearningRateCurve("p-tuning", {"learning_rate": 1e-3})
    for step in range(count):
        rate = lowest * (highest / lowest) ** (step / (count - 1))
        curve.add(rate, losses_at(rate))
        if curve.smoothed[-1] > DIVERGED * min(curve.smoothed):
            break
    return curve


class Quadratic:
    """Gradient descent on a · w² / 2, which diverges at rates above 2 / a."""

    def __init__(self, steepness: float) -> None:
        self.steepness, self.weight = steepness, 1.0

    def step(self, rate: float) -> float:
        loss = self.steepness * self.weight**2 / 2
        self.weight -= rate * self.steepness * self.weight
        return loss


class TestSuggestion:
    @pytest.mark.parametrize("steepness", [1.0, 30.0, 1000.0])
    def test_on_a_quadratic_it_is_below_divergence_and_learns_fast(self, steepness):
        suggestion = curve_of(Quadratic(steepness).step).suggestion
        assert suggestion is not None
        assert suggestion < 2 / steepness

        def loss_after(rate):
            function = Quadratic(steepness)
            return [function.step(rate) for _ in range(50)][-1]

        assert loss_after(suggestion) < 0.1 * loss_after(suggestion / 30)

    def test_noise_from_batch_to_batch_does_not_move_it_far(self):
        generator = torch.Generator().manual_seed(1)
        noise = (0.05 * torch.randn(100, generator=generator)).tolist()

        def loss(rate):
            return 0.7 - 0.5 / (1 + (1e-2 / rate) ** 2) + noise.pop()

        suggestion = curve_of(loss).suggestion
        assert suggestion is not None
        assert 3e-3 < suggestion < 3e-2  # without noise it is steepest at 1e-2

    def test_noise_alone_suggests_nothing(self):
        generator = torch.Generator().manual_seed(1)
        noise = (0.1 * torch.randn(100, generator=generator)).tolist()
        assert curve_of(lambda rate: 0.7 + noise.pop()).suggestion is None

    def test_what_never_falls_suggests_nothing(self):
        assert curve_of(lambda rate: 0.7).suggestion is None
        assert curve_of(lambda rate: 0.7 + rate).suggestion is None

    def test_less_than_a_tenfold_of_rates_suggests_nothing(self):
        assert curve_of(lambda rate: -rate, lowest=1e-3, highest=5e-3).suggestion is None
        assert LearningRateCurve("p-tuning", {"learning_rate": 1e-3}).suggestion is None

    def test_all_rates_are_scaled_alike(self):
        curve = LearningRateCurve("p-tuning", {"learning_rate": 1e-4, "model_learning_rate": 2e-5})
        found = curve.settings_at(5e-3)
        assert found == pytest.approx({"learning_rate": 5e-3, "model_learning_rate": 1e-3})


def test_the_smoothed_loss_is_an_average_that_weighs_the_latest_most():
    curve = LearningRateCurve("p-tuning", {"learning_rate": 1e-3})
    losses = [1.0, 0.0, 4.0]
    for loss in losses:
        curve.add(1e-3, loss)
    weights = [0.9**2, 0.9, 1.0]
    expected = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert curve.smoothed[0] == 1.0
    assert curve.smoothed[-1] == pytest.approx(expected)


class TestSweep:
    def test_the_rate_grows_by_the_same_factor_at_every_step(self, toy):
        events = of(begin(toy), "train")
        rates = [event["learning_rate"] for event in events]
        assert rates[0] == pytest.approx(1e-4)
        assert rates[-1] == pytest.approx(1.0)
        factors = [after / before for before, after in pairwise(rates)]
        assert factors == pytest.approx([factors[0]] * 29)

    def test_its_steps_are_those_of_a_training_at_that_rate(self, toy):
        """At a rate that does not grow it is the training, up to its schedule."""
        settings = {"learning_rate": 1e-3, "warmup": 0.0}
        finder = begin(toy, settings=settings, lowest=1e-3, highest=1e-3, count=4)
        training = toy.start(**settings, soft_tokens=3, steps=4)
        training._schedule = lambda step: 1.0
        losses = [[event["loss"] for event in of(walk, "train")] for walk in (finder, training)]
        assert losses[0] == pytest.approx(losses[1])

    @pytest.mark.parametrize(
        ("method", "settings"),
        [
            ("p-tuning", {"tune_model": True, "encoder": "none"}),
            ("head-fine-tuning", {"learning_rate": 0.02, "model_learning_rate": 0.001}),
        ],
    )
    def test_every_part_is_scaled_as_the_others(self, method, settings, toy):
        finder = begin(toy, method, settings)
        [own, tuned] = finder._optimizer.param_groups
        seen = []
        for event in finder:
            if event is not None and event["split"] == "train":
                seen.append((own["lr"], tuned["lr"], event["learning_rate"]))
        assert len(seen) > 5
        checked = finder.settings
        share = checked.model_learning_rate / checked.learning_rate
        assert all(rate == pytest.approx(told) for rate, _, told in seen)
        assert all(model == pytest.approx(share * rate) for rate, model, _ in seen)
        suggestion = of(finder, "suggestion")[-1]
        if suggestion["settings"]:
            assert set(suggestion["settings"]) == {"learning_rate", "model_learning_rate"}

    def test_no_rate_is_tried_that_the_settings_do_not_allow(self, toy):
        finder = begin(toy, "prompt-fine-tuning", highest=10.0)
        assert finder.highest == 1.0
        both = {"tune_model": True, "learning_rate": 1e-3, "model_learning_rate": 1e-2}
        assert begin(toy, settings=both, highest=10.0).highest == pytest.approx(0.1)

    def test_it_ends_where_the_loss_diverges(self, toy):
        finder = begin(toy, "head-fine-tuning", {"tune_model": False}, highest=10.0, count=60)
        events = list(finder)
        [end] = of(events, "suggestion")
        assert end["diverged"]
        assert end["step"] < 60
        smoothed = [event["smoothed"] for event in of(events, "train")]
        assert smoothed[-1] > 4 * min(smoothed)
        assert all(
            value <= 4 * min(smoothed[: step + 1]) for step, value in enumerate(smoothed[:-1])
        )
        assert end["learning_rate"] is not None
        assert end["learning_rate"] < finder.curve.rates[-1]

    def test_it_ends_where_the_loss_is_no_number(self, toy, monkeypatch):
        finder = begin(toy)
        scores_of = finder.learner.label_scores

        def broken(batch):
            return scores_of(batch) * (torch.nan if finder.step == 20 else 1.0)

        monkeypatch.setattr(finder.learner, "label_scores", broken)
        events = list(finder)
        assert len(of(events, "train")) == 20
        assert of(events, "suggestion")[-1]["diverged"]

    def test_the_same_seed_gives_the_same_curve(self, toy, comparable):
        runs = [comparable(list(begin(toy, settings={"seed": seed}))) for seed in (1, 1, 2)]
        assert runs[0] == runs[1] != runs[2]

    @pytest.mark.parametrize("method", ["p-tuning", "head-fine-tuning", "prompt-fine-tuning"])
    def test_the_model_given_is_left_as_it_is(self, method, toy, weights):
        before = weights()
        list(begin(toy, method))
        assert all(torch.equal(value, before[name]) for name, value in weights().items())

    def test_patience_for_a_better_dev_measure_does_not_matter(self, toy):
        patient = list(begin(toy, settings={"patience": 2, "keep_best": True}))
        assert len(of(patient, "train")) == 30

    def test_of_pet_it_is_the_rate_of_a_template(self, toy):
        settings = {"further_templates": ["[MASK]: {text}"], "lm_loss_share": 0.0}
        found = [event["loss"] for event in of(begin(toy, "pet", settings), "train")]
        alone = [event["loss"] for event in of(begin(toy, "prompt-fine-tuning"), "train")]
        assert found == pytest.approx(alone)


class TestResuming:
    def test_from_any_step_it_ends_as_the_whole(self, toy, comparable, tmp_path):
        events = comparable(list(begin(toy)))
        finder = begin(toy)
        for place, _ in enumerate(finder):
            if place % 9:
                continue
            finder.save_checkpoint(tmp_path / str(place))
            resumed = begin(toy)
            resumed.load_checkpoint(tmp_path / str(place))
            again = comparable(list(resumed))
            assert again == events[-len(again) :]
            assert len(resumed.curve.losses) == 30

    @pytest.mark.parametrize("content", [b"\xff", b"{", b"[null]", b"7"])
    def test_losses_that_cannot_be_read_are_said(self, content, toy, tmp_path):
        begin(toy).save_checkpoint(tmp_path)
        (tmp_path / "losses.json").write_bytes(content)
        with pytest.raises(RunError) as caught:
            begin(toy).load_checkpoint(tmp_path)
        assert caught.value.code == "runs.bad_checkpoint"


def test_in_the_library(toy):
    told = []
    curve = pg.find_learning_rate(
        *("p-tuning", toy.model, toy.template, toy.verbalizer, toy.train),
        **SHORT,
        batch_size=4,
        encoder="none",
        on_event=told.append,
    )
    assert isinstance(curve, pg.LearningRateCurve)
    assert curve.losses == [event["loss"] for event in of(told, "train")]
    assert told[-1]["learning_rate"] == curve.suggestion
    assert list(curve.table()) == ["learning_rate", "loss", "smoothed"]
