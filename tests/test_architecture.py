"""What holds the house together: which part may know which."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "playground"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each part may import those before it; those of one line do not know each other.
STOREYS = (
    {"errors", "garbage", "lazy", "processors", "recently_used", "version"},
    {"settings", "child_process", "prompts"},
    {"models", "tasks"},
    {"methods"},
    {"runs", "inference", "pretraining"},
    {"studies"},
    {"page", "gradio_import", "door"},
    {"boot"},
)
FLOOR = {part: floor for floor, parts in enumerate(STOREYS) for part in parts}
# The public API and the command line stand before the house. They open its doors, at most.
FRONT = {"__init__", "__main__", "cli"}
INSIDE = {"page", "door", "gradio_import"}

WEB = {"gradio", "gradio_client", "fastapi", "starlette", "uvicorn", "plotly"}
HEAVY = {"torch", "transformers", "gradio", "pandas"}


def part_of(path: Path) -> str:
    return _part(path.relative_to(PACKAGE).with_suffix("").parts)


def _part(names: Sequence[str]) -> str:
    """How the models were made is a part of its own: it measures them with the methods."""
    return "pretraining" if tuple(names[:2]) == ("models", "pretraining") else names[0]


def imports(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, anywhere in it: modules and what is taken of them."""
    package = path.relative_to(REPOSITORY).parent.parts
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join((*base, *filter(None, [node.module])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    """The parts of the playground that a file imports, ``__init__`` for the public API."""
    names = [name.split(".") for name in imports(path)]
    parts = [_part(name[1:]) if name[1:] else "" for name in names if name[0] == "playground"]
    return {part if part in FLOOR or part in FRONT else "__init__" for part in parts}


def distributions_imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_run_downwards(path: Path) -> None:
    part = part_of(path)
    if part in FRONT:
        assert not parts_imported(path) & INSIDE
        return
    assert part in FLOOR, f"{part} has no place in STOREYS"
    others = parts_imported(path) - {part}
    assert not {other for other in others if other in FRONT or FLOOR[other] >= FLOOR[part]}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_only_the_page_and_what_serves_it_know_the_web(path: Path) -> None:
    if part_of(path) not in {"page", "boot", "gradio_import"}:
        assert not distributions_imported(path) & WEB


@pytest.mark.parametrize("path", sorted((PACKAGE / "prompts").rglob("*.py")), ids=lambda p: p.name)
def test_prompts_need_no_engine(path: Path) -> None:
    assert not distributions_imported(path) & HEAVY


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    source = path.read_text("utf-8")
    assert len(source.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(source))


def test_importing_the_library_costs_no_engine() -> None:
    script = f"import sys, playground; print(*sorted({HEAVY!r} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == ""
