"""Tables that people bring: what is read, and how each mistake is named by its row."""

import pandas as pd
import pytest

from playground.errors import DataError
from playground.tasks import fields_of, parse_csv, read_csv, require_labels, require_values
from playground.tasks import table as table_module
from playground.tasks.table import records

ROWS = [["好看，很好。", "positive"], ["a, b; c", "negative"]]


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes, encoding: str = "utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def error_of(text: str) -> DataError:
    with pytest.raises(DataError) as caught:
        parse_csv(text)
    return caught.value


class TestReading:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_encodings(self, encoding, file):
        path = file('text,label\n好看，很好。,positive\n"a, b; c",negative\n', encoding)
        table = read_csv(path)
        assert list(table.columns) == ["text", "label"]
        assert table.to_numpy().tolist() == ROWS

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_delimiters_and_line_ends(self, delimiter, newline, file):
        lines = ["text,label", '"好看，很好。",positive', '"a, b; c",negative', ""]
        content = newline.join(
            delimiter.join(cell for cell in line.rsplit(",", 1)) for line in lines
        )
        assert read_csv(str(file(content))).to_numpy().tolist() == ROWS

    def test_quotation_marks_may_hold_anything(self):
        table = parse_csv('text,label\n"line one\nline ""two"", and\r\nthree",positive\n')
        assert table["text"].tolist() == ['line one\nline "two", and\r\nthree']

    def test_cells_stay_text(self):
        table = parse_csv("text,label,n\n007,1,1.50\nNA,0,\n")
        assert table.to_numpy().tolist() == [["007", "1", "1.50"], ["NA", "0", ""]]

    def test_empty_lines_are_passed_over_and_names_are_stripped(self):
        table = parse_csv(" text , label \n\na,b\n  \n,\nc,d\n\n")
        assert table.to_dict("list") == {"text": ["a", "c"], "label": ["b", "d"]}

    def test_the_last_line_needs_no_end(self):
        assert len(parse_csv("text\na\nb")) == 2

    def test_the_label_and_the_split_are_no_fields(self):
        assert fields_of(parse_csv("a,label,b,split\n1,2,3,4\n")) == ["a", "b"]


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "row", "cells"),
        [
            ("text,label\na,b\nc\n", 2, 1),
            ("text,label\na, b, c\n", 1, 3),
            ('text,label\n"two\nlines",b\n\nx,y\nlong, story,b\n', 3, 3),
        ],
    )
    def test_a_row_of_the_wrong_length(self, text, row, cells):
        error = error_of(text)
        assert error.code == "data.row_length"
        assert error.row == row
        assert (error.details["cells"], error.details["columns"]) == (cells, 2)
        assert f"Row {row}" in str(error)

    def test_a_quotation_mark_that_is_not_closed(self):
        error = error_of('text,label\na,b\n"c,d\ne,f\n')
        assert error.code == "data.bad_row"
        assert error.row == 2

    def test_a_cell_without_end(self):
        error = error_of('text,label\n"' + "long " * 40_000 + '",b\n')
        assert (error.code, error.row) == ("data.bad_row", 1)

    def test_a_column_without_a_name(self):
        error = error_of("text,,label\na,b,c\n")
        assert error.code == "data.unnamed_column"
        assert error.details["column"] == 2

    def test_two_columns_of_one_name(self):
        error = error_of("text,label, text\na,b,c\n")
        assert error.code == "data.column_twice"
        assert "text" in str(error)

    @pytest.mark.parametrize("text", ["", "\n", "  \n", "\r\n\r\n"])
    def test_an_empty_file(self, text):
        assert error_of(text).code == "data.empty"

    def test_a_header_alone(self):
        assert error_of("text,label\n\n").code == "data.no_rows"

    def test_bytes_that_are_no_text(self, file):
        with pytest.raises(DataError) as caught:
            read_csv(file(b"\x89PNG\xff\xfe\xff"))
        assert caught.value.code == "data.encoding"

    def test_a_file_that_is_not_there(self, tmp_path):
        for path in (tmp_path / "none.csv", tmp_path):
            with pytest.raises(DataError) as caught:
                read_csv(path)
            assert caught.value.code == "data.no_file"
            assert str(path) in str(caught.value)

    def test_a_file_too_large(self, file, monkeypatch):
        monkeypatch.setattr(table_module, "MAX_BYTES", 1_000_000)
        with pytest.raises(DataError) as caught:
            read_csv(file("text\n" + "a\n" * 500_000))
        assert caught.value.code == "data.too_large"

    def test_too_many_rows(self, monkeypatch):
        monkeypatch.setattr(table_module, "MAX_ROWS", 3)
        assert len(parse_csv("text\na\nb\nc\n")) == 3
        assert error_of("text\na\nb\nc\nd\n").code == "data.too_many_rows"


class TestLabels:
    def test_every_row_must_carry_one_that_the_verbalizer_has(self):
        table = pd.DataFrame({"text": list("abc"), "label": ["good", "bad", "Bad"]})
        require_labels(table, ("good", "bad", "Bad"))
        with pytest.raises(DataError) as caught:
            require_labels(table, ("good", "bad"))
        assert caught.value.code == "data.unknown_label"
        assert caught.value.row == 3
        assert "“Bad”" in str(caught.value)

    def test_there_must_be_a_column_of_them(self):
        with pytest.raises(DataError) as caught:
            require_labels(pd.DataFrame({"text": ["a"]}), ("good", "bad"))
        assert caught.value.code == "data.no_label_column"


def test_the_row_that_lacks_a_value_is_named() -> None:
    table = pd.DataFrame({"text": ["a", "", None, None], "other": ["x", None, "z", "z"]})
    with pytest.raises(DataError, match="Row 3 has no value in the column “text”") as caught:
        require_values(table, ["text"])
    assert (caught.value.row, caught.value.code) == (3, "data.missing_value_in_row")
    require_values(table.head(2), ["text"])


def test_records_are_by_the_columns_names() -> None:
    assert records(pd.DataFrame([["a", 1]], columns=["text", 7])) == [{"text": "a", "7": 1}]
