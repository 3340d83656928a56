"""The page's words: both languages say the same, and every word and every error has a sentence."""

import ast
import json
import re
import string
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pandas as pd
import pytest

from playground.errors import PlaygroundError, RunError
from playground.methods import TrainedPrompt, method, methods
from playground.methods.checkpoint import read_checkpoint
from playground.methods.comparison_settings import CalibrationKind
from playground.methods.search_check import refuse_soft_slots
from playground.methods.search_result import read_search
from playground.methods.searches import search_method, searches
from playground.methods.seeds import chosen_seeds
from playground.models import LanguageModel, encoding, load_model
from playground.page import text as page_text
from playground.page.answer_card import CALIBRATIONS
from playground.page.overlay_figures import overlay_figures
from playground.page.run_controls import ALLOWED
from playground.page.run_figures import learning_rate_figure, run_figures
from playground.page.study_figures import study_figures
from playground.page.text import catalogue, explain, language_of, say, shown, texts
from playground.prompts import Template, Verbalizer
from playground.runs import Runs, RunSpec
from playground.runs.run import State
from playground.settings import Settings
from playground.studies.store import State as StudyState
from playground.tasks import few_shot, load_task, parse_csv, read_csv, require_labels
from tests import tiny

PACKAGE = Path(page_text.__file__).parents[2]
PAGE = PACKAGE / "page"
ENGLISH = catalogue("en")
CHINESE: dict[str, str] = json.loads((PAGE / "text" / "zh-CN.json").read_text("utf-8"))
SENTENCES = {id.removeprefix("error."): text for id, text in CHINESE.items() if id[:6] == "error."}

TWO = Verbalizer({"negative": ["bad"], "positive": ["good"]})
ROWS = pd.DataFrame({"text": ["A", "B"], "label": ["negative", "positive"]})


def holes(text: str) -> set[str]:
    """The placeholders of a ``str.format`` pattern."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def is_chinese(text: str) -> bool:
    return re.search("[\u4e00-\u9fff]", text) is not None


def without_duplicates(pairs: list[tuple[str, str]]) -> dict[str, str]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# ---- the catalogues ----------------------------------------------------------------------------


@pytest.mark.parametrize("language", page_text.LANGUAGES)
def test_a_catalogue_goes_from_ids_to_texts(language: str) -> None:
    source = (PAGE / "text" / f"{language}.json").read_text("utf-8")
    strings = json.loads(source, object_pairs_hook=without_duplicates)
    assert all(isinstance(text, str) and text.strip() == text != "" for text in strings.values())


def test_both_languages_have_the_same_ids() -> None:
    assert {id for id in CHINESE if not id.startswith("error.")} == set(ENGLISH)


@pytest.mark.parametrize("id", ENGLISH)
def test_both_languages_fill_in_the_same_values(id: str) -> None:
    assert holes(CHINESE[id]) == holes(ENGLISH[id])


def test_say_fills_in() -> None:
    assert say("chips.cut", "en", count=3, field="text") == (
        "3 tokens of {text} did not fit and were cut."
    )
    assert say("chips.cut", "zh-CN", count=3, field="text").startswith("{text} ")


def test_an_unknown_label_is_an_error() -> None:
    with pytest.raises(KeyError):
        shown("header.nothing")


# ---- ids used by the page's Python -------------------------------------------------------------


@cache
def calls(folder: Path = PACKAGE) -> tuple[tuple[str, str, ast.Call], ...]:
    """Every call in the sources: where it is, the name of what is called, and the call."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                found.append((f"{path.relative_to(PACKAGE)}:{node.lineno}", name, node))
    return tuple(found)


