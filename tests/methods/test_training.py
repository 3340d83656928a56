"""The shared training loop: its events, and that a seed settles all of them."""

import math
from itertools import chain

import pandas as pd
import pytest
import torch

from playground.errors import DataError, RunError, TemplateError, VerbalizerError
from playground.methods import classify, start
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny


def of(events, split: str) -> list[dict]:
    return [event for event in events if event is not None and event["split"] == split]


@pytest.fixture(scope="module")
def events(toy):
    return list(toy.start())


class TestEvents:
    def test_the_first_event_says_what_is_trained(self, events, toy):
        [first] = of(events, "start")
        assert next(event for event in events if event is not None) is first
        assert first["step"] == 0
        assert first["method"] == "p-tuning"
        assert first["steps"] == 6
        assert first["labels"] == ["positive", "negative"]
        assert first["colours"] == toy.verbalizer.colours
        assert first["total_parameters"] == toy.model.parameters
        training = toy.start()
        assert first["parameters"] == sum(p.numel() for p in training.learner.parameters())
        assert (first["device"], first["precision"]) == ("cpu", "float32")

    @pytest.mark.parametrize("family", ["bert", "roberta"])
    def test_the_zero_shot_accuracy_is_that_of_the_template_as_written(self, family, toy, tmp_path):
        folder = tiny.save_model(tmp_path, family, initializer_range=0.5)
        model = load_model(str(folder), precision="float32")
        rows = tiny.toy_rows(200, seed=3)
        begun = start("p-tuning", model, toy.template, toy.verbalizer, rows, rows, {"steps": 1})
        table = classify(model, toy.template, toy.verbalizer, rows)
        right = (table["prediction"] == rows["label"]).mean()
        assert of(begun, "start")[0]["zero_shot_accuracy"] == pytest.approx(right)

    def test_each_step_is_told_once(self, events):
        train = of(events, "train")
        assert [event["step"] for event in train] == [1, 2, 3, 4, 5, 6]
        for event in train:
            assert math.isfinite(event["loss"])
            assert event["accuracy"] in (0, 0.25, 0.5, 0.75, 1)
            assert event["seconds"] > 0
            assert event["tokens_per_second"] > 0

    def test_measures_and_snapshots_come_when_they_are_due_and_at_the_end(self, toy):
        events = list(toy.start(steps=7, dev_every=3, snapshot_every=5))
        assert [event["step"] for event in of(events, "dev")] == [0, 3, 6, 7]
        assert [event["step"] for event in of(events, "snapshot")] == [0, 5, 7]

    def test_steps_never_go_back(self, events):
        steps = [event["step"] for event in events if event is not None]
        assert steps == sorted(steps)
        told = [(event["step"], event["split"]) for event in events if event is not None]
        assert len(set(told)) == len(told)

    def test_the_learning_rate_rises_then_falls_to_zero(self, toy):
        events = of(toy.start(steps=10, warmup=0.3, learning_rate=0.5), "train")
        rates = [event["learning_rate"] for event in events]
        peak = rates.index(max(rates))
        assert max(rates) == pytest.approx(0.5)
        assert rates[: peak + 1] == sorted(rates[: peak + 1])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)
        assert 0 < rates[-1] < 0.1
        assert 0 < rates[0] < 0.5

    def test_the_dev_measure_is_that_of_the_prompt_at_that_step(self, toy):
        training = toy.start()
        last = of(training, "dev")[-1]
        table = training.trained_prompt().classify(toy.dev)
        right = table["prediction"] == toy.dev["label"]
        assert last["accuracy"] == pytest.approx(right.mean())
        shares = [table[label][row] for row, label in enumerate(toy.dev["label"])]
        assert last["loss"] == pytest.approx(-sum(map(math.log, shares)) / len(shares), rel=1e-4)

    def test_a_snapshot_shows_the_pinned_rows_and_the_soft_tokens(self, toy):
        pinned = toy.dev.iloc[[5, 2]]
        training = start(
            *("p-tuning", toy.model, toy.template, toy.verbalizer, toy.train, toy.dev),
            {"steps": 2, "soft_tokens": 3},
            pinned=pinned,
        )
        last = of(training, "snapshot")[-1]
        assert [shown["text"] for shown in last["pinned"]] == pinned["text"].tolist()
        assert [shown["label"] for shown in last["pinned"]] == pinned["label"].tolist()
        table = training.trained_prompt().classify(pinned)
        for shown, (_, row) in zip(last["pinned"], table.iterrows(), strict=True):
            assert sum(shown["probabilities"].values()) == pytest.approx(1)
            assert shown["probabilities"]["positive"] == pytest.approx(row["positive"], abs=1e-5)
        assert [token["name"] for token in last["soft_tokens"]] == ["p1", "p2", "p3"]
        assert all(len(token["nearest"]) == 5 for token in last["soft_tokens"])

    def test_there_is_a_breath_between_the_batches_of_a_measure(self, events, toy):
        batches = -(-len(toy.dev) // toy.model.batch_rows)
        assert batches > 1
        measures = 1 + len(of(events, "dev"))  # the first is that of the prompt as written
        assert events.count(None) == batches * measures + len(of(events, "train"))

    def test_between_two_steps_nothing_is_left_to_yield(self, toy):
        training = toy.start()
        walk = iter(training)
        seen = []
        while not (training.step == 2 and seen[-1] is None and not training.looking):
            seen.append(next(walk))
        assert {"train", "dev"} <= {e["split"] for e in seen if e and e["step"] == 2}
        assert next(event for event in walk if event)["step"] == 3

    def test_steps_tell_how_far_it_is(self, toy):
        training = toy.start()
        assert (training.step, training.steps) == (0, 6)
        for event in training:
            assert event is None or training.step == event["step"]
        assert training.step == 6


class TestNumbersOutOfHand:
    @pytest.mark.parametrize("where", ["loss", "gradient"])
    def test_the_training_ends_as_it_was_the_step_before(self, where, toy, monkeypatch):
        training = toy.start()
        scores_of = training.learner.label_scores

        def broken(batch):
            scores = scores_of(batch)
            if training.step < 3:
                return scores
            # the root of 0 is a number, its slope is none
            return scores * torch.nan if where == "loss" else scores + (scores * 0).abs().sqrt()

        monkeypatch.setattr(training.learner, "label_scores", broken)
        seen = []
        with pytest.raises(RunError) as error:
            seen.extend(training)
        assert error.value.code == "training.diverged"
        assert [event["step"] for event in of(seen, "train")] == [1, 2, 3]
        whole = toy.start()
        for _ in whole:
            if whole.step == 3:
                break
        kept, expected = training.trained_prompt().vectors, whole.trained_prompt().vectors
        assert kept is not None
        torch.testing.assert_close(kept, expected)


class TestSeeds:
    @pytest.mark.parametrize("tune_model", [False, True])
    def test_the_same_seed_gives_the_same_curve(self, tune_model, toy, comparable):
        first, again, other = (
            comparable(list(toy.start(tune_model=tune_model, seed=seed))) for seed in (1, 1, 2)
        )
        assert first == again
        losses = [[event["loss"] for event in of(run, "train")] for run in (first, other)]
        assert not set(losses[0]) & set(losses[1])

    def test_nothing_else_that_draws_lots_interferes(self, toy, comparable):
        def disturbed():
            for event in toy.start(tune_model=True):
                torch.rand(3)
                yield event

        assert comparable(list(disturbed())) == comparable(list(toy.start(tune_model=True)))

    def test_two_trainings_may_take_turns(self, toy, comparable):
        alone = comparable(list(toy.start(tune_model=True)))
        pairs = list(zip(toy.start(tune_model=True), toy.start(tune_model=True), strict=True))
        for turn in zip(*pairs, strict=True):
            assert comparable(list(turn)) == alone

    def test_every_row_is_seen_once_in_an_epoch(self, toy):
        words = ["film", "cat", "mat", "summary", "sat", "the"]
        train = pd.DataFrame({"text": words, "label": ["positive", "negative"] * 3})
        training = start(
            *("p-tuning", toy.model, toy.template, toy.verbalizer, train, train.head(0)),
            {"steps": 6, "batch_size": 2, "learning_rate": 1e-9},
        )
        seen, encode = [], training.learner.label_scores

        def spy(batch):
            seen.append([example.ids for example in batch])
            return encode(batch)

        training.learner.label_scores = spy
        list(training)
        epochs = [list(chain(*seen[:3])), list(chain(*seen[3:]))]
        assert all(len(set(epoch)) == len(words) for epoch in epochs)
        assert set(epochs[0]) == set(epochs[1])


class TestTables:
    def begin(self, toy, *, template=None, verbalizer=None, train=None, dev=None, settings=None):
        return start(
            "p-tuning",
            toy.model,
            template or toy.template,
            verbalizer or toy.verbalizer,
            toy.train if train is None else train,
            toy.dev if dev is None else dev,
            settings or {"steps": 2},
        )

    def test_a_batch_may_be_larger_than_the_table(self, toy):
        training = self.begin(toy, train=toy.train.head(3), settings={"steps": 2, "batch_size": 8})
        assert len(of(training, "train")) == 2

    def test_there_may_be_no_dev_rows(self, toy):
        events = list(self.begin(toy, dev=toy.dev.head(0)))
        assert of(events, "dev") == []
        assert of(events, "start")[0]["zero_shot_accuracy"] is None
        assert len(of(events, "snapshot")[0]["pinned"]) == 3

    def test_there_must_be_rows_to_learn_from(self, toy):
        with pytest.raises(DataError) as caught:
            self.begin(toy, train=toy.train.head(0))
        assert caught.value.code == "data.no_rows"

    @pytest.mark.parametrize("table", ["train", "dev"])
    def test_labels_must_be_the_verbalizers(self, table, toy):
        spoilt = getattr(toy, table).copy()
        spoilt.loc[3, "label"] = "so-so"
        with pytest.raises(DataError) as caught:
            self.begin(toy, **{table: spoilt})
        assert (caught.value.code, caught.value.row) == ("data.unknown_label", 4)

    def test_columns_must_be_the_templates(self, toy):
        with pytest.raises(TemplateError) as caught:
            self.begin(toy, template=Template("{review} It was [MASK]."))
        assert caught.value.code == "template.unknown_field"

    def test_words_must_be_the_models(self, toy):
        verbalizer = Verbalizer({"positive": ["✗"], "negative": ["bad"]})
        with pytest.raises(VerbalizerError) as caught:
            self.begin(toy, verbalizer=verbalizer)
        assert caught.value.code == "verbalizer.unknown_word"

    @pytest.mark.parametrize(
        "verbalizer",
        [
            Verbalizer({"positive": "goodly, great", "negative": "bad"}, multi_token="mean"),
            Verbalizer({"positive": "great", "negative": "bad"}, multi_token="exact"),
            Verbalizer({"positive": "great, good", "negative": "bad"}, aggregation="logsumexp"),
            Verbalizer({"positive": "great, good", "negative": "bad"}, weights={"good": 3}),
        ],
    )
    def test_whatever_is_one_pass_can_be_trained_with(self, verbalizer, toy):
        settings = {"steps": 60, "learning_rate": 3e-2, "snapshot_every": 60}
        losses = [
            e["loss"]
            for e in of(self.begin(toy, verbalizer=verbalizer, settings=settings), "train")
        ]
        assert sum(losses[-5:]) < sum(losses[:5])

    def test_several_slots_can_be_trained_with(self, toy):
        template = Template("[MASK] {text} It was [MASK].")
        verbalizer = Verbalizer({"positive": "so | great", "negative": "so | bad"})
        training = self.begin(toy, template=template, verbalizer=verbalizer)
        events = list(training)
        assert len(of(events, "train")) == 2
        prompt = training.trained_prompt()
        shares = prompt.classify(toy.dev.head(1)).iloc[0]
        measured = of(events, "snapshot")[-1]["pinned"][0]["probabilities"]
        assert measured["positive"] == pytest.approx(shares["positive"], rel=1e-4)

    def test_words_that_take_several_passes_are_refused(self, toy):
        verbalizer = Verbalizer({"positive": "goodly", "negative": "bad"}, multi_token="exact")
        with pytest.raises(VerbalizerError) as caught:
            self.begin(toy, verbalizer=verbalizer)
        assert caught.value.code == "verbalizer.not_trainable"

    def test_the_rows_index_does_not_matter(self, toy, comparable):
        shuffled = toy.train.set_index(toy.train.index[::-1] * 10)
        assert comparable(list(self.begin(toy, train=shuffled))) == comparable(
            list(self.begin(toy))
        )


@pytest.mark.parametrize("method", ["p-tuning", "prompt-tuning", "prompt-fine-tuning"])
def test_a_prompt_that_leaves_no_room_for_a_text_is_refused_before_the_start(method, toy):
    """The toy reads 48 tokens; a text of which nothing is read teaches nothing."""

    def begin(soft_tokens: int):
        template = Template(f"[SOFT*{soft_tokens}] {{text}} It was [MASK].")
        return start(method, toy.model, template, toy.verbalizer, toy.train, toy.dev, {})

    begin(30)
    with pytest.raises(TemplateError, match="no room for a text") as refused:
        begin(41)
    assert refused.value.code == "template.no_room"
