"""Demonstrations in a training: drawn anew, never the text itself, and kept with the prompt."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from playground.errors import DataError, TemplateError, VerbalizerError
from playground.inference.look import look
from playground.methods import Calibration, TrainedPrompt, start
from playground.methods.demonstrated import DemonstratedReader, Demonstrator, with_demonstrations
from playground.models import load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

METHOD = "prompt-fine-tuning"


def demonstrator(toy, **settings) -> Demonstrator:
    given = {"sets": 3, "similar": True, "seed": 13} | settings
    return Demonstrator(toy.model, toy.train.to_dict("records"), **given)


def reader(toy, **settings) -> DemonstratedReader:
    return DemonstratedReader(toy.template, toy.verbalizer, demonstrator(toy, **settings))


def read(toy, encoded) -> str:
    """What the model reads, without the tokens that it puts around all."""
    return toy.model.tokenizer.decode(encoded.ids[1:-1])


@pytest.fixture(scope="module")
def trained(toy):
    training = toy.start(METHOD, demonstrations=True, learning_rate=1e-3)
    list(training)
    return training


# ---- what is read ------------------------------------------------------------------------------


def test_behind_a_cloze_stands_an_answered_example_of_each_label(toy):
    [found] = reader(toy).demonstrated(toy.model, [{"text": "so so"}])
    assert len(found.sets) == 3
    assert found.ids == found.sets[0].ids
    for one in found.sets:
        own, first, second, rest = read(toy, one).split(".")
        assert (own, rest) == ("so so it was [MASK]", "")
        for shown, label, word in ((first, "positive", "great"), (second, "negative", "terrible")):
            text, _, answer = shown.strip().rpartition(" it was ")
            assert answer == word
            assert text in set(toy.train["text"][toy.train["label"] == label])
        assert [toy.model.token_text(one.ids[place]) for place in one.answer] == ["[MASK]"]


def test_in_front_of_a_prefix_they_stand_above_each_other(toy):
    template = Template("Text: {text}\nMood: [MASK]")
    longer = with_demonstrations(template, toy.verbalizer)
    assert str(longer) == (
        "Text: {text · demonstration 1}\nMood: great\n\n"
        "Text: {text · demonstration 2}\nMood: terrible\n\n"
        "Text: {text}\nMood: [MASK]"
    )


def test_slots_and_separators_of_a_demonstration_are_words():
    template = Template("{a!} [SEP] [SOFT:in all] [MASK], {b|lower} [MASK].")
    words = Verbalizer({"x": "so | great", "y": "not | bad"})
    longer = str(with_demonstrations(template, words))
    assert longer.startswith(str(template))
    assert longer.removeprefix(str(template)) == (
        " {a · demonstration 1}   in all so, {b · demonstration 1|lower} great."
        " {a · demonstration 2}   in all not, {b · demonstration 2|lower} bad."
    )


@pytest.mark.parametrize("similar", [True, False])
def test_a_row_of_the_train_set_is_never_shown_to_itself(toy, similar):
    rows = toy.train[["text"]].to_dict("records")
    own = reader(toy, similar=similar, sets=8)
    torch.manual_seed(0)
    found = own.demonstrated(toy.model, rows)
    for row, example, drawn in zip(rows, found, own.drawn(toy.model, found), strict=True):
        for one in (*example.sets, drawn):
            text, *shown = read(toy, one).split(".")
            assert text == f"{row['text']} it was [MASK]"
            assert f"{row['text']} it was great" not in [part.strip() for part in shown]
            assert f"{row['text']} it was terrible" not in [part.strip() for part in shown]


def test_a_step_draws_others_and_the_generator_says_which(toy):
    own = reader(toy, similar=False)
    found = own.demonstrated(toy.model, toy.dev.head(8).to_dict("records"))
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append([one.ids for one in own.drawn(toy.model, found)])
    assert draws[0] == draws[1] != draws[2]


def test_an_answers_sets_depend_on_the_seed_and_the_text_alone(toy):
    rows = toy.dev.head(6).to_dict("records")

    def sets(rows, **settings) -> list[tuple[int, ...]]:
        found = reader(toy, similar=False, **settings).demonstrated(toy.model, rows)
        return [one.ids for example in found for one in example.sets]

    assert sets(rows) == sets(rows)
    assert sets(rows[4:]) == sets(rows)[4 * 3 :]
    assert sets(rows, seed=2) != sets(rows)


def test_a_score_is_the_mean_over_the_sets(toy):
    own = reader(toy)
    rows = toy.dev.head(5).to_dict("records")
    words = toy.model.label_reader(toy.template, toy.verbalizer)
    expected = [
        torch.stack([words.batch_scores(toy.model, [one])[0] for one in example.sets]).mean(0)
        for example in own.demonstrated(toy.model, rows)
    ]
    found = own.score_rows(toy.model, rows)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-4, atol=1e-4)


class TestSimilar:
    def test_the_pool_is_the_nearer_half_of_each_label(self, toy):
        row = {"text": "wonderful so was in"}
        [near] = demonstrator(toy).pools(toy.template, toy.verbalizer.labels, [row])
        [all_] = demonstrator(toy, similar=False).pools(toy.template, toy.verbalizer.labels, [row])
        vectors = self.vectors(toy, [row["text"], *toy.train["text"]])
        likeness = (vectors[0] @ vectors[1:].T).tolist()
        for pool, every in zip(near, all_, strict=True):
            assert len(pool) == -(-len(every) // 2)
            assert set(pool) < set(every)
            left = set(every) - set(pool)
            assert min(likeness[at] for at in pool) >= max(likeness[at] for at in left) - 1e-5

    def vectors(self, toy, texts):
        """The mean last hidden state over the text's tokens, one text after the other."""
        found = []
        for text in texts:
            [encoded] = toy.model.encode(toy.template, [{"text": text}])
            inputs, _ = toy.model.network_inputs([encoded])
            with torch.no_grad():
                states = toy.model.network.base_model(**inputs).last_hidden_state[0]
            own = [place for place, kind in enumerate(encoded.kinds) if kind == "field"]
            found.append(states[own].mean(0))
        return torch.nn.functional.normalize(torch.stack(found), dim=1)

    def test_of_a_label_with_one_other_example_that_is_shown(self, toy):
        train = toy.train.groupby("label").head(1)
        own = Demonstrator(toy.model, train.to_dict("records"), sets=2, similar=True, seed=1)
        [pools] = own.pools(toy.template, toy.verbalizer.labels, [{"text": "x"}])
        assert sorted(map(len, pools)) == [1, 1]


