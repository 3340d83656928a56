import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import playground as pg
from playground.errors import DataError, ModelError, PlaygroundError, TemplateError, error_from_json
from playground.inference.client import InferenceProcess
from playground.inference.process import serve

REPOSITORY = Path(__file__).parents[2]
MODEL = "pocket-bert"
ROW = {"text": "A film to remember."}
PROMPT: dict[str, Any] = {"model": MODEL, "template": "{text} It was [MASK].", "prompt": None}


@pytest.fixture(scope="module")
def inference() -> Iterator[InferenceProcess]:
    with InferenceProcess() as process:
        yield process


def test_it_answers_as_the_library_does(inference: InferenceProcess) -> None:
    told = inference.ask("answer_distribution", **PROMPT, row=ROW, top_k=5)
    own = pg.answer_distribution(
        pg.load_model(MODEL), pg.Template(PROMPT["template"]), ROW, top_k=5
    )
    assert [row["token"] for row in told] == list(own["token"])
    assert [row["probability"] for row in told] == pytest.approx(list(own["probability"]), rel=1e-3)


def test_labels_are_told_by_row(inference: InferenceProcess) -> None:
    words = pg.Verbalizer({"bad": ["terrible"], "good": ["great"]}).to_json()
    told = inference.ask("classify", **PROMPT, verbalizer=words, rows=[ROW, {"text": "Dull."}])
    assert len(told) == 2
    for row in told:
        assert row["bad"] + row["good"] == pytest.approx(1)
        assert row["prediction"] == max(("bad", "good"), key=lambda label: row[label])


def test_a_mistake_arrives_as_the_same_error(inference: InferenceProcess) -> None:
    asked = {**PROMPT, "template": "{text} It was"}
    with pytest.raises(TemplateError) as told:
        inference.ask("answer_distribution", **asked, row=ROW, top_k=5)
    with pytest.raises(TemplateError) as own:
        pg.Template(asked["template"])
    assert told.value.message == own.value.message
    assert told.value.code == own.value.code
    assert told.value.position == own.value.position


def test_a_fault_of_ours_is_no_sentence_for_people(inference: InferenceProcess) -> None:
    with pytest.raises(RuntimeError, match="unexpected keyword") as told:
        inference.ask("warm_up", model=MODEL, colour="blue")
    assert not isinstance(told.value, PlaygroundError)


@pytest.mark.parametrize(
    "error",
    [
        PlaygroundError("No.", code="a.b", at=3),
        TemplateError("Not here.", position=4, code="template.x", found="}"),
        DataError("Row 7 is empty.", row=7, code="data.x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_come_back_from_json(error: PlaygroundError) -> None:
    again = error_from_json(json.loads(json.dumps(error.to_json())))
    assert type(again) is type(error)
    assert vars(again) == vars(error)


def test_a_long_request_does_not_hold_up_a_short_one() -> None:
    short_is_done = threading.Event()
    operations = {"long": lambda: short_is_done.wait(20), "short": short_is_done.set}
    requests = "".join(
        json.dumps({"id": number, "operation": operation, "arguments": {}}) + "\n"
        for number, operation in enumerate(("long", "short"))
    )
    answers = io.StringIO()
    serve(operations, io.StringIO(requests), answers)
    deadline = time.monotonic() + 20
    while answers.getvalue().count("\n") < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    told = {answer["id"]: answer for answer in map(json.loads, answers.getvalue().splitlines())}
    assert told[0]["result"] is True


def test_one_that_was_killed_is_started_again() -> None:
    with InferenceProcess() as process:
        first = process._connection.process
        # stopped, so that the request is still waiting when its process dies
        os.kill(first.pid, signal.SIGSTOP)
        told: list[Exception] = []

        def ask() -> None:
            try:
                process.ask("warm_up", model=MODEL)
            except ModelError as error:
                told.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not process._connection._waiting:
            time.sleep(0.01)
        first.kill()
        asking.join(20)
        assert [getattr(error, "code", "") for error in told] == ["model.process_ended"]

        assert process.ask("warm_up", model=MODEL) is None
        assert process._connection.process.pid != first.pid


def test_whoever_is_told_that_it_ended_can_ask_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with InferenceProcess() as process:
        first = process._connection.process
        wait, noticed = first.wait, threading.Event()
        monkeypatch.setattr(first, "wait", lambda: noticed.wait(20) and wait())
        first.kill()
        wait()

        # it is gone, which nobody has noticed yet
        answer = process._connection.ask("warm_up", {"model": MODEL})
        assert not answer.done()
        noticed.set()
        with pytest.raises(ModelError, match="starts again with the next question"):
            answer.result(20)
        assert process.ask("warm_up", model=MODEL) is None


def test_it_ends_with_the_page_however_that_ends() -> None:
    script = """
import os, signal
from playground.inference.client import InferenceProcess
process = InferenceProcess()
process.ask("warm_up", model="pocket-bert")
print(process._connection.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    page = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    pid = int(page.stdout)
    deadline = time.monotonic() + 20
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_a_library_prints_is_no_answer() -> None:
    script = """
import json, sys
from playground.inference import process

class Service:
    def operations(self):
        return {"print": lambda: print("Hello from a library")}

sys.modules["playground.inference.service"] = sys.modules[__name__]
process.main()
"""
    request = json.dumps({"id": 1, "operation": "print", "arguments": {}})
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request + "\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"id": 1, "result": None}
    assert process.communicate(timeout=20) == ("", "Hello from a library\n")


def test_the_page_itself_needs_no_engine() -> None:
    script = """
import sys
from playground.boot import build_page
from playground.settings import Settings

class Nobody:
    def ask(self, operation, **arguments):
        return {"errors": {}}

page = build_page(Settings.from_environment(), Nobody())
assert page.blocks.fns
assert not {"torch", "transformers"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has taken leave of yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
