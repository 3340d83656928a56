"""A comparison finds what `classify` finds, cell by cell, and the same after any stop."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import playground
from playground.errors import (
    DataError,
    PlaygroundError,
    RunError,
    SettingsError,
    TemplateError,
    VerbalizerError,
)
from playground.methods import Calibration, Comparison, ComparisonResult, classify
from playground.methods import comparison as module
from playground.methods.comparison_result import read_comparison
from playground.models import LanguageModel, load_model
from playground.prompts import Template, Verbalizer
from tests import tiny

TEMPLATES = [Template("{text} It was [MASK]."), Template("so [MASK]: {text}"), Template("[MASK]")]
VERBALIZERS = [
    Verbalizer({"positive": ["great", "good"], "negative": ["terrible"]}),
    Verbalizer({"negative": ["bad", "boring"], "positive": ["good"]}),  # in another order
]
CELLS = [(template, verbalizer) for template in range(3) for verbalizer in range(2)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that few rows are several chunks of several batches."""
    monkeypatch.setattr(module, "CHUNK", 32)
    monkeypatch.setattr(LanguageModel, "batch_rows", 7)


def make(toy, **options: Any) -> Comparison:
    return Comparison(toy.model, TEMPLATES, VERBALIZERS, toy.dev, **options)


def walked(comparison: Comparison) -> list[dict[str, Any]]:
    return [event for event in comparison if event is not None]


def result_of(comparison: Comparison) -> ComparisonResult:
    walked(comparison)
    return comparison.result()


def expected(toy, template: int, verbalizer: int, **options: Any) -> np.ndarray:
    found = classify(toy.model, TEMPLATES[template], VERBALIZERS[verbalizer], toy.dev, **options)
    return found[["positive", "negative"]].to_numpy()


# ---- what is found -----------------------------------------------------------------------------


def test_every_cell_is_what_classify_finds(toy):
    result = result_of(make(toy))
    assert result.labels == ("positive", "negative")
    for cell in CELLS:
        found = result.examples(*cell)
        np.testing.assert_allclose(found[list(result.labels)], expected(toy, *cell), rtol=1e-5)
        by_classify = classify(toy.model, TEMPLATES[cell[0]], VERBALIZERS[cell[1]], toy.dev)
        assert found["prediction"].tolist() == by_classify["prediction"].tolist()
        assert found["label"].tolist() == toy.dev["label"].tolist()
    assert not result.prior.any()


def test_one_forward_pass_serves_all_verbalizers(toy, monkeypatch):
    seen: list[tuple[int, int]] = []
    answer = toy.model.answer_logits

    def counted(batch, *, token_ids, **options: Any):
        seen.append((len(batch), len(token_ids)))
        return answer(batch, token_ids=token_ids, **options)

    monkeypatch.setattr(toy.model, "answer_logits", counted)
    comparison = make(toy)
    walked(comparison)
    assert len(seen) == comparison.steps == comparison.step
    assert sum(count for count, _ in seen) == len(TEMPLATES) * len(toy.dev)
    words = {word for verbalizer in VERBALIZERS for word in verbalizer.all_words}
    assert {width for _, width in seen} == {len(words)}


def test_where_nobody_listens_nothing_is_measured(toy, monkeypatch):
    expected_scores = result_of(make(toy)).log_probabilities

    def refused(*_: object, **__: object):
        raise AssertionError("nobody asked")

    monkeypatch.setattr(ComparisonResult, "measure", refused)
    found = playground.compare(toy.model, TEMPLATES, VERBALIZERS, toy.dev)
    np.testing.assert_array_equal(found.log_probabilities, expected_scores)


def test_the_ensemble_is_the_mean_of_the_log_probabilities(toy):
    result = result_of(make(toy))
    for verbalizer in range(2):
        logs = [np.log(expected(toy, template, verbalizer)) for template in range(3)]
        mean = np.exp(np.mean(logs, 0))
        mean /= mean.sum(1, keepdims=True)
        found = result.examples(result.ensemble, verbalizer)
        np.testing.assert_allclose(found[list(result.labels)], mean, rtol=1e-4)


@pytest.mark.parametrize(
    ("kind", "with_train"), [("contextual", False), ("texts", True), ("texts", False)]
)
def test_calibration_is_that_of_classify(toy, kind, with_train):
    result = result_of(make(toy, calibration=kind, train=toy.train if with_train else None))
    for template, verbalizer in CELLS:
        prompt = (toy.model, TEMPLATES[template], VERBALIZERS[verbalizer])
        if kind == "contextual":
            calibration = Calibration.contextual(*prompt)
        else:
            calibration = Calibration.over_texts(*prompt, toy.train if with_train else toy.dev)
        found = result.examples(template, verbalizer, calibrated=True)
        after = expected(toy, template, verbalizer, calibration=calibration)
        np.testing.assert_allclose(found[list(result.labels)], after, rtol=1e-4)
        raw = result.examples(template, verbalizer)
        np.testing.assert_allclose(
            raw[list(result.labels)], expected(toy, template, verbalizer), rtol=1e-5
        )


