"""AutoPrompt: its gradient, its filters, what it finds, and that nothing depends on pauses."""

import copy
import json

import pytest
import torch

from playground.errors import DataError, RunError, SettingsError, TemplateError, VerbalizerError
from playground.methods import TrainedPrompt
from playground.methods.autoprompt import AutoPrompt
from playground.methods.search_result import read_search
from playground.methods.search_settings import AutoPromptSettings
from playground.methods.triggers import (
    trigger_vectors,
    with_triggers,
    without_triggers,
    written_template,
)
from playground.models import LanguageModel, load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

SHORT = {
    "iterations": 4,
    "triggers": 2,
    "candidates": 5,
    "batch_size": 5,
    "accumulation_steps": 3,
}


@pytest.fixture
def search(toy):
    """Makes a search on the toy task; keywords are settings."""

    def make(*, model=None, template=None, verbalizer=None, train=None, dev=None, **settings):
        return AutoPrompt(
            model or toy.model,
            template or toy.template,
            verbalizer or toy.verbalizer,
            toy.train if train is None else train,
            toy.dev.head(20) if dev is None else dev,
            AutoPromptSettings.checked(SHORT | settings),
        )

    return make


@pytest.fixture(scope="session")
def exact(toy) -> LanguageModel:
    """The toy model in float64."""
    network = copy.deepcopy(toy.model.network).double()
    return LanguageModel("exact", network, toy.model.tokenizer, causal=False)


def told(events):
    return [event for event in events if event is not None]


def of_split(events, split):
    return [event for event in told(events) if event["split"] == split]


class TestGradient:
    @pytest.mark.parametrize("over", ["vocabulary", "labels"])
    @pytest.mark.parametrize("position", [0, 1])
    def test_gains_are_the_finite_differences(self, search, exact, over, position):
        """For every token: the slope of the loss on the way to its embedding."""
        found = search(model=exact, loss_over=over)
        tokens = exact.tokenizer.convert_tokens_to_ids(["cat", "so"])
        found.triggers = tokens
        rows = list(range(7))
        gains = found.gains(position, found.gradient(rows)[position])
        vectors = trigger_vectors(exact, tokens)
        present = vectors[position].clone()

        def loss(way: torch.Tensor) -> float:
            moved = vectors.clone()
            moved[position] = present + way
            batch = [found._train[row] for row in rows]
            ids = None if over == "vocabulary" else found.reader.token_ids
            losses = found.losses(exact.answer_logits(batch, token_ids=ids, soft_vectors=moved))
            return float(losses.gather(1, found.train_targets[rows, None]).sum())

        step = 1e-5
        with torch.no_grad():
            for token, embedding in enumerate(exact.embedding_weight):
                way = embedding - present
                slope = (loss(step * way) - loss(-step * way)) / (2 * step)
                assert float(gains[token]) == pytest.approx(-slope, rel=1e-5, abs=1e-7), token

    def test_the_loss_is_that_of_the_label_words_among_all(self, search, toy):
        verbalizer = Verbalizer(toy.verbalizer.words, aggregation="logsumexp")
        found = search(verbalizer=verbalizer)
        logits = toy.model.answer_logits(found._train[:3])
        shares = logits[:, 0].softmax(-1)
        ids = toy.model.tokenizer.convert_tokens_to_ids
        wanted = -torch.stack(
            [shares[:, ids(["great", "good"])].sum(1), shares[:, ids("terrible")]], 1
        ).log()
        torch.testing.assert_close(found.losses(logits), wanted)

    def test_the_model_stays_as_it_was(self, search, weights):
        before = weights()
        list(search())
        assert all(torch.equal(value, before[name]) for name, value in weights().items())
        assert not any(p.grad is not None for p in search().model.network.parameters())


