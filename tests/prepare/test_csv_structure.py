from pathlib import Path

import pytest

from relight.errors import InputError
from relight.prepare.csv import checks
from relight.prepare.csv.checks import CsvStructure, check_csv
from relight.prepare.csv.dialect import Dialect


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def test_names_lose_the_spaces_around_them_and_rows_are_counted(path: Path) -> None:
    path.write_text(' x , "y"\n1,2\n3,"4\n5"\n\n')
    assert check_csv(path) == CsvStructure(["x", '"y"'], 2)  # a quote after a space is a letter like any other


def test_a_row_that_spans_lines_is_told_by_its_first_line(path: Path) -> None:
    path.write_text('a,b\n"1\n\n2",3\n4,"5\n6",7\n')
    with pytest.raises(InputError, match=r"t.csv:5: must have 2 values as the header, got 3"):
        check_csv(path)


def test_an_open_quote_is_told_by_the_line_where_it_opens(path: Path) -> None:
    path.write_text("a,b\n1,2\n" + '3,"4\n' + "5,6\n" * 1000)
    with pytest.raises(InputError, match=r"t.csv:3: a quote opens in this row and is never closed"):
        check_csv(path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a,b\r\n1,é\r\n1,2\0\r\n".encode(), r"t.csv:3: has a NUL byte"),
        (b"a,b\r\n1,2\r\n1,\xe9\r\n", r"t.csv:3: byte 0xe9 is not UTF-8"),
        (b"a,b\r\n1,2\r\n1,\xc3", r"t.csv:3: byte 0xc3 is not UTF-8"),
        (b"a,b\r\n1,2\r\n1,2\r1,2\r\n", r"t.csv:3: a line ends with only a CR"),
    ],
)
def test_the_line_is_right_wherever_the_file_is_cut_into_chunks(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int, content: bytes, complaint: str
) -> None:
    monkeypatch.setattr(checks, "_CHUNK_BYTES", size)
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint):
        check_csv(path, Dialect())


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_good_file_is_good_wherever_it_is_cut_into_chunks(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(checks, "_CHUNK_BYTES", size)
    path.write_bytes("a,b\r\n1,é\r\n2,€\r\n".encode())
    assert check_csv(path) == CsvStructure(["a", "b"], 2)
