"""Datasets of the Hub, from a viewer of the tests' own that answers as the real one does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from playground.errors import DataError
from playground.tasks import hub, is_dataset_name, load_dataset

TEXT = {"dtype": "string", "_type": "Value"}
CLASSES = {"names": ["bad", "good"], "_type": "ClassLabel"}
FILMS = {"text": TEXT, "label": CLASSES}


class Viewer:
    """Datasets by name → part → split → (columns, rows); ``asked`` counts the requests."""

    def __init__(self) -> None:
        self.datasets: dict[str, dict[str, dict[str, tuple[Any, list[Any]]]]] = {}
        self.asked: list[str] = []

    def answer(self, what: str, asked: dict[str, str]) -> Any:
        self.asked.append(what)
        parts = self.datasets[asked["dataset"]]
        if what == "splits":
            return {
                "splits": [
                    {"dataset": asked["dataset"], "config": part, "split": split}
                    for part, splits in parts.items()
                    for split in splits
                ]
            }
        columns, rows = parts[asked["config"]][asked["split"]]
        start, length = int(asked["offset"]), int(asked["length"])
        assert length <= 100
        return {
            "features": [{"name": name, "type": kind} for name, kind in columns.items()],
            "rows": [{"row": row} for row in rows[start : start + length]],
            "num_rows_total": len(rows),
        }


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    viewer = Viewer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlparse(self.path)
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            try:
                body, status = json.dumps(viewer.answer(url.path.strip("/"), asked)), 200
            except KeyError:
                body, status = '{"error": "The dataset does not exist."}', 404
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(hub, "SERVER", f"http://127.0.0.1:{server.server_port}")
    yield viewer
    server.shutdown()
    thread.join()
    server.server_close()


def films(count: int) -> list[dict[str, Any]]:
    """Sorted by label, as many datasets are."""
    return [{"text": f"film {i}", "label": int(i >= count / 2)} for i in range(count)]


def test_splits_and_classes_have_our_names(viewer: Viewer, tmp_path: Path) -> None:
    viewer.datasets["a/films"] = {
        "default": {
            "train": (FILMS, films(250)),
            "validation": (FILMS, films(4)),
            "test": (FILMS, films(2)),
            "unsupervised": (FILMS, films(9)),
        }
    }
    table = load_dataset("a/films", tmp_path)
    assert list(table.columns) == ["text", "label", "split"]
    assert table["split"].value_counts().to_dict() == {"train": 250, "dev": 4, "test": 2}
    assert table["text"][:250].tolist() == [f"film {i}" for i in range(250)]
    assert table["label"].tolist()[250:] == ["bad", "bad", "good", "good", "bad", "good"]


def test_what_was_fetched_works_offline(viewer: Viewer, tmp_path: Path) -> None:
    rows = [{"text": 'a "film",\nor two', "label": 0}, {"text": "", "label": 1}]
    viewer.datasets["a/films"] = {"default": {"train": (FILMS, rows)}}
    first = load_dataset("a/films", tmp_path)
    assert first["text"].tolist() == ['a "film",\nor two', ""]
    viewer.datasets.clear()
    assert load_dataset("a/films", tmp_path).equals(first)


def test_a_large_split_is_read_here_and_there(viewer: Viewer, tmp_path: Path) -> None:
    viewer.datasets["a/films"] = {"default": {"train": (FILMS, films(30_000))}}
    table = load_dataset("a/films", tmp_path)
    assert len(table) == table["text"].nunique() == 2000
    assert table["label"].value_counts().to_dict() == {"bad": 1000, "good": 1000}
    assert viewer.asked.count("rows") == 20


def test_rows_without_a_label_are_left_out(viewer: Viewer, tmp_path: Path) -> None:
    rows = [{"text": "a", "label": -1}, {"text": "b", "label": None}, {"text": "c", "label": 1}]
    viewer.datasets["a/films"] = {
        "default": {"train": (FILMS, rows), "test": (FILMS, rows[:2])},
    }
    assert load_dataset("a/films", tmp_path).to_dict("records") == [
        {"text": "c", "label": "good", "split": "train"}
    ]
    viewer.datasets["b/films"] = {"default": {"test": (FILMS, rows[:2])}}
    with pytest.raises(DataError, match="no rows with a label"):
        load_dataset("b/films", tmp_path)


def test_the_only_column_of_classes_is_the_label(viewer: Viewer, tmp_path: Path) -> None:
    columns = {"q": TEXT, "idx": {"dtype": "int32", "_type": "Value"}, "kind": CLASSES}
    rows = [{"q": "who?", "idx": 7, "kind": 1, "split": "x", "image": {"src": "…"}, "tags": ["x"]}]
    columns |= {"image": {"_type": "Image"}, "tags": [TEXT], "split": TEXT}
    viewer.datasets["a/questions"] = {"default": {"train": (columns, rows)}}
    assert load_dataset("a/questions", tmp_path).to_dict("records") == [
        {"q": "who?", "idx": "7", "split": "train", "label": "good"}
    ]


def test_a_label_may_be_any_text(viewer: Viewer, tmp_path: Path) -> None:
    rows = [{"text": None, "label": "joy"}]
    viewer.datasets["a/moods"] = {"default": {"train": ({"text": TEXT, "label": TEXT}, rows)}}
    (row,) = load_dataset("a/moods", tmp_path).to_dict("records")
    assert (row["text"], row["label"]) == ("", "joy")


def test_without_a_label_it_is_refused(viewer: Viewer, tmp_path: Path) -> None:
    columns = {"text": TEXT, "coarse": CLASSES, "fine": CLASSES}
    viewer.datasets["a/b"] = {
        "default": {"train": (columns, [{"text": "x", "coarse": 0, "fine": 1}])}
    }
    with pytest.raises(DataError, match="Its columns are: text, coarse, fine") as caught:
        load_dataset("a/b", tmp_path)
    assert caught.value.code == "data.no_label_in_dataset"


def test_a_part_has_to_be_named_where_there_are_several(viewer: Viewer, tmp_path: Path) -> None:
    viewer.datasets["a/glue"] = {
        "cola": {"train": (FILMS, films(2))},
        "sst2": {"train": (FILMS, films(6))},
    }
    assert len(load_dataset("a/glue:sst2", tmp_path)) == 6
    assert len(load_dataset("a/glue:cola", tmp_path)) == 2
    for name in ("a/glue", "a/glue:wnli"):
        with pytest.raises(DataError, match="a/glue:cola, a/glue:sst2") as caught:
            load_dataset(name, tmp_path)
        assert caught.value.code == "data.which_part"


def test_one_that_is_not_there_is_told_in_a_sentence(viewer: Viewer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="could not be fetched") as caught:
        load_dataset("no/such", tmp_path)
    assert caught.value.code == "data.not_on_hub"
    assert not list(tmp_path.iterdir())


def test_without_a_connection_it_is_the_same_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SERVER", "http://127.0.0.1:9")
    with pytest.raises(DataError, match="Check the name and the connection"):
        load_dataset("a/films", tmp_path)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a/films", True),
        ("nyu-mll/glue:sst2", True),
        ("films", False),
        ("data/films.csv", False),
        ("/a/b", False),
        ("a/b/c", False),
        ("../films", False),
    ],
)
def test_what_may_be_a_name(name: str, is_one: bool) -> None:
    assert is_dataset_name(name) == is_one
