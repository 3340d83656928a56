from typing import Any

import pandas as pd
import pytest

from playground.errors import DataError, TemplateError
from playground.prompts import Template, Verbalizer
from playground.runs import RunSpec, plan

TABLE = pd.DataFrame(
    {"text": [f"text {n}" for n in range(8)], "label": ["bad", "good"] * 4},
)


def test_a_plan_keeps_how_words_are_scored_and_texts_are_cut() -> None:
    verbalizer = Verbalizer(
        {"bad": ["terrible", "bad"], "good": ["great", "good"]},
        aggregation="max",
        multi_token="mean",
    )
    template = Template("{text} It was [MASK].", truncation="head")
    spec = plan(
        method="p-tuning",
        model="pocket-bert",
        template=template,
        verbalizer=verbalizer,
        table=TABLE,
        dataset="made up",
        shots=2,
        settings={},
    ).spec
    again = type(spec).model_validate_json(spec.model_dump_json())
    assert Template(again.template, truncation=again.truncation) == template
    assert Verbalizer(again.verbalizer, again.colours, **again.verbalizer_settings) == verbalizer


def test_a_spec_of_before_there_were_such_settings_is_read() -> None:
    old = RunSpec.model_validate(
        {
            "method": "p-tuning",
            "model": "pocket-bert",
            "template": "{text} It was [MASK].",
            "verbalizer": {"bad": ["terrible"], "good": ["great"]},
        }
    )
    assert (old.kind, old.truncation, old.verbalizer_settings) == ("training", "balanced", {})


class TestUnlabelledRows:
    """Texts for the methods that learn from them: a table of the run's own, without labels."""

    TABLE = pd.DataFrame(
        {
            "text": [f"text {n}" for n in range(40)],
            "label": ["bad", "good"] * 20,
            "split": ["train"] * 20 + ["dev"] * 10 + ["test"] * 10,
        }
    )

    def plan(self, method: str = "pet", table: pd.DataFrame = TABLE, **more: Any) -> Any:
        given = {"settings": {}, **more}
        return plan(
            method=method,
            model="pocket-bert",
            template=Template("{text} It was [MASK]."),
            verbalizer=Verbalizer({"bad": ["terrible"], "good": ["great"]}),
            table=table,
            dataset="made up",
            shots=3,
            **given,
        )

    def test_they_are_those_that_are_left_without_their_labels(self) -> None:
        planned = self.plan()
        left = planned.unlabelled
        assert list(left.columns) == ["text"]
        kept = self.TABLE[self.TABLE["split"] != "test"]["text"]
        drawn = [*planned.train["text"], *planned.dev["text"], *left["text"]]
        assert sorted(drawn) == sorted(kept)
        assert planned.tables["unlabelled"] is left

    def test_at_most_as_many_as_asked_for_by_the_seed(self) -> None:
        few = [
            self.plan(settings={"unlabelled_rows": 5, "seed": seed}).unlabelled["text"].tolist()
            for seed in (1, 1, 2)
        ]
        assert few[0] == few[1] != few[2]
        assert len(few[0]) == 5

    def test_others_may_be_given(self) -> None:
        given = pd.DataFrame({"text": ["a", "b"], "label": ["what", "ever"]})
        planned = self.plan(unlabelled=given)
        assert sorted(planned.unlabelled["text"]) == ["a", "b"]
        assert list(planned.unlabelled.columns) == ["text"]
        with pytest.raises(TemplateError):
            self.plan(unlabelled=given.rename(columns={"text": "txt"}))

    def test_methods_that_have_no_use_for_them_get_none(self) -> None:
        for method in ("p-tuning", "prompt-fine-tuning"):
            planned = self.plan(method)
            assert planned.unlabelled is None
            assert set(planned.tables) == {"train", "dev", "pinned"}
        mixed = self.plan("prompt-fine-tuning", settings={"lm_loss_share": 1e-4})
        assert len(mixed.unlabelled) > 0

    def test_where_none_are_left_it_depends_on_the_method(self) -> None:
        table = self.TABLE.head(6).assign(split="train")
        mixed = self.plan("prompt-fine-tuning", table, settings={"lm_loss_share": 1e-4})
        assert len(mixed.unlabelled) == 0
        with pytest.raises(DataError) as caught:
            self.plan("pet", table)
        assert caught.value.code == "data.no_unlabelled"

    def test_further_templates_name_columns_too(self) -> None:
        with pytest.raises(TemplateError) as caught:
            self.plan(settings={"further_templates": "{text} [MASK]\n{txt} [MASK]"})
        assert caught.value.details["template_line"] == 2