def test_demonstrations_stand_in_front(toy):
    result = result_of(make(toy, train=toy.train, demonstrations=2))
    demonstrations = module.Demonstrations(toy.train, result.labels, 2, 13)
    for template, verbalizer in CELLS:
        longer = demonstrations.before(
            TEMPLATES[template], VERBALIZERS[verbalizer], toy.dev.to_dict("records")
        )
        one_by_one = [
            classify(toy.model, own, VERBALIZERS[verbalizer], [row])
            for own, row in zip(longer[:5], toy.dev.to_dict("records"), strict=False)
        ]
        found = result.examples(template, verbalizer)[["positive", "negative"]]
        wanted = pd.concat(one_by_one)[["positive", "negative"]]
        np.testing.assert_allclose(found.head(5), wanted, rtol=1e-4)


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_verbalizers_of_every_kind_share_a_comparison(tmp_path, family):
    model = load_model(str(tiny.save_model(tmp_path, family)), precision="float32")
    words = {"positive": ["wonderfully", "good"], "negative": ["terribly"]}
    verbalizers = [
        Verbalizer({"negative": ["bad"], "positive": ["good", "great"]}, aggregation="max"),
        Verbalizer(words, multi_token="exact"),
        Verbalizer(words, multi_token="mean", weights={"good": 2.0}),
    ]
    rows, template = tiny.toy_rows(20), Template("{text} It was [MASK]", truncation="tail")
    result = playground.compare(model, [template], verbalizers, rows)
    for number, verbalizer in enumerate(verbalizers):
        wanted = classify(model, template, verbalizer, rows)
        found = result.examples(0, number)
        np.testing.assert_allclose(found["negative"], wanted["negative"], rtol=1e-4)
    rows = rows.head(3)
    result = playground.compare(
        model, [template], verbalizers, rows, train=tiny.toy_rows(8, seed=5), demonstrations=2
    )
    shown = module.Demonstrations(tiny.toy_rows(8, seed=5), ("negative", "positive"), 2, 13)
    for number, verbalizer in enumerate(verbalizers):
        longer = shown.before(template, verbalizer, rows.to_dict("records"))
        assert {own.truncation for own in longer} == {"tail"}
        wanted = classify(model, longer[0], verbalizer, rows.head(1))
        found = result.examples(0, number)["negative"][0]
        assert found == pytest.approx(wanted["negative"][0], rel=1e-4)


def test_several_answer_slots_are_summed(toy):
    template = Template("{text} [MASK] it was [MASK].")
    verbalizer = Verbalizer({"positive": "so | great", "negative": "so | bad"})
    result = playground.compare(toy.model, [template], [verbalizer], toy.dev)
    wanted = classify(toy.model, template, verbalizer, toy.dev)
    np.testing.assert_allclose(result.examples(0, 0)["positive"], wanted["positive"], rtol=1e-5)


def test_a_causal_model_compares_prefix_templates(tmp_path):
    model = load_model(str(tiny.save_model(tmp_path, "gpt2")), precision="float32")
    rows = tiny.toy_rows(9)
    templates = [Template("{text} It was [MASK]"), Template("Text: {text}\nMood: [MASK]")]
    result = playground.compare(model, templates, VERBALIZERS[:1], rows)
    for number, template in enumerate(templates):
        wanted = classify(model, template, VERBALIZERS[0], rows)
        np.testing.assert_allclose(
            result.examples(number, 0)["positive"], wanted["positive"], rtol=1e-4
        )


def test_the_table_has_a_row_for_each_cell(toy):
    table = result_of(make(toy, calibration="texts")).table()
    assert len(table) == (3 + 1) * 2
    assert table["template"].tolist()[::2] == [*map(str, TEMPLATES), "(ensemble)"]
    right = expected(toy, 1, 0).argmax(1) == (toy.dev["label"] == "negative")
    cell = table[(table["template"] == str(TEMPLATES[1])) & (table["verbalizer"] == 0)].iloc[0]
    assert cell["accuracy"] == pytest.approx(right.mean())
    assert cell["accuracy_low"] <= cell["accuracy"] <= cell["accuracy_high"]
    assert {f"calibrated_{name}" for name in ("accuracy", "macro_f1")} <= set(table.columns)
    assert (table["count"] == len(toy.dev)).all()
    alone = playground.compare(toy.model, TEMPLATES[:1], VERBALIZERS[:1], toy.dev).table()
    assert len(alone) == 1
    assert "calibrated_accuracy" not in alone.columns