# ---- what does not fit -------------------------------------------------------------------------


def test_the_longest_texts_are_cut_and_the_template_never(toy):
    long = toy.train.assign(text=toy.train["text"] + " the cat sat on the mat" * 8)
    own = DemonstratedReader(
        toy.template,
        toy.verbalizer,
        Demonstrator(toy.model, long.to_dict("records"), sets=2, similar=True, seed=13),
    )
    rows = [{"text": "so so so"}, {"text": "good " * 60}]
    short, cut = own.demonstrated(toy.model, rows)
    for one in (*short.sets, *cut.sets):
        assert len(one) == toy.model.max_length
        assert read(toy, one).count("it was") == 3
    assert read(toy, short).startswith("so so so it was")  # the demonstrations' own texts were cut
    assert short.cut == {}
    assert set(cut.cut) == {"text"}


def test_demonstrations_that_leave_no_room_are_refused_before_the_start(toy):
    wordy = Template("{text} all in all it was so so and so [MASK].")
    given = (METHOD, toy.model, wordy, toy.verbalizer, toy.train, toy.dev)
    start(*given, {})
    with pytest.raises(TemplateError) as caught:
        start(*given, {"demonstrations": True})
    assert caught.value.code == "template.no_room"


def test_a_label_needs_an_example_besides_the_row_itself(toy):
    train = toy.train.groupby("label").head(1)
    with pytest.raises(DataError) as caught:
        start(
            *(METHOD, toy.model, toy.template, toy.verbalizer, train, toy.dev),
            {"demonstrations": True},
        )
    assert caught.value.code == "data.too_few_demonstrations"


def test_a_column_that_is_missing_is_told(toy):
    with pytest.raises(TemplateError) as caught:
        reader(toy, similar=False).demonstrated(toy.model, [{"txt": "x"}])
    assert caught.value.code == "template.unknown_field"
    other = toy.train.rename(columns={"text": "txt"})
    with pytest.raises(TemplateError):
        start(
            *(METHOD, toy.model, toy.template, toy.verbalizer, other, other),
            {"demonstrations": True},
        )


