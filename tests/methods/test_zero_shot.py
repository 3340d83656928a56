"""Asking a model as it is: distributions and labels."""

import pandas as pd
import pytest
import torch

from playground.errors import DataError, TemplateError, VerbalizerError
from playground.methods import answer_distribution, classify
from playground.prompts import Template, Verbalizer

ROW = {"text": "the cat sat"}


class TestDistribution:
    COLUMNS = ("slot", "token", "token_id", "logit", "probability", "rank")

    def test_it_lists_the_most_probable_tokens_in_order(self, toy):
        table = answer_distribution(toy.model, toy.template, ROW, top_k=7)
        assert tuple(table.columns) == self.COLUMNS
        assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert table["probability"].is_monotonic_decreasing
        logits = toy.model.answer_logits(toy.model.encode(toy.template, [ROW]))[0, 0]
        assert table["token_id"].tolist() == logits.topk(7).indices.tolist()
        assert table["logit"].tolist() == pytest.approx(logits.topk(7).values.tolist())
        best = toy.model.token_text(int(logits.argmax()))
        assert table["token"].iloc[0] == best

    def test_the_whole_vocabulary_sums_to_one(self, toy):
        table = answer_distribution(toy.model, toy.template, ROW, top_k=10**6)
        assert len(table) == len(toy.model.tokenizer)
        assert table["probability"].sum() == pytest.approx(1)

    def test_each_slot_has_its_own(self, toy):
        table = answer_distribution(toy.model, Template("[MASK] {text} [MASK]"), ROW, top_k=3)
        assert table["slot"].tolist() == [0, 0, 0, 1, 1, 1]
        assert table["rank"].tolist() == [1, 2, 3, 1, 2, 3]

    def test_a_column_that_is_not_there(self, toy):
        with pytest.raises(TemplateError) as caught:
            answer_distribution(toy.model, toy.template, {"txt": "a"})
        assert caught.value.code == "template.unknown_field"


class TestClassifying:
    def test_probabilities_are_the_softmax_of_each_labels_mean_logit(self, toy):
        table = classify(toy.model, toy.template, toy.verbalizer, toy.dev)
        assert list(table.columns) == ["positive", "negative", "prediction"]
        encoded = toy.model.encode(toy.template, toy.dev.to_dict("records"))
        ids = toy.model.label_word_ids(toy.template, toy.verbalizer)
        great, good, terrible = toy.model.answer_logits(encoded, token_ids=ids)[:, 0].T
        expected = torch.stack([(great + good) / 2, terrible], dim=1).softmax(1)
        assert table["positive"].tolist() == pytest.approx(expected[:, 0].tolist(), rel=1e-4)
        assert (table["positive"] + table["negative"]).tolist() == pytest.approx([1] * len(table))

    def test_the_prediction_is_the_label_of_the_highest(self, toy):
        table = classify(toy.model, toy.template, toy.verbalizer, toy.dev)
        assert (table["prediction"] == table[["positive", "negative"]].idxmax(axis=1)).all()

    def test_rows_keep_their_order_whatever_their_length(self, toy):
        rows = [{"text": "so " * n} for n in (9, 1, 20, 3)]
        together = classify(toy.model, toy.template, toy.verbalizer, rows)
        alone = pd.concat(
            [classify(toy.model, toy.template, toy.verbalizer, [row]) for row in rows]
        )
        assert together["positive"].tolist() == pytest.approx(alone["positive"].tolist(), abs=1e-5)

    def test_no_rows_give_an_empty_table(self, toy):
        table = classify(toy.model, toy.template, toy.verbalizer, toy.dev.head(0))
        assert list(table.columns) == ["positive", "negative", "prediction"]
        assert len(table) == 0

    def test_a_row_without_a_value(self, toy):
        rows = pd.DataFrame({"text": ["good", None]})
        with pytest.raises(DataError) as caught:
            classify(toy.model, toy.template, toy.verbalizer, rows)
        assert caught.value.code == "data.missing_value"

    def test_words_that_the_model_cannot_tell_apart(self, toy):
        with pytest.raises(VerbalizerError):
            classify(toy.model, toy.template, Verbalizer({"a": ["Good"], "b": ["good"]}), [ROW])
