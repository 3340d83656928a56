from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from playground.prompts import Verbalizer
from playground.studies import StudyPlan, plan_study

TEMPLATE = "{text} It was [MASK]."
VERBALIZER = Verbalizer({"negative": ["terrible", "bad"], "positive": ["great", "good"]})


@pytest.fixture(scope="session")
def films() -> pd.DataFrame:
    """Eight rows a label to learn from, four to watch and four to measure on."""
    praise = ("a joy", "warm and funny", "a moving story", "well played")
    blame = ("a waste of time", "dull and too long", "an empty story", "badly played")
    splits = ("train", "train", "dev", "test")
    return pd.DataFrame(
        [
            (f"{text}, {number}", label, split)
            for number, split in enumerate(splits)
            for texts, label in ((praise, "positive"), (blame, "negative"))
            for text in texts
        ],
        columns=["text", "label", "split"],
    )


@pytest.fixture
def planned(films: pd.DataFrame) -> Callable[..., StudyPlan]:
    """Plans of small studies; keywords are fields of the spec instead of the plain ones."""

    def make(**fields: Any) -> StudyPlan:
        asked = {
            "dataset": "films",
            "methods": ("prompt-tuning", "head-fine-tuning"),
            "shots": (1, 4),
            "seeds": (13,),
            "templates": (TEMPLATE,),
            "models": ("pocket-bert",),
            **fields,
        }
        steps = {name: {"steps": 2} for name in asked["methods"]}
        return plan_study(
            verbalizer=VERBALIZER,
            table=fields.pop("table", films),
            **{"settings": steps, **{k: v for k, v in asked.items() if k != "table"}},
        )

    return make
