"""What is found in the first rows of a text table, what the params say instead, and what is refused with its cause."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.prepare.csv.dialect import Dialect, find_dialect
from relight.prepare.csv.reader import csv_frames, csv_names

ROWS = [("1.5", "Köln"), ("2", "Rom")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def read(path: Path, **asked: Any) -> tuple[list[str], list[tuple[str | None, ...]], Dialect]:
    dialect = find_dialect(path, CsvParams.model_validate(asked))
    rows = pl.concat(csv_frames(path, {}, dialect))
    assert csv_names(path, dialect) == rows.columns
    return rows.columns, rows.rows(), dialect


@pytest.mark.parametrize(
    ("text", "asked", "left_out"),
    [
        ("x,c\n1.5,Köln\n\n2,Rom\n", {}, []),
        ("\n\nx,c\n1.5,Köln\n2,Rom\n", {}, ["2 lines in front of the names"]),
        ("Report of 2024\n\nx;c\n1.5;Köln\n2;Rom\n", {}, ["2 lines in front of the names"]),
        ("Report of 2024;\nx;c\n1.5;Köln\n2;Rom\n", {"header": 2}, ["1 line in front of the names"]),
        ("# of x, c and others\nx,c\n1.5,Köln\n2,Rom\n", {}, ["1 line in front of the names"]),
        ("x,c,\n1.5,Köln,\n2,Rom,\n", {}, ["a separator at the end of each row"]),
        ("x,c\n1.5,Köln,\n2,Rom,\n", {}, ["a separator at the end of each row"]),
        ("x,c\n# begun\n1.5,Köln\n#2,Paris\n2,Rom\n# done\n", {"comment": "#"}, []),
        ("x,c\n1.5,'Köln'\n2,'Rom'\n", {"quote": "'"}, []),
        ("1.5,Köln\n2,Rom\n", {"header": "none"}, []),
        ("x c\n1.5 Köln\n2 Rom\n", {"separator": "space"}, []),
        ("x#c\n1.5#Köln\n2#Rom\n", {"separator": "#"}, []),
    ],
)
def test_a_table_is_found_in_its_file(path: Path, text: str, asked: dict[str, Any], left_out: list[str]) -> None:
    path.write_text(text, encoding="utf-8")
    names, rows, dialect = read(path, **asked)
    assert names == (["column_1", "column_2"] if asked == {"header": "none"} else ["x", "c"])
    assert rows == ROWS
    assert dialect.left_out == left_out


def test_a_row_of_units_is_left_out_if_two_columns_of_numbers_have_one(path: Path) -> None:
    path.write_text("t,p,c\n°C,hPa,\n1,2,a\n3,4,b\n5,6,c\n")
    assert read(path)[1] == [("1", "2", "a"), ("3", "4", "b"), ("5", "6", "c")]
    path.write_text("t,c\nabc,d\n1,a\n3,b\n5,c\n")  # a mistake, which is told by its row
    assert read(path)[1][0] == ("abc", "d")
    path.write_text("t,p,c\n?,NA,\n1,2,a\n3,4,b\n5,6,c\n")  # gaps
    assert read(path)[1][0] == ("?", "NA", None)


def test_a_title_that_a_spreadsheet_filled_up_with_separators_is_no_header(path: Path) -> None:
    path.write_text("Sales;;\nof 2024;;\nx;c;y\n1,5;Köln;3\n2;Rom;4\n", encoding="utf-8")
    names, rows, dialect = read(path)
    assert names == ["x", "c", "y"]
    assert rows == [("1,5", "Köln", "3"), ("2", "Rom", "4")]
    assert dialect.n_before == 2


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("x,c\n1.5,Köln\n2,Rom\n".encode("utf-8-sig"), "utf-8"),
        ("x,c\n1.5,Köln\n2,Rom\n".encode("utf-16"), "utf-16"),
        ("x,c\n1.5,Köln\n2,Rom\n".encode("utf-16-be"), "utf-16-be"),
        ("x,c\n1.5,Köln\n2,Rom\n".encode("utf-32"), "utf-32"),
        ("x,c\n1.5,Köln\n2,Rom\n".encode("windows-1252"), "windows-1252"),
        ("x,c\n1.5,Köln\n2,Rom\n".encode("mac_roman"), "mac_roman"),
    ],
)
def test_letters_are_those_of_the_file(path: Path, content: bytes, encoding: str) -> None:
    path.write_bytes(content)
    asked = {"encoding": encoding} if encoding == "mac_roman" else {}
    _, rows, dialect = read(path, **asked)
    assert rows == ROWS
    assert dialect.encoding == encoding


@pytest.mark.parametrize(
    ("text", "encoding"), [("c,x\n训练集,1\n测试,2\n", "gb18030"), ("c,x\nсобака,1\nкот,2\n", "windows-1251"),
                           ("c,x\npłótno,1\nżółw,2\n", "windows-1250"), ("c,x\n日本語,1\n犬,2\n", "shift_jis")]
)  # fmt: skip
def test_letters_that_make_no_words_are_refused_until_the_encoding_is_named(
    path: Path, text: str, encoding: str
) -> None:
    path.write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match=rf"t.csv:2: is not UTF-8, and its letters make no words .*{encoding}"):
        read(path)
    assert read(path, encoding=encoding)[1] == [tuple(line.split(",")) for line in text.split("\n")[1:3]]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.9,virginica\n",
            "t.csv:1: must name the columns, got values",
        ),
        ("a,b\n1,2,3\n4,5,6\n", "t.csv:2: .* 2 values as the header, got 3; if the first value is a row name"),
        ("a,b\nx,y,z,w\n4,5,6,7\n", r"t.csv:2: must have 2 values as the header, got 4; if line 2 holds the names"),
        (
            "a,b\n1,2\n# half,of,it\n4,5\n",
            r"t.csv:3: must .*, got 3; if lines with # are comments, write `csv: {comment",
        ),
        ("a,,c\n1,2,3\n", "t.csv:1: column 2 has no name"),
        ("a,b,\n1,2,\n3,4,5\n", "t.csv:1: column 3 has no name"),
        ("<!DOCTYPE html><html>\n", "t.csv: is not CSV but a web page; download the table itself"),
        (
            "version https://git-lfs.github.com/spec/v1\noid 1\n",
            "is not CSV but a pointer of Git LFS; run `git",
        ),
    ],
)
def test_what_cannot_be_read_says_its_cause(path: Path, text: str, complaint: str) -> None:
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        read(path)


@pytest.mark.parametrize("names", ["0,1,2", "1,2,3", "2019,2020,2021", "x,1,2", "5,x,y"])
def test_numbers_may_be_names(path: Path, names: str) -> None:
    path.write_text(f"{names}\n1.5,2.5,3.5\n4.5,5.5,6.5\n")
    assert read(path)[0] == names.split(",")


def test_the_line_of_a_problem_counts_what_stands_in_front(path: Path) -> None:
    path.write_text("Report\n\nx,c\n1,a\n\n2,b,3\n")
    with pytest.raises(InputError, match=r"t.csv:6: must have 2 values as the header, got 3"):
        read(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("separator", ""), ("separator", ",,"), ("separator", '"'), ("encoding", "klingon"), ("encoding", "base64"),
     ("header", 0), ("header", "first"), ("comment", "ab"), ("comment", "a"), ("quote", ""), ("thousands", ";")],
)  # fmt: skip
def test_a_setting_that_says_nothing_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"must|Input should"):
        CsvParams.model_validate({key: value})
