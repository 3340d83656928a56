from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from playground.models import LanguageModel, load_model
from playground.models.pretraining.preparation import prepare
from tests import pretraining, tiny


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random model of a family."""

    @cache
    def folder(family: str) -> Path:
        return tiny.save_model(tmp_path_factory.mktemp(family), family)

    return folder


@pytest.fixture(scope="session")
def loaded(saved: Callable[[str], Path]) -> Callable[[str], LanguageModel]:
    """That model as the playground loads it, in float32. Shared: leave it as it is."""

    @cache
    def model(family: str) -> LanguageModel:
        return load_model(str(saved(family)), precision="float32")

    return model


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The prepared folder of a tiny recipe, ``"masked"`` or ``"causal"``: copy it to train in."""

    @cache
    def folder(kind: str) -> Path:
        corpus = pretraining.write_corpus(tmp_path_factory.mktemp("corpus"))
        target = tmp_path_factory.mktemp(kind)
        prepare(pretraining.RECIPES[kind], corpus, target, say=lambda _: None)
        return target

    return folder
