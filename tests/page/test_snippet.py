"""The script that the page shows gives the page's numbers, whatever was typed."""

import ast
import contextlib
import io

import pytest

import playground as pg
from playground.page.snippet import python_snippet

NASTY = 'He said: "no\\n" \n{text} \\ \u2028 🎭 \'\'\' __import__("os")'
VERBALIZER = pg.Verbalizer({"negative": ["terrible"], 'po"sitive': ["great"]})


def test_it_runs_and_prints_what_the_library_says() -> None:
    template = pg.Template("{text} It was [MASK].")
    script = python_snippet("pocket-bert", template, VERBALIZER, {"text": NASTY}, ["text"])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script, "snippet", "exec"), {})
    model = pg.load_model("pocket-bert")
    assert str(pg.answer_distribution(model, template, {"text": NASTY})) in printed.getvalue()
    found = pg.classify(model, template, VERBALIZER, [{"text": NASTY}])
    assert str(found) in printed.getvalue()


@pytest.mark.parametrize("trained", [False, True])
def test_what_was_typed_stays_a_string(trained: bool) -> None:
    template = pg.Template('{text} "); import os; ([MASK]')
    row = {"text": NASTY}
    script = python_snippet('a"); x', template, VERBALIZER, row, ["text"], trained=trained)
    tree = ast.parse(script)
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert [alias.name for node in imported for alias in node.names] == ["playground"]
    assert NASTY in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