# ---- events ------------------------------------------------------------------------------------


def test_events_tell_of_every_cell_until_it_is_done(toy, monkeypatch):
    monkeypatch.setattr(module, "NEWS_SECONDS", 0.0)
    monkeypatch.setattr(module, "NEWS_SHARE", float("inf"))
    comparison = make(toy, calibration="contextual")
    events = walked(comparison)
    steps = [event["step"] for event in events]
    assert len(set(steps)) == len(steps)
    assert {event["split"] for event in events} == {"compare"}
    last = {}
    for event in events:
        for cell in event["cells"]:
            place = (cell["template"], cell["verbalizer"])
            assert cell["count"] > last.get(place, {"count": 0})["count"]
            assert cell["done"] == (cell["count"] == len(toy.dev))
            assert (cell["raw"]["accuracy_low"] is None) == (not cell["done"])
            last[place] = cell
    assert set(last) == {*CELLS, (3, 0), (3, 1)}
    assert all(cell["done"] for cell in last.values())
    result = comparison.result()
    assert last == {place: result.measure(*place) for place in last}
    assert np.sum(last[3, 1]["calibrated"]["confusion"]) == len(toy.dev)


def test_finished_cells_are_told_at_once_and_others_now_and_then(toy):
    events = walked(make(toy))
    done = [event for event in events if event["cells"][0]["done"]]
    assert len(done) == len(TEMPLATES)
    assert [len(event["cells"]) for event in done] == [2, 2, 4]
    assert done[-1]["step"] == make(toy).steps
    assert all(event["cells"][0]["calibrated"] is None for event in events)


def test_rows_so_far_are_a_sample_of_all(toy):
    rows = toy.dev.sort_values("label")
    comparison = Comparison(toy.model, TEMPLATES, VERBALIZERS, rows)
    for _ in comparison:
        if comparison.step == 5:
            break
    seen = comparison.result().done(0, 0)
    assert 30 <= seen.sum() <= 35
    assert 0.25 < rows["label"][seen].eq("positive").mean() < 0.75


# ---- stopping and going on ---------------------------------------------------------------------


def stopped(comparison: Comparison, step: int) -> Comparison:
    for _ in comparison:
        if comparison.step == step:
            return comparison
    return comparison


@pytest.mark.parametrize("step", [0, 1, 4, 5, 13, 26, 39])
def test_a_stopped_comparison_goes_on_to_the_same_results(toy, tmp_path, step):
    options = {"calibration": "texts", "train": toy.train}
    whole = result_of(make(toy, **options))
    first = stopped(make(toy, **options), step)
    first.save_checkpoint(tmp_path)
    second = make(toy, **options)
    second.load_checkpoint(tmp_path)
    assert second.step == first.step
    found = result_of(second)
    assert second.step == second.steps
    np.testing.assert_array_equal(found.log_probabilities, whole.log_probabilities)
    np.testing.assert_array_equal(found.prior, whole.prior)


def test_it_goes_on_where_batches_are_usually_of_another_size(toy, tmp_path, monkeypatch):
    whole = result_of(make(toy))
    stopped(make(toy), 6).save_checkpoint(tmp_path)
    monkeypatch.setattr(LanguageModel, "batch_rows", 16)
    second = make(toy)
    assert second.steps < make(toy).batch_size * 100
    second.load_checkpoint(tmp_path)
    found = result_of(second)
    assert second.step == second.steps
    np.testing.assert_array_equal(found.log_probabilities, whole.log_probabilities)


def test_a_checkpoint_of_other_settings_is_refused(toy, tmp_path):
    make(toy).save_checkpoint(tmp_path)
    with pytest.raises(RunError) as caught:
        make(toy, calibration="contextual").load_checkpoint(tmp_path)
    assert caught.value.code == "runs.bad_checkpoint"
    with pytest.raises(RunError):
        make(toy).load_checkpoint(tmp_path / "nothing")


def test_what_is_left_at_a_stop_is_usable(toy, tmp_path):
    comparison = stopped(make(toy, calibration="texts"), 14)
    comparison.results()["comparison"].save(tmp_path)
    found = read_comparison(tmp_path)
    assert found.done(0, 1).all()
    assert 0 < found.done(1, 0).sum() < len(toy.dev)
    assert not found.done(2, 0).any()
    assert not found.done(found.ensemble, 0).any()
    assert found.examples(1, 0)["prediction"].notna().sum() == found.done(1, 0).sum()
    table = found.table()
    assert table["count"].tolist()[:2] == [len(toy.dev)] * 2
    assert table["accuracy"].isna().tolist()[-4:] == [True] * 4
    assert table["calibrated_accuracy"].notna().tolist()[:4] == [True] * 4


