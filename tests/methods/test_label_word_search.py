"""Label-word search: each algorithm against a plain count, and what they have in common."""

import itertools
import json
import math

import pandas as pd
import pytest
import torch

from playground.errors import RunError, TemplateError, VerbalizerError
from playground.methods import TrainedPrompt
from playground.methods.label_word_ranking import distinct_words
from playground.methods.label_words import LabelWordSearch
from playground.methods.linear_label_words import answer_features
from playground.methods.search_result import read_search
from playground.methods.search_settings import LabelWordSettings
from playground.methods.vocabulary import whole_words
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

ALGORITHMS = ("likelihood-ratio", "linear", "assignments")
SHORT = {"tried_words": 6, "assignments": 9, "steps": 40, "learning_rate": 0.05}


@pytest.fixture
def search(toy):
    """Makes a search on the toy task; keywords are settings."""

    def make(*, model=None, template=None, verbalizer=None, train=None, dev=None, **settings):
        return LabelWordSearch(
            model or toy.model,
            template or toy.template,
            verbalizer or toy.verbalizer,
            toy.train if train is None else train,
            toy.dev.head(20) if dev is None else dev,
            LabelWordSettings.checked(SHORT | settings),
        )

    return make


@pytest.fixture(scope="module")
def planted(toy):
    """A model that puts "cat" at the slot of a positive text, and "mat" at that of a negative.

    Their rows of the projection are what tells the texts apart; those of other words do not.
    """
    model = toy.model.trainable_copy()
    table = pd.concat([toy.train, toy.dev.head(20)])
    encoded = model.encode(toy.template, table.to_dict("records"))
    features = answer_features(model, encoded).clone()
    sides = torch.tensor([1.0 if label == "positive" else -1.0 for label in table["label"]])
    probe = torch.nn.Linear(features.shape[1], 1)
    optimizer = torch.optim.Adam(probe.parameters(), lr=0.05)
    for _ in range(400):
        loss = torch.nn.functional.softplus(-sides * probe(features)[:, 0]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (probe(features)[:, 0].sign() == sides).float().mean() > 0.95
    direction, bias = probe.weight.detach()[0], probe.bias.detach()
    decoder = model.network.cls.predictions.decoder
    weight = decoder.weight.detach()
    unit = direction / direction.norm()
    weight = weight - (weight @ unit)[:, None] * unit
    places = model.tokenizer.convert_tokens_to_ids(["cat", "mat"])
    weight[places] = torch.stack([direction, -direction])
    biases = decoder.bias.detach().clone()
    biases[places] = torch.cat([bias, -bias]) + 5
    decoder.weight, decoder.bias = torch.nn.Parameter(weight), torch.nn.Parameter(biases)
    return model


def told(events):
    return [event for event in events if event is not None]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
class TestEveryAlgorithm:
    def test_planted_words_are_recovered(self, algorithm, search, planted):
        found = search(model=planted, algorithm=algorithm, words=1)
        events = told(found)
        assert found.found().words == {"positive": ("cat",), "negative": ("mat",)}
        assert events[0]["zero_shot_accuracy"] < events[-1]["accuracy"]
        assert events[-1]["accuracy"] == found.result().dev_accuracy > 0.9

    def test_whole_words_none_of_them_special_or_twice(self, algorithm, search, toy):
        found = search(algorithm=algorithm, words=50, tried_words=30)
        list(found)
        words = found.found().all_words
        assert len(set(words)) == len(words) > 1
        assert all(word.isalpha() for word in words)
        specials = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
        assert not set(words) & (specials | {"mask", "ly", "a", "g"}) - {"mask"}
        assert toy.model.label_reader(toy.template, found.found())

    def test_every_event_is_json(self, algorithm, search):
        events = told(search(algorithm=algorithm))
        for event in events:
            assert json.loads(json.dumps(event, allow_nan=False)) == event
        assert [event["split"] for event in (events[0], events[-1])] == ["start", "dev"]
        last = events[-2]
        assert {word["label"] for word in last["words"]} == {"positive", "negative"}
        assert ("assignments" in last) == (algorithm == "assignments")
        assert ("loss" in last) == (algorithm == "linear")

    def test_the_same_search_twice_finds_the_same(self, algorithm, search, comparable):
        once, again = search(algorithm=algorithm), search(algorithm=algorithm)
        assert comparable(list(once)) == comparable(list(again))
        assert once.result() == again.result()

    def test_resumed_from_every_place_it_ends_the_same(
        self, algorithm, search, comparable, tmp_path
    ):
        whole = search(algorithm=algorithm)
        events = list(whole)
        expected = {(e["step"], e["split"]): e for e in comparable(events)}
        running = search(algorithm=algorithm)
        for place, _ in enumerate(iter(running)):
            if place % 7:
                continue
            running.save_checkpoint(tmp_path / str(place))
            resumed = search(algorithm=algorithm)
            resumed.load_checkpoint(tmp_path / str(place))
            again = {(e["step"], e["split"]): e for e in comparable(list(resumed))}
            assert all(expected[key] == event for key, event in again.items())
            before = {(e["step"], e["split"]) for e in comparable(events[: place + 1])}
            assert before | set(again) == set(expected)
            assert resumed.result() == whole.result()

    def test_stopped_anywhere_it_leaves_a_prompt_that_works(self, algorithm, search, toy, tmp_path):
        running = search(algorithm=algorithm)
        for place, _ in enumerate(iter(running)):
            if place % 10 == 0:
                prompt = running.trained_prompt()
                prompt.save(tmp_path / str(place))
                loaded = TrainedPrompt.load(tmp_path / str(place), toy.model)
                assert len(loaded.classify(toy.train)) == len(toy.train)
                result = running.result()
                assert read_search(result.save(tmp_path / str(place))) == result
        assert len(running.result().table()) > 1

    @pytest.mark.parametrize("family", ["roberta", "albert", "gpt2", "llama", "mpnet"])
    def test_every_kind_of_model(self, algorithm, family, search, tmp_path):
        model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
        template = Template("{text} It was [MASK]")
        found = search(algorithm=algorithm, model=model, template=template)
        list(found)
        assert found.found().words != found.verbalizer.words
        assert model.label_reader(template, found.found())

    def test_without_dev_rows(self, algorithm, search, toy):
        found = search(algorithm=algorithm, dev=toy.dev.head(0))
        assert {event["split"] for event in told(found)} == {"start", "search"}
        assert found.result().dev_accuracy is None

    def test_words_that_the_model_does_not_know_can_be_searched_for(self, algorithm, search):
        unknown = Verbalizer({"positive": "\U00013000", "negative": "bad"}, {"positive": "#123abc"})
        found = search(algorithm=algorithm, verbalizer=unknown)
        assert told(found)[0]["zero_shot_accuracy"] is None
        assert "\U00013000" not in found.found().all_words
        assert found.found().colours == unknown.colours


def test_the_likelihood_ratio_is_that_of_the_paper(search, toy):
    found = search(likely_words=8)
    list(found)
    logits = toy.model.answer_logits(toy.model.encode(toy.template, toy.train.to_dict("records")))
    shares = logits[:, 0].double().softmax(-1)
    whole = whole_words(toy.model, toy.template)
    scores = found.ranking.scores()
    for label, own in zip(toy.verbalizer.labels, scores, strict=True):
        mine = torch.tensor((toy.train["label"] == label).to_numpy())
        likely = shares[mine].log().sum(0).where(whole, -math.inf).topk(8).indices.tolist()
        assert sorted(torch.nonzero(own.isfinite())[:, 0].tolist()) == sorted(likely)
        for token in likely:
            inside, outside = shares[mine, token], shares[~mine, token]
            scale = len(outside) / len(inside)
            ratio = scale * float((inside / (1 - inside)).log().sum())
            ratio -= float((outside / (1 - outside)).log().sum())
            assert float(own[token]) == pytest.approx(ratio / len(outside), rel=1e-4)


@pytest.mark.parametrize("family", sorted(tiny.FAMILIES))
def test_features_are_what_the_projection_reads(family, tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    rows = [{"text": "the cat sat"}, {"text": "so"}]
    batch = model.encode(Template("{text} It was [MASK]"), rows)
    projection = model.network.get_output_embeddings()
    with torch.no_grad():
        expected = model.answer_logits(batch)[:, 0]
        features = answer_features(model, batch)
        logits = torch.nn.functional.linear(features, projection.weight, projection.bias)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
    assert not projection._forward_pre_hooks


def test_a_words_score_is_what_the_layer_gives_its_vector(search, toy):
    found = search(algorithm="linear")
    events = told(found)
    learned = [event for event in events if "loss" in event and event["split"] == "search"]
    assert learned[0]["loss"] == pytest.approx(math.log(2))
    assert learned[-1]["loss"] < learned[0]["loss"] / 2
    layer = found.ranking.layer
    token = toy.model.tokenizer.convert_tokens_to_ids("film")
    vector = toy.model.network.get_output_embeddings().weight[token]
    with torch.no_grad():
        shares = layer(vector).softmax(0).tolist()
    assert found.ranking.scores()[:, token].tolist() == pytest.approx(shares, rel=1e-4)


def test_assignments_are_those_that_a_plain_count_finds(search, toy):
    found = search(algorithm="assignments", tried_words=5, assignments=7)
    list(found)
    model, labels = toy.model, toy.verbalizer.labels
    whole = whole_words(model, toy.template)

    def logits_of(table):
        return model.answer_logits(model.encode(toy.template, table.to_dict("records")))[:, 0]

    logits = logits_of(toy.train)
    likely = [
        logits[torch.tensor((toy.train["label"] == label).to_numpy())]
        .double()
        .log_softmax(-1)
        .mean(0)
        .where(whole, -math.inf)
        .topk(5)
        .indices.tolist()
        for label in labels
    ]

    def measured(logits, table, words):
        targets = torch.tensor([labels.index(label) for label in table["label"]])
        scores = logits[:, list(words)]
        loss = float(torch.nn.functional.cross_entropy(scores.double(), targets))
        return float((scores.argmax(1) == targets).float().mean()), -loss

    pairs = [pair for pair in itertools.product(*likely) if len(set(pair)) == 2]
    best = sorted(pairs, key=lambda pair: measured(logits, toy.train, pair), reverse=True)[:7]
    dev = toy.dev.head(20)
    of_dev = logits_of(dev)
    ranked = sorted(best, key=lambda pair: measured(of_dev, dev, pair), reverse=True)
    expected = [dict(zip(labels, map(model.token_text, pair), strict=True)) for pair in ranked]
    assert [row["words"] for row in found.result().rows] == expected
    accuracies = [measured(of_dev, dev, pair)[0] for pair in ranked]
    assert [row["dev_accuracy"] for row in found.result().rows] == pytest.approx(accuracies)


def test_many_labels_have_fewer_words_each(search, toy):
    words = ["the", "cat", "sat", "on", "mat", "in"]
    table = toy.train.assign(label=[words[at % 6] for at in range(24)])
    found = search(
        algorithm="assignments",
        tried_words=30,
        verbalizer=Verbalizer({word: word for word in words}),
        train=table,
        dev=table,
    )
    assert found.ranking.likely == 10  # of which there are a million assignments
    assert found.steps == 2 + 2 + 2 + 10 + 1


def test_a_word_goes_to_the_label_it_suits_best():
    never = -math.inf
    scores = torch.tensor(
        [[5.0, 4.0, 3.0, 1.0, never], [6.0, 1.0, 2.0, 0.5, never], [1.0, 1.0, 1.0, 0.9, never]]
    )
    assert distinct_words(scores, 2) == [[1, 2], [0], [3]]
    assert distinct_words(scores, 1) == [[1], [0], [2]]
    assert distinct_words(scores[:, :2], 2) is None


def test_single_letters_are_words_in_chinese_only(toy):
    whole = whole_words(toy.model, toy.template)
    words = {toy.model.token_text(token) for token in torch.nonzero(whole)[:, 0].tolist()}
    assert {"cat", "很", "好"} <= words
    assert not {"a", "b", ".", "##s", "##ly", "[MASK]", "9"} & words


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"template": Template("[SOFT] {text} [MASK]")}, TemplateError, "search.soft_slots"),
        (
            {"verbalizer": Verbalizer({"positive": "a | b", "negative": "c | d"})},
            VerbalizerError,
            "search.several_slots",
        ),
        (
            {
                "verbalizer": Verbalizer(
                    {"positive": "so", "negative": "it"} | {f"l{n}": f"w{n}" for n in range(18)}
                ),
                "algorithm": "assignments",
            },
            VerbalizerError,
            "search.too_many_labels",
        ),
    ],
)
def test_mistakes(change, error, code, search):
    with pytest.raises(error) as caught:
        search(**change)
    assert caught.value.code == code


def test_the_checkpoint_of_another_search_is_refused(search, tmp_path):
    search(algorithm="linear").save_checkpoint(tmp_path)
    for other in ({"algorithm": "assignments"}, {"algorithm": "linear", "steps": 3}):
        with pytest.raises(RunError) as caught:
            search(**other).load_checkpoint(tmp_path)
        assert caught.value.code == "runs.bad_checkpoint"
