import pandas as pd

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
