"""The loss falls, a kill costs nothing, and out comes a model of plain transformers."""

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from playground.errors import ModelError, SettingsError
from playground.models import load_model
from playground.models.pretraining import checkpoint as checkpoints
from playground.models.pretraining.checkpoint import NEWEST, STABLE
from playground.models.pretraining.command import main
from playground.models.pretraining.export import export
from playground.models.pretraining.networks import answer_logits
from playground.models.pretraining.recipe import load_recipe
from playground.models.pretraining.schedule import until_step
from playground.models.pretraining.training import LOG, Training, train
from playground.prompts import Template
from tests.pretraining import (
    CAUSAL,
    MASKED,
    RECIPES,
    SOURCES,
    documents,
    write_corpus,
    write_source,
)


@pytest.fixture
def work(prepared, tmp_path):
    """A folder of one's own to train in."""
    return lambda kind, name="work": shutil.copytree(prepared(kind), tmp_path / name)


def quietly(*arguments, **options):
    return train(*arguments, say=lambda _: None, **options)


def weights(folder):
    return torch.load(folder / NEWEST, weights_only=True)["network"]


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / LOG).read_text().splitlines()]


@pytest.mark.parametrize("kind", RECIPES)
def test_the_loss_falls(work, kind):
    folder = work(kind)
    training = Training(RECIPES[kind], folder)
    loss_before, right_before = training.measure()
    progress = quietly(RECIPES[kind], folder, until_step(60))
    training.resume(NEWEST)
    loss, right = training.measure()
    assert progress.finished
    assert loss < loss_before - 0.7
    assert right > right_before + 0.05


@pytest.mark.parametrize("kind", RECIPES)
def test_a_resumed_training_ends_with_the_same_weights(work, kind):
    recipe = RECIPES[kind]
    whole, parts = work(kind, "whole"), work(kind, "parts")
    quietly(recipe, whole, until_step(14))
    for stop in (3, 10):  # before and in the decay
        training = Training(recipe, parts)
        training.resume(NEWEST)
        training.run(
            until_step(14),
            stopped=lambda training=training, stop=stop: training.progress.step >= stop,
            save_seconds=1e9,
            say=lambda _: None,
        )
    quietly(recipe, parts, until_step(14))
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(parts)[name]), name


def test_a_termination_signal_saves_and_ends(work):
    folder = work("masked")
    told = []

    def tell(_):
        told.append(os.kill(os.getpid(), signal.SIGTERM))

    progress = train(MASKED, folder, until_step(100_000), say=tell)
    assert told == [None]
    assert not progress.finished
    assert torch.load(folder / NEWEST, weights_only=True)["progress"]["step"] == progress.step
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_kill_while_writing_leaves_the_checkpoint_before(work, monkeypatch):
    folder = work("masked")
    training = Training(MASKED, folder)
    training.save(NEWEST)
    before = (folder / NEWEST).read_bytes()

    def killed(state, stream):
        stream.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints.torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        training.save(NEWEST)
    assert (folder / NEWEST).read_bytes() == before


def test_a_finished_training_is_prolonged_from_before_its_decay(work):
    folder = work("masked")
    quietly(MASKED, folder, until_step(10))
    assert torch.load(folder / STABLE, weights_only=True)["progress"]["step"] == 6
    assert quietly(MASKED, folder, until_step(20)).step == 10  # it is finished
    assert quietly(MASKED, folder, until_step(20), prolong=True).step == 20
    reference = work("masked", "reference")
    quietly(MASKED, reference, until_step(20))
    for name, weight in weights(reference).items():
        assert torch.equal(weight, weights(folder)[name]), name


def test_a_checkpoint_of_another_recipe_is_refused(work):
    folder = work("masked")
    Training(MASKED, folder).save(NEWEST)
    with pytest.raises(ModelError, match="cannot be used"):
        Training(replace(MASKED, layers=3), folder).resume(NEWEST)


@pytest.fixture
def exported(work, tmp_path):
    """The folder of a model trained for sixty steps."""

    def make(kind):
        folder = work(kind, "first")
        quietly(RECIPES[kind], folder, until_step(60))
        export(RECIPES[kind], folder, tmp_path / "first-model")
        return tmp_path / "first-model"

    return make


@pytest.mark.parametrize("kind", RECIPES)
def test_an_exported_model_is_trained_further(work, exported, kind):
    recipe, origin, folder = RECIPES[kind], exported(kind), work(kind, "second")
    training = Training(recipe, folder)
    training.begin_with(origin)
    before, _ = training.measure()
    assert 0 < training.progress.rate(replace(recipe, warmup_steps=1)) < 0.7  # it decays already
    assert training.progress.batch == recipe.steps  # whose batches it has not seen yet

    assert quietly(recipe, folder, until_step(40), origin=origin).step == 40
    training.resume(NEWEST)
    after, _ = training.measure()
    assert after < before
    assert training.progress.batch == recipe.steps + 40
    assert quietly(recipe, folder, until_step(40), origin=origin).step == 40  # it is finished