@pytest.fixture(scope="module")
def planted(toy, tmp_path_factory):
    """A model to which "mat" is what gradient descent finds best before the answer slot."""
    folder = tiny.save_model(tmp_path_factory.mktemp("planted"), "bert", initializer_range=0.5)
    model = load_model(str(folder), precision="float32")
    found = AutoPrompt(
        model,
        toy.template,
        toy.verbalizer,
        toy.train,
        toy.dev,
        AutoPromptSettings(triggers=1, loss_over="labels"),
    )
    planted = trigger_vectors(model, found.triggers).requires_grad_()
    optimizer = torch.optim.Adam([planted], lr=0.05)
    for _ in range(60):
        logits = model.answer_logits(
            found._train,
            token_ids=found.reader.token_ids,
            soft_vectors=planted,
        )
        loss = found.losses(logits).gather(1, found.train_targets[:, None]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        model.embedding_weight[model.tokenizer.convert_tokens_to_ids("mat")] = planted[0]
    return model


class TestFinding:
    def test_a_planted_trigger_is_recovered(self, search, planted):
        found = search(model=planted, triggers=1, loss_over="labels")
        list(found)
        assert found.result().template == "{text} It was mat [MASK]."

    @pytest.mark.parametrize("score", ["loss", "accuracy"])
    def test_the_swap_is_the_best_of_all_words(self, search, score):
        """With every word a candidate and all rows scored, against trying them one by one."""
        found = search(candidates=1000, accumulation_steps=30, iterations=1, score=score)
        rows = list(range(len(found.train_rows)))
        before = list(found.triggers)
        event = of_split(list(found), "search")[0]
        measured = {}
        for token in torch.nonzero(found.allowed)[:, 0].tolist():
            swapped = [*before]
            swapped[event["position"]] = token
            loss, right = found.measure(rows, swapped)
            measured[token] = -loss / len(rows) if score == "loss" else right / len(rows)
        tried = {one["id"]: one for one in event["candidates"]}
        assert set(tried) == set(measured)
        best = max(measured.values())
        assert event["accepted"]
        assert measured[event["triggers"][event["position"]]["id"]] == pytest.approx(best)
        for token, value in measured.items():
            own = tried[token]["accuracy"] if score == "accuracy" else -tried[token]["loss"]
            assert own == pytest.approx(value)

    def test_only_what_is_better_is_accepted(self, search):
        events = of_split(search(iterations=12), "search")
        assert {event["accepted"] for event in events} == {True, False}
        triggers = [{"id": 4, "text": "[MASK]"}] * 2
        for event in events:
            losses = [one["loss"] for one in event["candidates"]]
            if event["accepted"]:
                assert event["loss"] == min(losses)
                changed = [at for at in range(2) if event["triggers"][at] != triggers[at]]
                assert changed == [event["position"]]
            else:
                assert event["loss"] <= min(losses)
                assert event["triggers"] == triggers
            gains = [one["gain"] for one in event["candidates"]]
            assert gains == sorted(gains, reverse=True)
            triggers = event["triggers"]

    def test_the_best_on_dev_is_kept(self, search):
        found = search(iterations=12, dev_every=3)
        events = list(found)
        looks = of_split(events, "dev")
        assert looks[0]["step"] == 0
        assert all(look["step"] % 3 == 0 for look in looks)
        ranks = [(look["accuracy"], -look["loss"]) for look in looks]
        assert found.result().dev_accuracy == max(ranks)[0]
        best = looks[ranks.index(max(ranks))]
        assert looks[-1]["best"] == best["best"]
        assert [one["id"] for one in best["best"]["triggers"]] == found.best_triggers

    def test_without_dev_rows_the_last_swap_is_kept(self, search, toy):
        found = search(dev=toy.dev.head(0))
        events = told(found)
        assert {event["split"] for event in events} == {"start", "search"}
        assert events[0]["zero_shot_accuracy"] is None
        assert [one["id"] for one in events[-1]["triggers"]] == found.best_triggers

    @pytest.mark.parametrize("family", ["roberta", "albert", "gpt2", "llama", "mpnet"])
    def test_every_kind_of_model(self, family, search, tmp_path):
        model = load_model(str(tiny.save_model(tmp_path / "m", family)), precision="float32")
        found = search(model=model, template=Template("{text} It was [MASK]"))
        events = of_split(found, "search")
        assert any(event["accepted"] for event in events)
        prompt = found.trained_prompt()
        prompt.save(tmp_path / "p")
        assert len(TrainedPrompt.load(tmp_path / "p", model).classify(found.dev_rows)) == 20

    def test_in_bfloat16(self, search, tmp_path):
        """The dev set is measured without gradients first: what that computes is used again."""
        model = load_model(str(tiny.save_model(tmp_path, "bert")), precision="bfloat16")
        assert any(event["accepted"] for event in of_split(search(model=model), "search"))


class TestFilters:
    def tried(self, events):
        return {one["text"] for event in of_split(events, "search") for one in event["candidates"]}

    def test_label_words_and_special_tokens(self, search):
        words, special = {"great", "good", "terrible"}, {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
        open_to_all = {"filter_label_words": False, "filter_special": False}
        every = {"candidates": 1000, "iterations": 1}
        assert not self.tried(search(**every)) & (words | special)
        assert self.tried(search(**every, **open_to_all)) >= words | special

    def test_capitalised_word_starts(self, search, tmp_path):
        model = load_model(str(tiny.save_model(tmp_path, "albert")), precision="float32")
        every = {"candidates": 1000, "iterations": 1, "model": model}
        assert self.tried(search(**every)) >= {"Great", "A"}
        assert not self.tried(search(**every, filter_capitalised=True)) & {"Great", "It"}
        assert "M" in self.tried(search(**every, filter_capitalised=True))  # begins no word

    def test_rows_of_the_embedding_without_a_token(self, search, tmp_path):
        folder = tiny.save_model(tmp_path, "bert", vocab_size=200)
        model = load_model(str(folder), precision="float32")
        found = search(model=model, candidates=1000, filter_special=False, iterations=1)
        known = len(model.tokenizer)
        assert known < 200
        event = of_split(found, "search")[0]
        assert all(one["id"] < known for one in event["candidates"])


class TestWords:
    """What is found is written as words where the model reads them back as the same tokens."""

    def ids(self, model, *tokens):
        return model.tokenizer.convert_tokens_to_ids(list(tokens))

    def test_where_the_triggers_stand(self):
        assert str(with_triggers(Template("{text} It was [MASK]."), 2)) == (
            "{text} It was [TRIGGER*2] [MASK]."
        )
        assert str(with_triggers(Template("[MASK]: {text}"), 1)) == "[TRIGGER] [MASK]: {text}"
        own = Template("[TRIGGER*4] {text} [TRIGGER] [MASK]", truncation="head")
        assert with_triggers(own, 2) == own
        assert without_triggers(own) == Template("{text} [MASK]", truncation="head")

    def test_words(self, toy):
        template = Template("{text} [TRIGGER*2] [MASK] [TRIGGER].")
        ids = self.ids(toy.model, "mat", "##ly", "so")
        written = written_template(toy.model, template, ids, [{"text": "A cat"}])
        assert str(written) == "{text} matly [MASK] so."

    @pytest.mark.parametrize("tokens", [("##ly", "mat"), ("[MASK]", "mat"), ("g", "##r")])
    def test_what_reads_as_something_else_stays_unwritten(self, toy, tokens):
        ids = [*self.ids(toy.model, *tokens)]
        template = Template("{text} [TRIGGER*2] [MASK]")
        written = written_template(toy.model, template, ids, [{"text": "A cat"}])
        assert (written is None) == (tokens != ("g", "##r"))

    def test_what_would_be_too_long_in_writing_stays_unwritten(self, toy):
        template = Template("{text!} [TRIGGER*2] [MASK]")
        room = toy.model.max_length - 5  # beside [CLS], the triggers, [MASK] and [SEP]
        rows = [{"text": "so " * room}]
        assert len(toy.model.encode(template, rows)[0]) == toy.model.max_length
        ids = self.ids(toy.model, "##ly", "##ly")
        assert written_template(toy.model, template, ids, rows) is None

    @pytest.mark.parametrize("family", ["roberta", "gpt2", "albert", "llama"])
    def test_words_with_the_space_before_them(self, family, tmp_path):
        model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
        ids = model.encoder.word_ids("great")
        template = Template("{text}[TRIGGER] [MASK]")
        written = written_template(model, template, ids, [{"text": "so it was"}])
        assert str(written) == "{text} great [MASK]"

    @pytest.mark.parametrize("tokens", [("mat", "so"), ("##ly", "mat")])
    def test_the_prompt_answers_as_the_search_did(self, toy, search, tokens, tmp_path):
        found = search(dev=toy.dev.head(0))
        found.triggers = self.ids(toy.model, *tokens)
        prompt, result = found.trained_prompt(), found.result()
        assert (prompt.vectors is None) == result.written == (tokens == ("mat", "so"))
        assert [one["text"] for one in result.triggers] == list(tokens)
        prompt.save(tmp_path)
        right = found.measure(range(len(toy.train)), found.triggers)[1]
        for one in (prompt, TrainedPrompt.load(tmp_path, toy.model)):
            predicted = one.classify(toy.train)["prediction"]
            assert (predicted.to_numpy() == toy.train["label"].to_numpy()).sum() == right

    def test_the_result_is_kept(self, search, tmp_path):
        found = search(iterations=12)
        list(found)
        result = found.result()
        assert read_search(result.save(tmp_path)) == result
        table = result.table()
        assert len(table) == len(found.swaps) > 1
        assert table["step"].is_monotonic_increasing
        assert result.read_template() == found.trained_prompt().template
        assert result.read_verbalizer() == found.verbalizer
        with pytest.raises(RunError) as caught:
            read_search(tmp_path / "nothing")
        assert caught.value.code == "search.unreadable"


class TestWalking:
    def test_same_seed_same_search(self, search, comparable):
        events = comparable(list(search(seed=3)))
        assert comparable(list(search(seed=3))) == events
        assert comparable(list(search(seed=4))) != events

    def test_every_event_is_json(self, search):
        for event in told(search()):
            assert json.loads(json.dumps(event, allow_nan=False)) == event

    def test_resumed_from_every_place_it_ends_the_same(self, search, comparable, tmp_path):
        whole = search(iterations=6)
        events = list(whole)
        expected = {(e["step"], e["split"]): e for e in comparable(events)}
        running = search(iterations=6)
        for place, _ in enumerate(iter(running)):
            if place % 5:
                continue
            running.save_checkpoint(tmp_path / str(place))
            resumed = search(iterations=6)
            resumed.load_checkpoint(tmp_path / str(place))
            again = {(e["step"], e["split"]): e for e in comparable(list(resumed))}
            assert all(expected[key] == event for key, event in again.items())
            before = {(e["step"], e["split"]) for e in comparable(events[: place + 1])}
            assert before | set(again) == set(expected)
            assert resumed.result() == whole.result()

    def test_the_checkpoint_of_another_search_is_refused(self, search, tmp_path):
        search().save_checkpoint(tmp_path)
        for other in ({"triggers": 3}, {"iterations": 5}):
            with pytest.raises(RunError) as caught:
                search(**other).load_checkpoint(tmp_path)
            assert caught.value.code == "runs.bad_checkpoint"


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"template": Template("[SOFT] {text} [MASK]")}, TemplateError, "search.soft_slots"),
        ({"train": tiny.toy_rows(0)}, DataError, "data.no_rows"),
        ({"verbalizer": Verbalizer({"a": "so", "b": "cat"})}, DataError, "data.unknown_label"),
        (
            {
                "verbalizer": Verbalizer(
                    {"positive": "greatly", "negative": "bad"}, multi_token="exact"
                )
            },
            VerbalizerError,
            "verbalizer.not_trainable",
        ),
        ({"candidates": 0}, SettingsError, "settings.invalid"),
        ({"filter": True}, SettingsError, "settings.unknown"),
    ],
)
def test_mistakes(change, error, code, search):
    with pytest.raises(error) as caught:
        search(**change)
    assert caught.value.code == code