def test_what_is_saved_is_read_without_the_engine(toy, tmp_path):
    result = result_of(make(toy, calibration="contextual"))
    result.save(tmp_path)
    found = read_comparison(tmp_path)
    assert (found.templates, found.labels) == (result.templates, result.labels)
    assert [Verbalizer(**one) for one in found.verbalizers] == VERBALIZERS
    for name in ("log_probabilities", "prior", "truth"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name))
    (tmp_path / "comparison.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError) as caught:
        read_comparison(tmp_path)
    assert caught.value.code == "comparison.unreadable"


# ---- what is refused ---------------------------------------------------------------------------


def refusal(kind: type[PlaygroundError], toy, **given: Any) -> PlaygroundError:
    options = {"templates": TEMPLATES, "verbalizers": VERBALIZERS, "rows": toy.dev, **given}
    with pytest.raises(kind) as caught:
        Comparison(toy.model, **options)
    return caught.value


def test_only_so_much_is_compared(toy):
    error = refusal(SettingsError, toy, templates=TEMPLATES * 3)
    assert error.message == "A comparison takes from 1 to 8 templates, and there are 9."
    assert (error.code, error.field) == ("settings.comparison_size", "templates")
    assert refusal(SettingsError, toy, verbalizers=VERBALIZERS * 3).field == "verbalizers"
    assert refusal(SettingsError, toy, templates=[]).field == "templates"
    assert refusal(SettingsError, toy, demonstrations=9).field == "demonstrations"
    assert refusal(SettingsError, toy, calibration="both").field == "calibration"
    assert refusal(SettingsError, toy, seed=-1).field == "seed"


def test_verbalizers_are_for_the_same_labels(toy):
    other = Verbalizer({"positive": ["good"], "neutral": ["so"]})
    error = refusal(VerbalizerError, toy, verbalizers=[*VERBALIZERS, other])
    assert (error.code, error.details["verbalizer"]) == ("comparison.other_labels", 2)


def test_rows_are_named_by_number(toy):
    rows = toy.dev.copy()
    rows.loc[4, "text"] = None
    error = refusal(DataError, toy, rows=rows)
    assert (error.row, error.code) == (5, "data.missing_value_in_row")
    rows = toy.dev.copy()
    rows.loc[2, "label"] = "neutral"
    error = refusal(DataError, toy, rows=rows)
    assert (error.row, error.code) == (3, "data.unknown_label")
    assert refusal(DataError, toy, rows=toy.dev.head(0)).code == "data.no_rows"


def test_a_row_that_does_not_fit_is_named(toy):
    rows = toy.dev.copy()
    rows.loc[40, "text"] = "film " * 100
    templates = [TEMPLATES[0], Template("{text!} It was [MASK].")]
    comparison = Comparison(toy.model, templates, VERBALIZERS, rows)
    with pytest.raises(TemplateError, match="Row 41 of those compared has 106 tokens") as caught:
        walked(comparison)
    assert (caught.value.code, caught.value.details["template"]) == ("comparison.row_too_long", 1)
    assert comparison.result().done(0, 0).all()


def test_a_chinese_table_is_compared(toy):
    rows = pd.DataFrame(
        {"text": ["这部电影很好", "很差。", "好！"], "label": ["好评", "差评", "好评"]}
    )
    templates = [Template("{text}。总之很[MASK]。"), Template("很[MASK]：{text}")]
    verbalizer = Verbalizer({"好评": "好", "差评": "差"})
    result = playground.compare(toy.model, templates, [verbalizer], rows)
    for number, template in enumerate(templates):
        wanted = classify(toy.model, template, verbalizer, rows)
        np.testing.assert_allclose(result.examples(number, 0)["好评"], wanted["好评"], rtol=1e-5)
    shown = playground.compare(
        toy.model, templates, [verbalizer], rows.tail(1), train=rows.head(2), demonstrations=2
    )
    assert shown.table()["count"].tolist() == [1, 1, 1]


def test_the_prompt_at_fault_is_told(toy):
    error = refusal(TemplateError, toy, templates=[*TEMPLATES, Template("{txt} [MASK]")])
    assert (error.code, error.details["template"]) == ("template.unknown_field", 3)
    unknown = Verbalizer({"positive": ["\U00013000"], "negative": ["bad"]})
    error = refusal(VerbalizerError, toy, verbalizers=[*VERBALIZERS, unknown])
    assert (error.code, error.details["verbalizer"]) == ("verbalizer.unknown_word", 2)


def test_demonstrations_need_rows_to_show(toy):
    error = refusal(DataError, toy, demonstrations=2)
    assert error.code == "data.too_few_demonstrations"