def test_only_a_model_of_the_same_tokens_and_shape_is_trained_further(work, exported, tmp_path):
    origin, folder = exported("masked"), work("masked", "second")
    with pytest.raises(ModelError, match="cannot begin with"):
        quietly(MASKED, folder, until_step(3), origin=tmp_path / "nothing")
    with pytest.raises(ModelError, match="other tokens"):
        quietly(CAUSAL, work("causal", "other"), until_step(3), origin=origin)
    with pytest.raises(ModelError, match="cannot begin with"):
        quietly(replace(MASKED, layers=3), folder, until_step(3), origin=origin)
    assert not (folder / NEWEST).exists()


@pytest.mark.parametrize(
    ("kind", "auto"), [("masked", AutoModelForMaskedLM), ("causal", AutoModelForCausalLM)]
)
def test_the_export_gives_the_same_answers_in_plain_transformers(work, tmp_path, kind, auto):
    recipe, folder, target = RECIPES[kind], work(kind), tmp_path / "exported"
    training = Training(recipe, folder)
    training.save(NEWEST)
    export(recipe, folder, target)
    assert {file.name for file in target.iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    plain = auto.from_pretrained(target, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(target)
    prompt = "The cat wanted some " + (tokenizer.mask_token + "." if kind == "masked" else "")
    ids = tokenizer(prompt.strip(), return_tensors="pt")["input_ids"]
    place = ids[0].tolist().index(tokenizer.mask_token_id) if kind == "masked" else ids.shape[1] - 1
    with torch.no_grad():
        expected = plain(ids).logits[0, place]
        ours = answer_logits(training.network.eval(), ids, None, torch.tensor([place]))[0]
    torch.testing.assert_close(ours, expected, rtol=2e-3, atol=2e-2)  # it is rounded to 16 bits

    loaded = load_model(str(target), precision="float32")
    encoded = loaded.encode(
        Template("{text} [MASK]" + "." * (kind == "masked")), [{"text": "The cat wanted some"}]
    )
    assert list(encoded[0].ids) == ids[0].tolist()
    torch.testing.assert_close(loaded.answer_logits(encoded)[0, 0], expected, rtol=1e-4, atol=1e-4)


def test_weights_that_16_bits_cannot_hold_are_not_exported(work, tmp_path):
    folder = work("causal")
    training = Training(CAUSAL, folder)
    with torch.no_grad():
        training.network.lm_head.weight[0, 0] = 1e6
    training.save(NEWEST)
    with pytest.raises(ModelError, match="16 bits"):
        export(CAUSAL, folder, tmp_path / "exported")


def test_one_command_does_it_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("playground.models.pretraining.command.load_recipe", lambda _: CAUSAL)
    corpus = write_corpus(tmp_path / "corpus")
    folders = {"corpus": corpus, "work": tmp_path / "work", "to": tmp_path / "models"}
    options = [f"--{name}={folder}" for name, folder in folders.items()]
    assert main(["all", "pocket-gpt", *options, "--steps=3"]) == 0
    assert (tmp_path / "models" / "pocket-gpt" / "model.safetensors").exists()
    told = capsys.readouterr().err
    assert all(source in told for source in SOURCES)
    assert "loss" in told


def test_one_command_trains_a_model_further_on_other_text(tmp_path, exported, monkeypatch):
    monkeypatch.setattr("playground.models.pretraining.command.load_recipe", lambda _: MASKED)
    origin, corpus = exported("masked"), tmp_path / "corpus"
    corpus.mkdir()
    for source in SOURCES:
        write_source(corpus, source, documents(f"other {source}"))
    folders = {"corpus": corpus, "work": tmp_path / "work", "to": tmp_path, "from": origin}
    options = [f"--{name}={folder}" for name, folder in folders.items()]
    assert main(["all", "pocket-bert", *options, "--steps=3"]) == 0
    before, after = (load_model(str(tmp_path / n)) for n in ("first-model", "pocket-bert"))
    assert after.tokenizer.get_vocab() == before.tokenizer.get_vocab()
    closeness = torch.cosine_similarity(after.embedding_weight, before.embedding_weight)
    assert closeness.mean() > 0.9


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["train", "pocket-gpt", f"--work={tmp_path}"]) == 2
    assert "prepare" in capsys.readouterr().err


def test_recipes_are_checked():
    assert load_recipe("pocket-bert").kind == "masked"
    with pytest.raises(SettingsError, match="There are: pocket-bert, pocket-gpt"):
        load_recipe("pocket-t5")
    for wrong in (
        {"width": 30},
        {"mask_rate": 0.1},
        {"rows": ()},
        {"mix": {}},
        {"late_mix": {"animals": 1.0}},
        {"positions": 8},
    ):
        with pytest.raises(SettingsError, match="The recipe of pocket-bert has"):
            replace(MASKED, **wrong)
