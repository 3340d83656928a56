"""The command line, run in this process where that can be, with real models and one real run."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground.cli import main
from playground.methods import Comparison
from playground.prompts import read_label_line
from playground.tasks import hub, load_task

REPOSITORY = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "playground"]
TEMPLATE = "{text} It was [MASK]."
LABELS = "negative=terrible,bad;positive=great,good"

Capture = pytest.CaptureFixture[str]
Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test, and a terminal too wide to break sentences."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "300")
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "films.csv"
    path.write_text("text,label\nA lovely film.,positive\nA dull film.,negative\n")
    return str(path)


@pytest.fixture
def refused(capsys: Capture) -> Refused:
    """Runs a command that must fail for a person's mistake; returns the sentence that says so."""

    def run(*arguments: str) -> str:
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "Traceback" not in printed.err
        return printed.err

    return run


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class TestHelp:
    @pytest.mark.parametrize(
        "command",
        [
            *([], ["models"], ["distribution"], ["classify"], ["compare"], ["train"]),
            *(["search"], ["runs"], ["runs", "list"]),
        ],
    )
    def test_every_command_explains_itself(self, command: list[str], capsys: Capture) -> None:
        with pytest.raises(SystemExit) as end:
            main([*command, "--help"])
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith("usage: python -m playground")

    def test_serve_shows_the_flags_of_the_server(self, capsys: Capture) -> None:
        with pytest.raises(SystemExit):
            main(["serve", "--help"])
        assert "--port" in capsys.readouterr().out

    def test_help_loads_neither_torch_nor_pandas(self) -> None:
        code = (
            "import sys\n"
            "from playground.cli import main\n"
            "commands = ('classify', 'compare', 'train', 'search', 'runs', 'serve')\n"
            "for command in ([], *([name] for name in commands)):\n"
            "    try: main([*command, '--help'])\n"
            "    except SystemExit: pass\n"
            "print('loaded:', {'torch', 'pandas', 'gradio'} & set(sys.modules))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert ended.stdout.splitlines()[-1:] == ["loaded: set()"], ended.stderr

    def test_each_method_shows_its_settings(self, capsys: Capture) -> None:
        from playground.methods import methods

        for name, method in methods().items():
            with pytest.raises(SystemExit):
                main(["train", name, "--help"])
            shown = capsys.readouterr().out
            assert method.description in shown
            for setting, field in method.settings.model_fields.items():
                assert f"--{setting.replace('_', '-')}" in shown
                assert field.description in shown

    def test_settings_show_range_default_and_choices(self, capsys: Capture) -> None:
        with pytest.raises(SystemExit):
            main(["train", "p-tuning", "--help"])
        shown = capsys.readouterr().out
        assert "(from 1 up to 100000; default: 100)" in shown
        assert "--encoder {lstm,mlp,none}" in shown
        assert "--tune-model, --no-tune-model" in shown

    def test_train_alone_lists_the_methods(self, capsys: Capture) -> None:
        assert main(["train"]) == 0
        assert "\np-tuning " in capsys.readouterr().out


def test_models_are_described_without_loading_them(capsys: Capture) -> None:
    from playground import load_model

    assert main(["models"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    described = {name: (kind, parameters) for name, kind, parameters, *_ in rows}
    model = load_model("pocket-bert")
    assert described["pocket-bert"] == (model.kind, f"{model.parameters:,}")


class TestDistribution:
    def test_table(self, capsys: Capture) -> None:
        command = ["distribution", "--template", TEMPLATE, "--text", "A film.", "--top-k", "3"]
        assert main(command) == 0
        heads, *rows = capsys.readouterr().out.splitlines()
        assert heads.split() == ["RANK", "TOKEN", "PROBABILITY", "LOGIT"]
        assert [row.split()[0] for row in rows] == ["1", "2", "3"]

    def test_several_slots_and_fields(self, capsys: Capture) -> None:
        template = "{first} and {second}: [MASK] [MASK]"
        fields = ["--field", "first=one", "--field", "second=a=b"]
        assert main(["distribution", "--template", template, *fields, "--top-k", "1"]) == 0
        heads, *rows = capsys.readouterr().out.splitlines()
        assert heads.startswith("SLOT")
        assert [row.split()[0] for row in rows] == ["1", "2"]

    def test_csv_and_json_say_the_same(self, capsys: Capture) -> None:
        command = ["distribution", "--template", TEMPLATE, "--text", "A film.", "--format"]
        assert main([*command, "csv"]) == 0
        rows = read_csv(capsys.readouterr().out)
        assert main([*command, "json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [row["token"] for row in rows] == [item["token"] for item in found]
        assert len(found) == 10

    def test_mistakes_are_sentences(self, refused: Refused, tmp_path: Path) -> None:
        assert "no answer slot" in refused("distribution", "--template", "{text}", "--text", "x")
        assert '--field text="…"' in refused("distribution", "--template", TEMPLATE)
        assert "Which template?" in refused("distribution", "--text", "x")
        folder = str(tmp_path)
        assert "holds no trained prompt" in refused("distribution", "--prompt", folder)

    @pytest.mark.parametrize("wrong", [["--top-k", "0"], ["--field", "text"]])
    def test_wrong_options_end_with_2(self, wrong: list[str], capsys: Capture) -> None:
        with pytest.raises(SystemExit) as end:
            main(["distribution", "--template", TEMPLATE, *wrong])
        assert end.value.code == 2
        assert f"“{wrong[1]}” is not" in capsys.readouterr().err


class TestClassify:
    def test_built_in_dataset_brings_its_prompt(self, capsys: Capture) -> None:
        assert main(["classify", "--data", "reviews", "--split", "dev"]) == 0
        printed = capsys.readouterr()
        rows = read_csv(printed.out)
        right = sum(row["label"] == row["prediction"] for row in rows)
        assert {row["split"] for row in rows} == {"dev"}
        assert float(rows[0]["negative"]) + float(rows[0]["positive"]) == pytest.approx(1, abs=1e-5)
        assert f"{right} of {len(rows)} rows" in printed.err

    def test_table_of_ones_own(self, data: str, tmp_path: Path, capsys: Capture) -> None:
        output = tmp_path / "labelled.csv"
        command = ["classify", "--template", TEMPLATE, "--labels", LABELS]
        assert main([*command, "--data", data, "--output", str(output)]) == 0
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "of 2 rows" in printed.err
        # labelled again, the columns do not double
        assert main([*command, "--data", str(output)]) == 0
        assert capsys.readouterr().out == output.read_text()

    def test_verbalizer_file_with_other_labels(
        self, data: str, tmp_path: Path, capsys: Capture
    ) -> None:
        file = tmp_path / "labels.json"
        file.write_text('{"negative": ["bad"], "fine": ["good"]}')
        command = ["classify", "--template", TEMPLATE, "--verbalizer", str(file), "--data", data]
        assert main(command) == 0
        assert "1 rows have none of the labels negative, fine." in capsys.readouterr().err

    def test_mistakes_are_sentences(
        self, refused: Refused, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = ("classify", "--data", data)
        assert "no file “nope.csv”" in refused("classify", "--data", "nope.csv")
        monkeypatch.setattr(hub, "SERVER", "http://127.0.0.1:9")
        assert "could not be fetched" in refused("classify", "--data", "no-such/dataset")
        assert "Which template?" in refused(*own)
        assert "Which labels?" in refused(*own, "--template", TEMPLATE)
        assert "no column" in refused(*own, "--template", "{txt} [MASK]", "--labels", LABELS)
        assert "leave out --split" in refused(*own, "--split", "dev")
        assert "There are: dev" in refused("classify", "--data", "reviews", "--split", "nope")
        assert "no colon" in refused(*own, "--template", TEMPLATE, "--labels", "a;b=c")
        assert "has no words" in refused(*own, "--template", TEMPLATE, "--labels", "a=;b=c")
        missing = str(tmp_path / "none.json")
        assert missing in refused(*own, "--template", TEMPLATE, "--verbalizer", missing)
        trained = ("--prompt", str(tmp_path), "--labels", LABELS)
        assert "brings its own labels" in refused(*own, *trained)


class TestCompare:
    def test_built_in_dataset_brings_its_prompts(self, capsys: Capture) -> None:
        task = load_task("reviews")
        command = ["compare", "--data", "reviews", "--rows", "8", "--calibration", "contextual"]
        assert main(command) == 0
        cells = read_csv(capsys.readouterr().out)
        assert len(cells) == (len(task.templates) + 1) * len(task.verbalizers)
        assert cells[-1]["template"] == "(ensemble)"
        for cell in cells:
            assert cell["count"] == "8"
            low, accuracy, high = (
                float(cell[name]) for name in ("accuracy_low", "accuracy", "accuracy_high")
            )
            assert low <= accuracy <= high
            assert 0 <= float(cell["calibrated_calibration_error"]) <= 1

    def test_prompts_and_table_of_ones_own(
        self, data: str, tmp_path: Path, capsys: Capture
    ) -> None:
        files = {name: tmp_path / f"{name}.csv" for name in ("output", "predictions")}
        with Path(data).open("a") as file:
            file.write("A fine film.,positive\nA noisy film.,negative\n")
        words = tmp_path / "labels.json"
        words.write_text('{"negative": ["boring"], "positive": ["fun"]}')
        templates = (TEMPLATE, "So [MASK]: {text}")
        command = ["compare", "--data", data, "--demonstrations", "1"]
        command += [part for template in templates for part in ("--template", template)]
        command += ["--labels", LABELS, "--verbalizer", str(words)]
        command += [part for name, path in files.items() for part in (f"--{name}", str(path))]
        assert main(command) == 0
        assert capsys.readouterr().out == ""
        cells = read_csv(files["output"].read_text())
        second = "negative: boring; positive: fun"
        assert [cell["verbalizer"] for cell in cells[1::2]] == [second] * 3
        rows = read_csv(files["predictions"].read_text())
        assert [row["text"] for row in rows][:2] == ["A lovely film.", "A dull film."]
        for cell in cells[1:4:2]:
            predicted = [row[f"{cell['template']} {second}"] for row in rows]
            right = sum(row["label"] == at for row, at in zip(rows, predicted, strict=True))
            assert float(cell["accuracy"]) == right / 4

    def test_ctrl_c_prints_what_there_is(
        self, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(comparison: Comparison) -> Iterator[None]:
            yield None
            raise KeyboardInterrupt

        monkeypatch.setattr(Comparison, "__iter__", interrupted)
        assert main(["compare", "--data", "reviews", "--rows", "8"]) == 130
        printed = capsys.readouterr()
        assert {cell["count"] for cell in read_csv(printed.out)} == {"0"}
        assert "rows so far" in printed.err

    def test_mistakes_are_sentences(self, refused: Refused, data: str) -> None:
        own = ("compare", "--data", data)
        assert "Which template?" in refused(*own)
        assert "Which labels?" in refused(*own, "--template", TEMPLATE)
        own = (*own, "--labels", LABELS)
        assert "from 1 to 8 templates" in refused(*own, *(("--template", TEMPLATE) * 9))
        assert "“demonstrations” cannot be '9'" in refused(
            *own, "--template", TEMPLATE, "--demonstrations", "9"
        )
        assert "besides the row itself there are only 0" in refused(
            *own, "--template", TEMPLATE, "--demonstrations", "2"
        )
        other = ("--template", TEMPLATE, "--labels", "negative=bad;neutral=so")
        assert "have the same labels" in refused(*own, *other)


class TestTrain:
    def test_from_start_to_prompt(self, tmp_path: Path, capsys: Capture, refused: Refused) -> None:
        saved = str(tmp_path / "prompt")
        settings = ["--steps", "4", "--dev-every", "2", "--encoder", "none", "--no-tune-model"]
        options = ["--shots", "2", "--name", "a first one", "--seed", "7", "--save", saved]
        assert main(["train", "p-tuning", *settings, *options]) == 0
        printed = capsys.readouterr()
        assert printed.out.strip() == saved
        assert "step 4/4, loss " in printed.err
        assert "The run has finished at step 4 of 4, dev accuracy " in printed.err

        assert main(["runs", "list"]) == 0
        row = capsys.readouterr().out.splitlines()[1]
        run_id = row.split()[0]
        assert "finished" in row
        assert row.endswith("a first one")

        assert main(["runs", "show", run_id]) == 0
        shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[4:])
        assert (shown["step"], shown["seed"], shown["encoder"]) == ("4/4", "7", "none")
        assert shown["labels"] == "negative=terrible; positive=great"

        assert main(["runs", "events", run_id]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert events[0]["split"] == "start"
        assert main(["runs", "events", run_id, "--format", "csv"]) == 0
        points = read_csv(capsys.readouterr().out)
        assert [p["step"] for p in points if p["split"] == "train"] == ["1", "2", "3", "4"]
        assert [p["step"] for p in points if p["split"] == "dev"] == ["0", "2", "4"]

        assert main(["distribution", "--prompt", saved, "--text", "A film.", "--top-k", "1"]) == 0
        assert capsys.readouterr().out.startswith("RANK")
        assert main(["classify", "--prompt", saved, "--data", "reviews", "--split", "dev"]) == 0
        accuracy = float(points[-1]["accuracy"])
        assert f"Accuracy {accuracy:.4f}" in capsys.readouterr().err

        assert "is finished" in refused("runs", "pause", run_id)
        assert main(["runs", "delete", run_id]) == 0
        assert capsys.readouterr().out == f"{run_id} is deleted.\n"
        assert "There is no run" in refused("runs", "show", run_id)

    def test_further_templates_and_texts_without_labels(
        self, tmp_path: Path, capsys: Capture, refused: Refused
    ) -> None:
        texts = tmp_path / "texts.csv"
        texts.write_text("text\nA film.\nA dull film.\nA good film.\n")
        settings = ["--steps", "1", "--distillation-steps", "2", "--batch-size", "2"]
        further = ["--further-templates", "It was [MASK]. {text}"]
        further += ["--further-templates", "{text} All in all, it was [MASK]."]
        options = ["--shots", "2", "--unlabelled", str(texts), "--save", str(tmp_path / "prompt")]
        assert main(["train", "pet", *settings, *further, *options]) == 0
        told = capsys.readouterr().err
        assert "3 without labels" in told
        assert "classifier 1/1, step 5/5" in told
        wrong = ["--further-templates", "{text} It was [MASK"]
        assert "(Line 1 of the further templates.)" in refused("train", "pet", *wrong)

    def test_interrupt_leaves_a_prompt_and_a_run_to_resume(
        self, home: Path, capsys: Capture, refused: Refused
    ) -> None:
        training = subprocess.Popen(
            [*COMMAND, "train", "p-tuning", "--steps", "100000", "--shots", "2"],
            cwd=REPOSITORY,
            env=os.environ.copy(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert training.stderr is not None
        run_id = training.stderr.readline().split()[1].rstrip(":")
        while not training.stderr.readline().startswith("step "):
            assert training.poll() is None
        assert "Stop it, then delete it" in refused("runs", "delete", run_id)
        training.send_signal(signal.SIGINT)
        out, err = training.communicate(timeout=120)
        assert training.returncode == 130
        assert "The run has stopped at step " in err
        assert out.strip() == str(home / "runs" / run_id / "prompt")
        assert (Path(out.strip()) / "prompt.json").is_file()

        assert main(["runs", "resume", run_id]) == 0
        assert main(["runs", "stop", run_id]) == 0
        assert "is stopped" in capsys.readouterr().out
        assert main(["runs", "prompt", run_id]) == 0

    def test_a_run_that_fails_says_why(self, refused: Refused) -> None:
        labels = "negative=bad;positive=龘龘"
        assert "does not know the word" in refused("train", "p-tuning", "--labels", labels)

    def test_mistakes_start_no_run(self, refused: Refused, data: str, capsys: Capture) -> None:
        assert "There is no method “nope”" in refused("train", "nope")
        assert "“steps”" in refused("train", "p-tuning", "--steps", "0")
        assert "“learning_rate”" in refused("train", "p-tuning", "--learning-rate", "fast")
        own = ("train", "p-tuning", "--template", TEMPLATE, "--labels", LABELS, "--dataset", data)
        assert "Lower the number of shots" in refused(*own)
        assert main(["runs", "list"]) == 0
        printed = capsys.readouterr()
        assert printed.out == ""
        assert "There are no runs yet" in printed.err


class TestSearch:
    """On two rows a label: what is found is worth nothing, but all of it is there."""

    def test_triggers(self, tmp_path: Path, capsys: Capture) -> None:
        saved = str(tmp_path / "prompt")
        settings = ["--iterations", "2", "--candidates", "2", "--triggers", "1", "--seed", "7"]
        options = ["--shots", "2", "--name", "a first one", "--save", saved]
        assert main(["search", "autoprompt", *settings, *options]) == 0
        printed = capsys.readouterr()
        assert printed.out.startswith("{text} It was ")
        assert f"The prompt lies in {saved}" in printed.err
        assert "The run has finished at step 2 of 2, dev accuracy " in printed.err
        assert main(["classify", "--prompt", saved, "--data", "reviews", "--split", "dev"]) == 0
        capsys.readouterr()

        assert main(["runs", "list"]) == 0
        run_id = capsys.readouterr().out.splitlines()[1].split()[0]
        assert main(["runs", "show", run_id]) == 0
        shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[4:])
        assert (shown["kind"], shown["step"], shown["triggers"]) == ("search", "2/2", "1")
        assert Path(shown["search"], "search.json").is_file()

    def test_label_words_as_other_commands_take_them(self, capsys: Capture) -> None:
        assert main(["search", "label-word-search", "--shots", "2", "--words", "2"]) == 0
        labels = capsys.readouterr().out.strip()
        found = read_label_line(labels)
        assert found.labels == ("negative", "positive")
        assert [len(words) for words in found.words.values()] == [2, 2]
        data = ["--data", "reviews", "--split", "dev"]
        assert main(["classify", *data, "--template", TEMPLATE, "--labels", labels]) == 0

    def test_search_alone_lists_the_methods(self, capsys: Capture) -> None:
        assert main(["search"]) == 0
        assert "\nautoprompt " in capsys.readouterr().out

    def test_mistakes_start_no_run(self, refused: Refused, capsys: Capture) -> None:
        assert "There is no method “nope”" in refused("search", "nope")
        assert "“words”" in refused("search", "label-word-search", "--words", "0")
        soft = ("--template", "[SOFT] {text} [MASK]")
        assert "Take [SOFT] out" in refused("search", "autoprompt", *soft)
        assert main(["runs", "list"]) == 0
        assert capsys.readouterr().out == ""


def test_wide_characters_keep_the_columns_straight(capsys: Capture) -> None:
    from playground.cli.output import print_table

    print_table([("A", "B"), ("正面", "x"), ("\x1b[2J", "y")])
    assert capsys.readouterr().out.splitlines() == ["A     B", "正面  x", " [2J  y"]


def test_reading_only_the_first_lines_is_no_error() -> None:
    process = subprocess.Popen(
        [*COMMAND, "models"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate(timeout=120)[1] == ""
    assert process.returncode == 0