def test_numbers_and_texts_that_read_alike_are_the_same_row(toy):
    train = pd.DataFrame({"text": [1, 2, 3, 4], "label": ["positive", "negative"] * 2})
    training = start(
        *(METHOD, toy.model, toy.template, toy.verbalizer, train, train),
        {"demonstrations": True, "steps": 1},
    )
    [first, *_] = training.learner.encode(train.to_dict("records"))
    assert first.pools[0] == (2,)


# ---- in a training, and afterwards -------------------------------------------------------------


def test_without_them_nothing_is_different(toy, comparable):
    plain = comparable(list(toy.start(METHOD)))
    assert comparable(list(toy.start(METHOD, similar_demonstrations=False))) == plain
    assert comparable(list(toy.start(METHOD, demonstrations=True))) != plain


def test_a_prompt_answers_with_its_demonstrations(toy, trained, tmp_path):
    prompt = trained.trained_prompt()
    loaded = TrainedPrompt.load(prompt.save(tmp_path), toy.model)
    alone = replace(prompt, demonstrator=None)
    for each in (prompt, loaded):
        assert each.classify(toy.dev).equals(prompt.classify(toy.dev))
        assert not each.classify(toy.dev).equals(alone.classify(toy.dev))
    row = {"text": "so so"}
    assert loaded.answer_distribution(row).equals(prompt.answer_distribution(row))
    assert not loaded.answer_distribution(row).equals(alone.answer_distribution(row))


def test_the_file_holds_the_examples(toy, trained, tmp_path):
    trained.trained_prompt().save(tmp_path)
    told = json.loads((tmp_path / "prompt.json").read_text())["demonstrations"]
    assert told["examples"] == toy.train[["text", "label"]].to_dict("records")
    assert (told["sets"], told["similar"], told["seed"]) == (2, True, 13)


def test_the_playground_shows_them_and_answers_alike(toy, trained):
    prompt = trained.trained_prompt()
    row = {"text": "so so"}
    found = look(prompt.model, toy.template, row, toy.verbalizer, top_k=5, prompt=prompt)
    shown = " ".join(token["text"] for token in found["tokens"])
    assert shown.count("it was") == 3
    expected = prompt.classify([row])
    for label, share in found["labels"].items():
        assert share == pytest.approx(expected[label][0], abs=1e-5)
    best = prompt.answer_distribution(row, top_k=5)
    assert [answer["token"] for answer in found["answers"]] == best["token"].tolist()
    shares = [answer["probability"] for answer in found["answers"]]
    assert shares == pytest.approx(best["probability"].tolist(), abs=1e-5)


def test_a_template_with_other_columns_is_asked_without(toy, trained):
    prompt = trained.trained_prompt()
    other = Template("{note} it was [MASK].")
    [found] = prompt.encode(other, {"note": "so"})
    assert read(toy, found) == "so it was [MASK]."


def test_a_calibration_is_refused(toy, trained):
    prompt = trained.trained_prompt()
    calibration = Calibration.contextual(toy.model, toy.template, toy.verbalizer)
    with pytest.raises(VerbalizerError) as caught:
        prompt.classify(toy.dev, calibration=calibration)
    assert caught.value.code == "calibration.demonstrations"
    measured = look(
        *(prompt.model, toy.template, {"text": "so"}, toy.verbalizer),
        top_k=5,
        prompt=prompt,
        calibrate=lambda: calibration,
    )
    assert "raw" not in measured


@pytest.mark.parametrize("family", ["gpt2", "roberta"])
def test_other_models_learn_with_them(tmp_path, family):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    template = Template("{text} so [MASK]" if family == "gpt2" else "{text} so [MASK].")
    words = Verbalizer({"positive": ["good"], "negative": ["bad"]})
    rows = tiny.toy_rows(16, seed=1)
    settings = {"demonstrations": True, "steps": 2, "demonstration_sets": 2}
    training = start(METHOD, model, template, words, rows, rows, settings)
    dev = [event for event in training if event is not None and event["split"] == "dev"]
    table = training.trained_prompt().classify(rows)
    assert dev[-1]["accuracy"] == pytest.approx((table["prediction"] == rows["label"]).mean())