def constants(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def first_arguments(*names: str) -> set[str]:
    """The literal first argument of every call of these functions in the page's sources."""
    return {
        node.args[0].value
        for _, name, node in calls(PAGE)
        if name in names and node.args and isinstance(node.args[0], ast.Constant)
    }


def id_pattern(quotes: str) -> re.Pattern[str]:
    """A string literal that begins as an id does, and is no file name."""
    kinds = "|".join(sorted({id.partition(".")[0] for id in ENGLISH}))
    files = r"(?:json|safetensors|csv|log)"
    return re.compile(rf"{quotes}((?:{kinds})\.(?!{files}\b)[a-z](?:[\w.-]*[\w-])?){quotes}")


def test_every_literal_id_has_a_text() -> None:
    used = first_arguments("shown", "say")
    literal = id_pattern("")
    for path in PAGE.rglob("*.py"):
        strings = constants(ast.parse(path.read_text("utf-8")))
        used |= {string for string in strings if literal.fullmatch(string)}
    assert len(used) > 40
    assert used - set(raised()) <= set(ENGLISH)


def test_every_prefix_has_texts() -> None:
    prefixes = set()
    for _, name, node in calls(PAGE):
        if name == "texts":
            prefixes |= {string for argument in node.args[1:] for string in constants(argument)}
    assert prefixes >= {"run.", "figure.", "verbalizer."}
    for prefix in prefixes:
        assert texts("zh-CN", prefix)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("train.{}", [*ALLOWED, *first_arguments("run_button")]),
        ("setting.{}", ["shots", "seed", "seeds"]),
        ("setting.{}.help", ["shots", "seed", "seeds"]),
        ("compare.{}", ["rows", "demonstrations", "templates", "verbalizers"]),
        ("compare.{}.help", ["rows", "demonstrations", "templates", "verbalizers"]),
        ("compare.calibration.{}", get_args(CalibrationKind)),
        ("calibration.{}", CALIBRATIONS),
        ("calibration.{}.note", CALIBRATIONS[1:]),
        ("run.state.{}", get_args(State)),
        (
            "chip.{}",
            [
                *(encoding.SPECIAL, encoding.TEXT, encoding.FIELD, encoding.ANSWER),
                *(encoding.SOFT, encoding.TRIGGER, "cut", "unknown"),
            ],
        ),
        ("figure.{}", ["token", "token_id", "probability", "logit", "rank", "label"]),
        ("figure.{}", ["other", "true_label"]),
    ],
)
def test_every_composed_id_has_a_text(pattern: str, names: list[str]) -> None:
    assert names
    assert {pattern.format(name) for name in names} <= set(ENGLISH)


@pytest.mark.parametrize("name", [*methods(), *searches()])
def test_every_method_and_setting_has_its_words(name: str) -> None:
    needed = {f"method.{name}", f"method.{name}.help"}
    for setting, info in (methods() | searches())[name].settings.model_fields.items():
        needed |= {f"setting.{setting}", f"setting.{setting}.help"}
        if get_origin(info.annotation) is Literal:
            needed |= {f"choice.{setting}.{value}" for value in get_args(info.annotation)}
    assert needed <= set(ENGLISH)


def test_what_the_browser_translates_has_nothing_to_fill_in() -> None:
    prefixes = ("setting.", "method.", "choice.", "train.")
    labels = first_arguments("shown") | {id for id in ENGLISH if id.startswith(prefixes)}
    for language in page_text.LANGUAGES:
        assert not [id for id in labels if set("{}<>") & set(catalogue(language)[id])]


# ---- ids used by the widgets -------------------------------------------------------------------

SCRIPTS = {path.name: path.read_text("utf-8") for path in sorted(PAGE.glob("*.js"))}
PANELS = re.findall(r'super\(holder, words, "(\w+)"\)', SCRIPTS["run_panels.js"])
FIGURES = run_figures()


def listed(script: str, head: str, end: str) -> set[str]:
    """The quoted names between ``head`` and ``end`` in a script."""
    _, found, rest = SCRIPTS[script].partition(head)
    assert found
    return set(re.findall(r'"(\w+)"', rest.partition(end)[0]))


