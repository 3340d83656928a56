"""The endpoints, called by a program as gradio_client does."""

import time
from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from tests.server import Server

TEMPLATE = "{text} It was [MASK]."
WORDS = {"negative": ["terrible"], "positive": ["great"]}


@pytest.fixture(scope="module")
def client(served: Server) -> Iterator[Client]:
    client = Client(served.url, verbose=False)
    yield client
    client.close()


def test_they_are_documented(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    public = {
        "/answer_distribution",
        "/classify",
        "/start_run",
        "/run_events",
        "/stop_run",
        "/list_runs",
        "/start_study",
        "/study_progress",
        "/list_studies",
    }
    assert set(named) == public
    parameters = {p["parameter_name"] for p in named["/answer_distribution"]["parameters"]}
    assert parameters == {"template", "row", "model", "top_k", "prompt"}


def test_answer_distribution_and_classify(client: Client) -> None:
    row = {"text": "A warm, funny and wonderful film."}
    answers = client.predict(template=TEMPLATE, row=row, top_k=5, api_name="/answer_distribution")
    assert [answer["rank"] for answer in answers] == [1, 2, 3, 4, 5]
    assert answers[0]["probability"] >= answers[1]["probability"]
    found = client.predict(
        template=TEMPLATE, verbalizer=WORDS, rows=[row, row], api_name="/classify"
    )
    assert [one["prediction"] for one in found] == ["positive", "positive"]
    assert found[0]["negative"] + found[0]["positive"] == pytest.approx(1)


def test_a_mistake_comes_back_as_its_sentence(client: Client) -> None:
    with pytest.raises(AppError, match="no answer slot"):
        client.predict(template="{text}", row={"text": "x"}, api_name="/answer_distribution")


def test_a_run_is_started_followed_stopped_and_listed(client: Client) -> None:
    run = client.predict(
        template=TEMPLATE,
        verbalizer=WORDS,
        shots=4,
        settings={"steps": 1000, "encoder": "none"},
        api_name="/start_run",
    )
    cursor, steps = 0, set()
    deadline = time.monotonic() + 60
    while len(steps) < 3 and time.monotonic() < deadline:
        seen = client.predict(run=run, after=cursor, api_name="/run_events")
        cursor = seen["cursor"]
        steps |= {event["step"] for event in seen["events"] if event["split"] == "train"}
    assert {1, 2, 3} <= steps
    client.predict(run=run, api_name="/stop_run")
    while seen["state"] != "stopped" and time.monotonic() < deadline:
        time.sleep(0.05)
        seen = client.predict(run=run, after=cursor, api_name="/run_events")
    assert seen["state"] == "stopped"
    listed = client.predict(api_name="/list_runs")
    assert listed[0]["id"] == run
    answers = client.predict(
        template="[SOFT*3] {text} It was [SOFT*3] [MASK].",
        row={"text": "Fine."},
        prompt=run,
        api_name="/answer_distribution",
    )
    assert len(answers) == 10


def test_runs_over_several_seeds_are_started_followed_and_stopped_together(client: Client) -> None:
    group = client.predict(
        template=TEMPLATE,
        verbalizer=WORDS,
        shots=4,
        seed=21,
        seeds=3,
        settings={"steps": 2000, "encoder": "none"},
        api_name="/start_run",
    )
    listed = client.predict(limit=3, api_name="/list_runs")
    assert [(run["group"], run["seed"]) for run in listed] == [
        (group, 23),
        (group, 22),
        (group, 21),
    ]
    deadline = time.monotonic() + 60
    seen = client.predict(run=group, api_name="/run_events")
    while not seen["events"] and time.monotonic() < deadline:
        time.sleep(0.05)
        seen = client.predict(run=group, api_name="/run_events")
    assert seen["events"][0]["run"] in [member["run"] for member in seen["members"]]
    client.predict(run=group, api_name="/stop_run")
    while seen["state"] != "stopped" and time.monotonic() < deadline:
        time.sleep(0.05)
        seen = client.predict(run=group, api_name="/run_events")
    assert [member["state"] for member in seen["members"]] == ["stopped"] * 3


def test_a_study_is_started_followed_and_listed(client: Client) -> None:
    asked = {
        **{"templates": [TEMPLATE], "verbalizer": WORDS, "methods": ["prompt-tuning"]},
        **{"shots": [2], "seeds": [13], "settings": {"prompt-tuning": {"steps": 3}}},
    }
    study = client.predict(**asked, name="small", api_name="/start_study")
    assert client.predict(api_name="/list_studies")[0]["id"] == study
    deadline = time.monotonic() + 60
    seen = client.predict(study=study, api_name="/study_progress")
    while seen["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
        seen = client.predict(study=study, api_name="/study_progress")
    assert (seen["name"], seen["state"], seen["counts"]) == ("small", "finished", {"finished": 1})
    [point] = seen["points"]
    assert (point["method"], point["shots"], point["seeds"]) == ("prompt-tuning", 2, 1)
    assert 0 <= point["accuracy"] <= 1
    with pytest.raises(AppError, match="no study"):
        client.predict(study="nothing", api_name="/study_progress")
