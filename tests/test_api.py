"""The public names: what the first lines of a person's program use."""

import pandas as pd
import pytest

import playground as pg
from tests import tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tiny.save_model(tmp_path_factory.mktemp("api"), "bert")
    return pg.load_model(str(folder), precision="float32")


@pytest.fixture
def prompt():
    return (
        pg.Template("{text} It was [MASK]."),
        pg.Verbalizer({"negative": ["terrible"], "positive": ["great", "good"]}),
    )


def test_every_public_name_is_there():
    for name in pg.__all__:
        assert getattr(pg, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        pg.no_such_name  # noqa: B018


def test_from_a_written_prompt_to_a_trained_one(model, prompt, tmp_path):
    template, verbalizer = prompt
    train, dev = pg.few_shot(tiny.toy_rows(40), 8, seed=13, dev_shots=4)
    assert len(pg.classify(model, template, verbalizer, dev)) == len(dev) == 8
    assert len(pg.answer_distribution(model, template, dev.iloc[0], top_k=4)) == 4
    events = []
    trained = pg.train(
        "p-tuning",
        model,
        template,
        verbalizer,
        train,
        dev,
        steps=3,
        seed=1,
        on_event=events.append,
    )
    assert isinstance(trained, pg.TrainedPrompt)
    assert [e["step"] for e in events if e["split"] == "train"] == [1, 2, 3]
    assert {e["split"] for e in events} == {"start", "map", "train", "dev", "snapshot"}
    trained.save(tmp_path)
    loaded = pg.TrainedPrompt.load(tmp_path, model)
    pd.testing.assert_frame_equal(loaded.classify(dev), trained.classify(dev))


def test_triggers_and_label_words_are_searched(model, prompt):
    template, verbalizer = prompt
    train, dev = pg.few_shot(tiny.toy_rows(40), 8, seed=13, dev_shots=4)
    events = []
    trained, found = pg.search(
        "autoprompt",
        model,
        template,
        verbalizer,
        train,
        dev,
        iterations=2,
        candidates=3,
        on_event=events.append,
    )
    assert isinstance(trained, pg.TrainedPrompt)
    assert len(found.triggers) == 3
    assert {event["split"] for event in events} == {"start", "search", "dev"}
    trained, found = pg.search("label-word-search", model, template, verbalizer, train, words=1)
    assert trained.verbalizer == found.read_verbalizer()
    assert trained.template == template
    assert [len(words) for words in trained.verbalizer.words.values()] == [1, 1]
    assert set(pg.searches()) == {"autoprompt", "label-word-search"}


def test_training_needs_neither_dev_rows_nor_a_listener(model, prompt):
    trained = pg.train("p-tuning", model, *prompt, tiny.toy_rows(6), steps=1)
    assert trained.step == 1


def test_mistakes_are_told_before_the_first_step(model, prompt):
    rows = tiny.toy_rows(6)
    with pytest.raises(pg.SettingsError) as caught:
        pg.train("p-tuning", model, *prompt, rows, step=1)
    assert caught.value.field == "step"
    with pytest.raises(pg.SettingsError):
        pg.train("magic", model, *prompt, rows)
    with pytest.raises(pg.DataError):
        pg.train("p-tuning", model, *prompt, rows.drop(columns="label"))


def test_methods_come_with_their_settings():
    found = pg.methods()["p-tuning"]
    assert found.description
    assert found.settings.model_fields["steps"].default > 0
    assert pg.methods() == pg.methods()  # though the package of that name is imported by now


def test_a_built_in_task_and_model_fit_together():
    task = pg.load_task("reviews")
    model = pg.load_model("pocket-bert")
    table = pg.classify(
        model,
        task.templates[0].template,
        task.verbalizers[-1].verbalizer,
        task.split("dev").head(4),
    )
    assert set(table["prediction"]) <= {"negative", "positive"}


def test_all_errors_are_of_one_family():
    for name in pg.__all__:
        if name.endswith("Error"):
            assert issubclass(getattr(pg, name), pg.PlaygroundError)