# What stands for ${…} in the ids that the scripts compose. A new one has to be added here.
COMPOSED = {
    "run.title.${name}": {*FIGURES, *PANELS, *overlay_figures(), "map"},
    "run.${name}_waiting": set(PANELS),
    "run.${key}": {
        *listed("run_curves.js", "static keys = {", "};"),
        *listed("soft_token_map.js", "static keys = {", "};"),
    },
    "run.${trace.meta}": {trace["meta"] for figure in FIGURES.values() for trace in figure["data"]},
    "rate.${trace.meta}": {trace["meta"] for trace in learning_rate_figure()["data"]},
    "rate.${column}": listed("live_learning_rate.js", "const columns = [", "];"),
    "run.${column}": {
        *listed("run_curves.js", "const columns = [", "];"),
        *listed("seed_curves.js", "const columns = [", "];"),
        *listed("soft_token_map.js", "const columns = [", "];"),
        *listed("history_overlay.js", "const heads = [", "]"),
    },
    "run.${event.split}": {"train", "dev"},
    "run.state.${state}": set(get_args(State)),
    "run.phase.${phase.name}": {"template", "classifier"},
    "compare.${name}": listed("comparison_matrix.js", "const METRICS = [", "];"),
    "compare.${better}_is_better": {"lower", "higher"},
    "verbalizer.${name}": {"aggregation", "multi_token"},
    "verbalizer.${name}.${value}": {
        *(f"aggregation.{value}" for value in ("mean", "weighted", "max", "logsumexp")),
        *(f"multi_token.{value}" for value in ("first", "mean", "exact")),
    },
    "verbalizer.policy.${policy}": {"first", "mean", "exact"},
    "verbalizer.marked.${policy}": {"first", "mean", "exact"},
    "search.${column}": {"word", "gain", "loss", "accuracy"},
    "compare.only.${only}": {"all", "wrong", "disagree"},
    "study.title.${name}": set(study_figures()),
    "study.title.${card.name}": set(study_figures()),
    "study.title.${measure}": listed("study_lines.js", "const MEASURES = [", "];"),
    "study.${card.name}": listed("study_figures.js", "static NEEDS = [", "];"),
    "study.column.${column}": {
        *listed("study_figures.js", "const columns = [", "];"),
        *listed("study_cells.js", "const columns = [", "];"),
    },
    "study.cell.${state}": {"waiting", *get_args(State)},
    "study.cell.${cell.state}": {"waiting", *get_args(State)},
    "study.state.${state}": set(get_args(StudyState)),
    "study.state.${study.state}": set(get_args(StudyState)),
    "study.order.${id}": {"start", "resume", "pause", "cancel", "delete", "delete_sure"},
    "run.${split}": {"train", "dev"},
    "run.state.${row.state}": set(get_args(State)),
    "run.state.${member.state}": set(get_args(State)),
    "history.all.${name}": listed("history_filters.js", "static names = [", "];"),
    "history.${name}": {"name", "tags", "note"},
    "history.${column}": listed("history_table.js", "static columns = [", "];"),
    "history.${what}": {"restore", "purge"},
    "history.${id}": {"nothing_found", "nothing_deleted", "none_yet"},
    "history.go.${kind}": {"training", "search", "comparison"},
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_literal_id_of_a_script_has_a_text(script: str) -> None:
    assert set(id_pattern('"').findall(SCRIPTS[script])) <= set(ENGLISH)


def test_the_scripts_compose_no_other_ids() -> None:
    kinds = "|".join(sorted({id.partition(".")[0] for id in ENGLISH}))
    found: set[str] = set()
    for source in SCRIPTS.values():
        found |= set(re.findall(rf"`((?:{kinds})\.[^`]*\$\{{[^`]*)`", source))
    assert found == set(COMPOSED)


@pytest.mark.parametrize(("pattern", "names"), COMPOSED.items())
def test_every_id_that_a_script_composes_has_a_text(pattern: str, names: set[str]) -> None:
    assert names
    assert {re.sub(r"\$\{.*\}", name, pattern) for name in names} <= set(ENGLISH)


# ---- errors in the sources ---------------------------------------------------------------------

# Those that pass on a code that was raised elsewhere.
FORWARDS = re.compile(r"(errors|prompts/(syntax|labels)|runs/(store|run)|page/run_controls)\.py:")
HELPERS = ("verbalizer_error", "template_error")


@cache
def raised() -> dict[str, list[tuple[str, frozenset[str]]]]:
    """Every error code: where it is raised, and the names of the details given there."""
    found: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for place, name, node in calls():
        if place.startswith("models/pretraining/"):  # never on the page
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        code = given.pop("code", None)
        if name in HELPERS:
            code = code or node.args[0]
            if len(node.args) > 2 or "position" in given or "label" in given:
                own = {"verbalizer_error": ["label"], "template_error": ["character", "position"]}
                given |= dict.fromkeys(own[name])
        elif name == "set_state" and "details" in given:
            details = given["details"]
            given = dict.fromkeys(constants(details))
        if code is None:
            continue
        codes = [] if isinstance(code, ast.Subscript) else list(constants(code))
        assert codes or FORWARDS.match(place) or ast.unparse(code) == "error.code", place
        for one in codes:
            found.setdefault(one, []).append((place, frozenset(filter(None, given))))
    return found


def test_the_sources_were_read() -> None:
    assert len(raised()) > 70
    assert raised()["verbalizer.no_words"][0][1] == {"label"}
    assert "character" in raised()["template.unclosed_brace"][0][1]


def test_every_error_has_a_code() -> None:
    classes = {cls.__name__ for cls in PlaygroundError.__subclasses__()} | {"PlaygroundError"}
    bare = [
        place
        for place, name, node in calls()
        if name in classes and not any(keyword.arg == "code" for keyword in node.keywords)
    ]
    assert bare == []


def test_every_code_has_a_chinese_sentence() -> None:
    assert set(raised()) - set(SENTENCES) == set()
    assert [code for code, sentence in SENTENCES.items() if not is_chinese(sentence)] == []


@pytest.mark.parametrize("code", sorted(raised()))
def test_a_sentence_mentions_only_what_every_raise_gives(code: str) -> None:
    for place, details in raised()[code]:
        assert holes(SENTENCES[code]) <= details, place


def test_suggestions_are_given_by_that_name() -> None:
    assert holes(SENTENCES["suggestion"]) == {"suggestion"}


# ---- errors as they are raised -----------------------------------------------------------------


def environment(**values: str) -> Callable[[], object]:
    return lambda: Settings.from_environment(values)


def verbalizer(value: Any, colours: Any = None, **settings: Any) -> Callable[[], object]:
    return lambda: Verbalizer(value, colours, **settings)


def template(source: Any) -> Callable[[], object]:
    return lambda: Template(source)


def settings(**values: object) -> Callable[[], object]:
    return lambda: method("p-tuning").settings.checked(values)


RAISING: list[tuple[str, Callable[[], object]]] = [
    ("template.not_text", template(None)),
    ("template.empty", template(" ")),
    ("template.no_answer_slot", template("{text}")),
    ("template.nested_brace", template("{{text}} [MASK]")),
    ("template.unclosed_brace", template("{text")),
    ("template.misplaced_exclamation", template("{te!xt} [MASK]")),
    ("template.backslash_in_field", template("{te\\xt} [MASK]")),
    ("template.empty_field", template("{} [MASK]")),
    ("template.empty_filter", template("{text|} [MASK]")),
    ("template.unknown_filter", template("{text|lowr} [MASK]")),
    ("template.nested_bracket", template("[[MASK]]")),
    ("template.unclosed_bracket", template("[MASK")),
    ("template.unknown_slot", template("[MSAK]")),
    ("template.slot_options", template("[MASK*2]")),
    ("template.count_and_words", template("[SOFT*2:so] [MASK]")),
    ("template.bad_number", template("[SOFT*0] [MASK]")),
    ("template.field_in_words", template("[SOFT:{text}] [MASK]")),
    ("template.empty_words", template("[SOFT:] [MASK]")),
    ("template.share_conflict", template("[SOFT#1*2] [SOFT#1*3] [MASK]")),
    ("template.unknown_shape", lambda: Template("[MASK]").reshape("round")),  # type: ignore[arg-type]
    ("template.no_columns", lambda: Template("{text} [MASK]").check_fields([])),
    ("template.unknown_field", lambda: Template("{txt} [MASK]").check_fields(["text"])),
    ("verbalizer.empty", verbalizer({})),
    ("verbalizer.one_label", verbalizer({"good": ["good"]})),
    ("verbalizer.label_not_text", verbalizer({1: ["one"], "b": ["two"]})),
    ("verbalizer.empty_label", verbalizer({" ": ["one"], "b": ["two"]})),
    ("verbalizer.no_words", verbalizer({"a": [], "b": ["two"]})),
    ("verbalizer.word_not_text", verbalizer({"a": [1], "b": ["two"]})),
    ("verbalizer.comma_in_word", verbalizer({"a": ["so,so"], "b": ["two"]})),
    ("verbalizer.shared_word", verbalizer({"a": ["one"], "b": ["one"]})),
    ("verbalizer.duplicate_label", verbalizer({"a": ["one"], " a": ["two"]})),
    ("verbalizer.unknown_label", verbalizer({"a": ["one"], "b": ["two"]}, {"c": "#000000"})),
    ("verbalizer.bad_colour", verbalizer({"a": ["one"], "b": ["two"]}, {"a": "red"})),
    ("verbalizer.unequal_slots", verbalizer({"a": "one | two", "b": "three"})),
    ("verbalizer.no_slot_words", verbalizer({"a": "one | ", "b": "three | two"})),
    ("verbalizer.same_slots", verbalizer({"a": "one | two", "b": "one | two"})),
    ("verbalizer.unknown_choice", verbalizer({"a": "one", "b": "two"}, aggregation="sum")),
    ("verbalizer.not_weights", verbalizer({"a": "one", "b": "two"}, weights=[1])),
    ("verbalizer.weight_of_no_word", verbalizer({"a": "one", "b": "two"}, weights={"c": 1})),
    ("verbalizer.bad_weight", verbalizer({"a": "one", "b": "two"}, weights={"one": -1})),
    ("verbalizer.no_weight", verbalizer({"a": "one", "b": "two"}, weights={"one": 0})),
    (
        "verbalizer.unused_weights",
        verbalizer({"a": "one", "b": "two"}, weights={"one": 2}, aggregation="max"),
    ),
    ("verbalizer.not_labels", verbalizer([])),
    ("verbalizer.bad_json", lambda: Verbalizer.from_json("{")),
    ("verbalizer.not_rows", lambda: Verbalizer.from_rows([1])),  # type: ignore[list-item]
    ("verbalizer.word_count", lambda: TWO.scores(np.zeros((1, 3)))),
    ("data.no_file", lambda: read_csv("/no/such/file.csv")),
    ("data.empty", lambda: parse_csv("")),
    ("data.unnamed_column", lambda: parse_csv("a,\n1,2\n")),
    ("data.column_twice", lambda: parse_csv("a,a\n1,2\n")),
    ("data.row_length", lambda: parse_csv("a,b\n1\n")),
    ("data.bad_row", lambda: parse_csv('a,b\n"1,2\n')),
    ("data.no_rows", lambda: parse_csv("a,b\n")),
    ("data.no_label_column", lambda: require_labels(pd.DataFrame({"text": ["A"]}), TWO.labels)),
    ("data.unknown_label", lambda: require_labels(ROWS, ("positive", "neutral"))),
    ("data.missing_value", lambda: Template("{text} [MASK]").render({"text": None})),
    ("data.too_few_rows", lambda: few_shot(ROWS, 16, 0)),
    ("data.no_train_rows", lambda: few_shot(ROWS.assign(split="test"), 1, 0)),
    ("data.no_such_task", lambda: load_task("nothing")),
    ("model.no_name", lambda: load_model(" ")),
    ("model.no_folder", lambda: load_model("/no/such/folder")),
    ("model.no_precision", lambda: load_model("pocket-bert", precision="int1")),
    ("model.no_device", lambda: load_model("pocket-bert", device="cuda:77")),
    ("settings.unknown", settings(colour=1)),
    ("settings.invalid", settings(steps=0)),
    ("settings.invalid", settings(encoder="gru")),
    ("data.no_unlabelled", lambda: method("pet").settings.checked({}).check_unlabelled(0)),
    ("settings.no_such_method", lambda: method("magic")),
    ("settings.seeds", lambda: chosen_seeds(0, 13)),
    ("settings.no_such_method", lambda: search_method("magic")),
    ("settings.port", environment(GRADIO_SERVER_PORT="http")),
    ("settings.home", environment(PLAYGROUND_HOME="/dev/null/x")),
    ("prompt.unreadable", lambda: TrainedPrompt.describe("/no/such/folder")),
    ("search.soft_slots", lambda: refuse_soft_slots(Template("[SOFT] [MASK]"))),
    ("search.unreadable", lambda: read_search("/no/such/folder")),
    ("runs.bad_checkpoint", lambda: read_checkpoint(Path("/no/such/folder"), None, None)),  # type: ignore[arg-type]
]


def told(code: str, function: Callable[[], object]) -> str:
    """The Chinese sentence of the error that ``function`` raises."""
    with pytest.raises(PlaygroundError) as caught:
        function()
    return told_of(code, caught.value)


def told_of(code: str, error: PlaygroundError) -> str:
    assert error.code == code
    assert explain(error, "en") == error.message
    sentence = explain(error, "zh-CN")
    assert is_chinese(sentence)
    assert sentence != error.message
    assert not [name for name in holes(SENTENCES[code]) if error.details[name] is None]
    return sentence


@pytest.mark.parametrize(("code", "function"), RAISING)
def test_an_error_is_told_in_chinese(code: str, function: Callable[[], object]) -> None:
    told(code, function)


def test_a_sentence_has_its_values_and_its_braces() -> None:
    assert told("template.unclosed_brace", template("ab {text")) == (
        r"第 4 个字符处的 { 在本行内没有闭合。请补上 }；要写花括号本身，用 \{。"
    )


@pytest.mark.parametrize(
    ("code", "function", "suggestion"),
    [
        ("template.unknown_filter", template("{text|lowr} [MASK]"), "lower"),
        ("template.unknown_slot", template("[MSAK]"), "[MASK]"),
        (
            "template.unknown_field",
            lambda: Template("{txt} [MASK]").check_fields(["text"]),
            "{text}",
        ),
    ],
)
def test_a_suggestion_comes_last(
    code: str, function: Callable[[], object], suggestion: str
) -> None:
    assert told(code, function).endswith(f"。是不是想写 {suggestion}？")


def test_a_mistake_in_one_of_several_templates_is_told_with_its_line() -> None:
    further = {"further_templates": "{text} [MASK]\n{text [MASK]"}
    sentence = told("template.unclosed_brace", lambda: method("pet").settings.checked(further))
    assert sentence.endswith("（见其他模板的第 2 行）")


def test_without_a_suggestion_nothing_is_asked() -> None:
    assert "是不是" not in told("template.unknown_filter", template("{text|zzz} [MASK]"))


def test_a_setting_is_called_as_its_field_is_labelled() -> None:
    assert CHINESE["setting.steps"] in told("settings.invalid", settings(steps=0))


def test_what_has_no_sentence_stays_as_it_was_raised() -> None:
    assert explain(PlaygroundError("As it is.", code="no.such_code"), "zh-CN") == "As it is."
    poor = PlaygroundError("Without details.", code="verbalizer.no_words")
    assert explain(poor, "zh-CN") == "Without details."


def test_errors_of_files_and_folders(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(b"\xff\xff,\xff\n")
    told("data.encoding", lambda: read_csv(table))
    with table.open("wb") as file:
        file.truncate(20_000_001)
    told("data.too_large", lambda: read_csv(table))
    told("model.no_config", lambda: load_model(str(tmp_path)))
    (tmp_path / "config.json").write_text("{}")
    told("model.unreadable", lambda: load_model(str(tmp_path)))


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load_model("pocket-bert")


def test_errors_of_words_and_room(model: LanguageModel) -> None:
    plain = Template("{text!} It was [MASK].")
    unknown = Verbalizer({"a": ["\U00013000"], "b": ["good"]})
    told("verbalizer.unknown_word", lambda: model.label_words(plain, unknown))
    pieces = Verbalizer({"a": ["qzxvqzxv"], "b": ["qzxvqzxx"]})
    told("verbalizer.same_token", lambda: model.label_words(plain, pieces))
    slots = Verbalizer({"a": "good | bad", "b": "bad | good"})
    told("verbalizer.slot_count", lambda: model.label_reader(plain, slots))
    exact = {"a": "qzxvqzxv | bad", "b": "bad | good"}
    pair = Template("[MASK] {text} [MASK]")
    told(
        "verbalizer.exact_slots",
        lambda: model.label_reader(pair, Verbalizer(exact, multi_token="exact")),
    )
    told("template.unknown_truncation", lambda: Template("[MASK]", truncation="middle"))
    long = {"text": "good " * 2 * model.max_length}
    told("template.too_long", lambda: model.encode(plain, [long]))


def test_errors_of_other_models(model: LanguageModel, tmp_path: Path) -> None:
    causal = load_model(str(tiny.save_model(tmp_path / "gpt2", "gpt2")))
    cloze = Template("{text} It was [MASK].")
    told("template.causal_needs_prefix", lambda: causal.encode(cloze, [{"text": "A"}]))
    prompt = TrainedPrompt("p-tuning", model, cloze, TWO, vectors=None)
    prompt.save(tmp_path / "prompt")
    told("prompt.other_model", lambda: TrainedPrompt.load(tmp_path / "prompt", causal))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    runs = Runs(tmp_path / "home")
    yield runs
    runs.shutdown()
    runs.store.close()


@pytest.fixture
def run_id(runs: Runs) -> str:
    words = {"negative": ["bad"], "positive": ["good"]}
    return runs.store.create(
        RunSpec(method="p-tuning", model="m", template="{text} [MASK]", verbalizer=words)
    )


def test_errors_of_runs(runs: Runs, run_id: str) -> None:
    told("runs.unknown", lambda: runs.get("nothing"))
    with runs.store.folder(run_id).lock(0):
        runs.store.set_state(run_id, "running")
        sentence = told("runs.delete_running", lambda: runs.delete(run_id))
        assert "运行中" in sentence
    runs.store.set_state(run_id, "finished")
    told("runs.finished", lambda: runs.resume(run_id))
    sentence = told("runs.not_running", lambda: runs.pause(run_id))
    assert "已完成" in sentence
    runs.shutdown()
    told("runs.closing", lambda: runs.executor.start(run_id))


def test_the_reason_of_a_run_that_ended_can_be_told(runs: Runs, run_id: str) -> None:
    runs.store.set_progress(run_id, 7, 100)
    runs.store.set_state(run_id, "running")
    run = runs.get(run_id)
    assert "第 7 步" in told_of(
        "runs.interrupted", RunError(run.reason, code=run.code, **run.details)
    )


# ---- the reader's language ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, None, "en"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, "ZH-TW", "zh-CN"),
        (None, "de-DE,de;q=0.9", "en"),
        ("en", "zh-CN,zh;q=0.9", "en"),
        ("zh-CN", "en-GB", "zh-CN"),
        ("xx", "zh-CN", "zh-CN"),
        ("xx", "en", "en"),
    ],
)
def test_the_cookie_comes_before_the_browser(
    cookie: str | None, accepted: str | None, language: str
) -> None:
    request: Any = SimpleNamespace(
        cookies={} if cookie is None else {page_text.COOKIE: cookie},
        headers={} if accepted is None else {"accept-language": accepted},
    )
    assert language_of(request) == language


def test_without_a_request_it_is_english() -> None:
    assert language_of(None) == "en"
