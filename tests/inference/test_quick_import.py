"""Importing transformers the quick way: nothing of it may be missed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny

BEGIN = """
import sys
from playground.inference.quick_import import import_quickly
import_quickly()
"""

ANSWERING = """
import sys
from playground.inference.service import Service
service = Service()
for folder in sys.argv[1:]:
    found = service.look(folder, "{text} it was [MASK]", {"text": "the cat"}, None, 3, None)
    best = found["answers"][0]
    print(best["token"], round(best["probability"], 4))
"""

LEFT_OUT = """
print({*sys.modules} & {"torch._inductor", "torch.distributed.tensor", "pandas", "pydantic"})
"""

ASKED_FOR_MORE = """
import torch
import transformers.masking_utils
assert "torch._inductor" not in sys.modules
doubled = torch.compile(lambda x: 2 * x, backend="eager")
print(float(doubled(torch.tensor(4.0))), torch._dynamo.utils.counters["frames"]["ok"])
"""


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [str(tiny.save_model(tmp_path_factory.mktemp(name), name)) for name in tiny.FAMILIES]


def test_every_family_answers_as_it_does_after_a_plain_import(folders: list[str]) -> None:
    plain = run(ANSWERING, *folders)
    assert run(BEGIN + ANSWERING, *folders) == plain
    assert len(plain.splitlines()) == len(folders)


def test_the_compiler_is_left_out_of_an_answer_and_pandas_too() -> None:
    assert run(BEGIN + ANSWERING + LEFT_OUT, "pocket-bert").splitlines()[-1] == "set()"


def test_who_wants_more_of_the_compiler_than_its_marks_gets_it() -> None:
    assert run(BEGIN + ASKED_FOR_MORE).splitlines() == ["8.0 1"]
