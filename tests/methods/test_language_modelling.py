"""The language model's own loss: on which tokens, how they are hidden, and how it is mixed in."""

import pandas as pd
import pytest
import torch
from torch import nn

from playground.methods import start
from playground.methods.language_modelling import language_model_loss
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

METHOD = "prompt-fine-tuning"
TEXTS = pd.DataFrame({"text": ["the cat sat on the mat", "so so", "all in all the film was so so"]})


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    folder = tiny.save_model(tmp_path_factory.mktemp("causal"), "gpt2")
    return load_model(str(folder), precision="float32")


@pytest.fixture
def seen(toy, monkeypatch):
    """What the network is asked: its inputs, and at which rows and columns."""
    asked = []
    ask = toy.model.network_logits

    def spy(inputs, rows, columns, token_ids):
        asked.append((inputs, rows, columns))
        return ask(inputs, rows, columns, token_ids)

    monkeypatch.setattr(toy.model, "network_logits", spy)
    return asked


def encoded(model, template, texts=TEXTS):
    return model.encode(template, texts.to_dict("records"))


def test_a_causal_models_by_hand(causal):
    template = Template("{text} so [MASK]")
    total, count = 0.0, 0
    for example in encoded(causal, template):
        ids = torch.tensor([example.ids])
        with torch.no_grad():
            shares = causal.network(input_ids=ids).logits[0].log_softmax(-1)
        for place in range(1, len(example)):
            total -= float(shares[place - 1, example.ids[place]])
            count += 1
    found = language_model_loss(causal, encoded(causal, template))
    assert float(found) == pytest.approx(total / count, rel=1e-5)


def test_a_masked_models_by_hand(toy, seen):
    batch = encoded(toy.model, toy.template)
    torch.manual_seed(3)
    found = language_model_loss(toy.model, batch)
    [(inputs, rows, columns)] = seen
    logits = toy.model.network(**inputs).logits
    places = list(zip(rows.tolist(), columns.tolist(), strict=True))
    losses = [
        nn.functional.cross_entropy(logits[row, column], torch.tensor(batch[row].ids[column]))
        for row, column in places
    ]
    assert float(found) == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)
    changed = {
        (row, column)
        for row, example in enumerate(batch)
        for column, token in enumerate(example.ids)
        if int(inputs["input_ids"][row, column]) != token
    }
    assert changed <= set(places)


def test_fifteen_in_a_hundred_are_predicted_as_bert_does_and_no_slot(toy, seen, monkeypatch):
    template = Template("{text} [SOFT*2] It was [MASK].")
    batch = encoded(toy.model, template, pd.concat([TEXTS] * 300))
    vectors = torch.zeros(2, toy.model.embedding_weight.shape[1])
    read = []
    give = toy.model.network_inputs

    def spy(changed, soft_vectors):
        read.extend(changed)
        return give(changed, soft_vectors)

    monkeypatch.setattr(toy.model, "network_inputs", spy)
    torch.manual_seed(0)
    language_model_loss(toy.model, batch, vectors)
    [(_, rows, columns)] = seen
    fates = {"mask": 0, "other": 0, "same": 0}
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        assert batch[row].kinds[column] in ("field", "text")
        now = read[row].ids[column]
        same, mask = now == batch[row].ids[column], now == toy.model.tokenizer.mask_token_id
        fates["same" if same else "mask" if mask else "other"] += 1
    can = sum(kind in ("field", "text") for example in batch for kind in example.kinds)
    drawn = sum(fates.values())
    assert drawn / can == pytest.approx(0.15, abs=0.02)
    assert fates["mask"] / drawn == pytest.approx(0.8, abs=0.03)
    assert fates["other"] / drawn == pytest.approx(0.1, abs=0.03)


def test_one_token_at_least_is_predicted(toy, seen):
    for seed in range(20):
        torch.manual_seed(seed)
        language_model_loss(toy.model, encoded(toy.model, Template("{text} [MASK]"), TEXTS[1:2]))
    assert all(len(rows) >= 1 for _, rows, _ in seen)


def test_where_there_is_nothing_to_predict_it_is_zero(toy):
    batch = encoded(toy.model, Template("[SOFT*2][MASK]"))
    assert float(language_model_loss(toy.model, batch, torch.zeros(2, 32))) == 0


# ---- mixed into a training ---------------------------------------------------------------------


def test_a_share_of_zero_is_the_plain_training(toy, comparable):
    plain = comparable(list(toy.start(METHOD)))
    assert comparable(list(toy.start(METHOD, lm_loss_share=0.0, unlabelled_rows=5))) == plain
    assert comparable(list(toy.start(METHOD, lm_loss_share=1e-4))) != plain


@pytest.mark.parametrize("share", [1e-4, 0.3])
def test_the_loss_of_a_step_is_the_mean_by_the_share(toy, share, monkeypatch):
    learner = toy.start(METHOD, lm_loss_share=share).learner
    batch = learner.encode(toy.train.head(4).to_dict("records"))
    targets = torch.tensor([0, 1, 0, 1])
    monkeypatch.setattr(
        "playground.methods.prompt_finetuning.language_model_loss",
        lambda model, texts, vectors: torch.tensor(10.0 * len(texts)),
    )
    found, scores = learner.loss(batch, targets)
    plain = nn.functional.cross_entropy(scores, targets)
    assert float(found.detach()) == pytest.approx(
        (1 - share) * float(plain.detach()) + share * 40, rel=1e-5
    )


class TestTexts:
    """Those without labels, at most as many as are asked for; else those to learn from."""

    def start(self, toy, unlabelled, **settings):
        return start(
            *(METHOD, toy.model, toy.template, toy.verbalizer, toy.train, toy.dev),
            {"steps": 3, "lm_loss_share": 0.1} | settings,
            unlabelled=unlabelled,
        )

    def read(self, training) -> list[str]:
        decode = training.learner.base_model.tokenizer.decode
        return [decode(example.ids[1:-5]) for example in training.learner._texts]

    def test_those_without_labels(self, toy):
        assert sorted(self.read(self.start(toy, TEXTS))) == sorted(TEXTS["text"])
        two = self.read(self.start(toy, TEXTS, unlabelled_rows=2))
        assert len(set(two)) == 2
        assert set(two) < set(TEXTS["text"])

    def test_those_to_learn_from(self, toy):
        for none in (None, TEXTS[:0]):
            assert self.read(self.start(toy, none)) == toy.train["text"].tolist()
        assert self.read(self.start(toy, TEXTS, unlabelled_rows=0)) == toy.train["text"].tolist()

    def test_their_labels_are_not_looked_at(self, toy, comparable):
        plain = comparable(list(self.start(toy, TEXTS)))
        labelled = TEXTS.assign(label="nonsense", split="train")
        assert comparable(list(self.start(toy, labelled))) == plain

    def test_without_a_share_they_are_not_read(self, toy):
        assert self.start(toy, pd.DataFrame({"txt": ["x"]}), lm_loss_share=0).learner._texts == []


def test_a_causal_model_learns_with_it(causal):
    words = Verbalizer({"positive": ["good"], "negative": ["bad"]})
    rows = tiny.toy_rows(16, seed=1)
    training = start(
        *(METHOD, causal, Template("{text} so [MASK]"), words, rows, rows),
        {"steps": 30, "lm_loss_share": 0.9, "learning_rate": 0.01, "dev_every": 99},
    )
    losses = [event["loss"] for event in training if event and event["split"] == "train"]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
