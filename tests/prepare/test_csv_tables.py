import csv
import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from relight.data.text_format import CsvParams
from relight.errors import InputError
from relight.prepare.csv import reader
from relight.prepare.csv.dialect import find_dialect
from relight.prepare.csv.reader import csv_frames, read_csv


def test_every_value_of_a_csv_stays_the_text_that_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('code,n,s\n00123,1e-3,"a,b"\n7,,"say ""hi"""\n\n\n')
    table = read_csv(path)
    assert table.rows() == [("00123", "1e-3", "a,b"), ("7", None, 'say "hi"')]
    assert table.columns == ["code", "n", "s"]


def test_a_name_with_brackets_and_stars_is_one_file_and_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\nwrong\n")
    (tmp_path / "[a]*.csv").write_text("x\nright\n")
    assert read_csv(tmp_path / "[a]*.csv")["x"].to_list() == ["right"]


def test_floats_of_a_csv_read_back_the_same() -> None:
    values = [0.1, 1 / 3, 1e-300, 12345678.9, -0.0]
    written = pl.DataFrame({"x": values}).write_csv().split("\n")[1:-1]
    assert [float(text) for text in written] == values


TYPES = {"x": pl.Float64, "b": pl.Boolean}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("piece", [1, 5, 30, 1000])
def test_pieces_end_with_rows_wherever_the_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, end: str
) -> None:
    values = [("1.5", "a,b", "é"), ("", "line\nbreak", 'say "hi"'), ("-3", "\n\n", "x")] * 5
    with io.StringIO(newline="") as text:
        csv.writer(text, lineterminator=end).writerows([("x", "t", "u"), *values])
        (tmp_path / "t.csv").write_text(text.getvalue() + end * 2, newline="")
    monkeypatch.setattr(reader, "PIECE_BYTES", piece)
    if piece > 5:  # blank lines at the end are told from others by what comes next, at most so many bytes
        monkeypatch.setattr(reader, "check_csv", lambda path, _: pytest.fail(f"{path} is not certain"))
    table = pl.concat(csv_frames(tmp_path / "t.csv", {}))
    assert [tuple(value or "" for value in row) for row in table.rows()] == values


@pytest.mark.parametrize("odd", ["007", "nan", "x", "1 ", " -01", "+00", "NaN"])
def test_a_piece_comes_as_texts_where_a_type_would_hide_or_lose_a_value(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,b\n1,true\n2.5,FALSE\n,\n1e-05,true\n0.5,true\n10,true\n-0.0,true\n")
    (table,) = csv_frames(path, TYPES)
    assert table["x"].to_list() == [1.0, 2.5, None, 1e-05, 0.5, 10.0, -0.0]
    assert table["b"].to_list() == [True, False, None, *[True] * 4]
    path.write_text(f"x,b\n1,true\n{odd},FALSE\n")
    (table,) = csv_frames(path, TYPES)
    assert table.rows() == [("1", "true"), (odd, "FALSE")]


def test_short_and_long_rows_that_balance_are_found(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y,z\n1,2\n1,2,3,4\n")
    with pytest.raises(InputError, match=r"t.csv:2: must have 3 values as the header, got 2"):
        list(csv_frames(path, {}))
    path.write_text("x,y,z\n1,2,\n1,2\n1,2,3\n")
    with pytest.raises(InputError, match=r"t.csv:3: must have 3 values as the header, got 2"):
        list(csv_frames(path, {}))


def test_a_stray_quote_is_left_to_the_exact_check_and_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('x,inch\n1,5"\n2,"6"\n3,7\n')
    assert read_csv(path).rows() == [("1", '5"'), ("2", "6"), ("3", "7")]


def test_a_tsv_may_have_commas_and_a_gzip_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('x\ty\n1,5\t"a\tb"\n')
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress((tmp_path / "t.tsv").read_bytes()))
    assert read_csv(tmp_path / "t.tsv").rows() == read_csv(tmp_path / "t.tsv.gz").rows() == [("1,5", "a\tb")]


@pytest.mark.parametrize(
    ("name", "mark"), [("t.csv", "\t"), ("t.csv", ";"), ("t.csv", "|"), ("t.tsv", ","), ("t.tsv", ";"), ("t.tsv", "\t")]
)
def test_a_separator_is_found_whatever_the_name_says(tmp_path: Path, name: str, mark: str) -> None:
    (tmp_path / name).write_text(
        f'"x"{mark}y\n1,5{mark}2\n"a{mark}b"{mark}3\n'.replace("1,5", "1,5" if mark != "," else '"1,5"')
    )
    assert read_csv(tmp_path / name).rows() == [("1,5", "2"), (f"a{mark}b", "3")]


@pytest.mark.parametrize(("mark", "shown"), [("\t", "tab"), (";", ";"), ("|", r"\|")])
def test_a_separator_that_the_params_deny_has_a_next_step(tmp_path: Path, mark: str, shown: str) -> None:
    (tmp_path / "t.csv").write_text(f"x{mark}y\n1{mark}2\n")
    dialect = find_dialect(tmp_path / "t.csv", CsvParams(separator=","))
    with pytest.raises(
        InputError, match=rf't.csv:1: only one column found; .* write `csv: {{separator: "{shown}"}}` in'
    ):
        list(csv_frames(tmp_path / "t.csv", {}, dialect))


def test_a_damaged_gzip_is_told_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    whole = gzip.compress(b"x,y\n" + b"1,2\n" * 1000)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"t.csv.gz: is (a damaged gzip file|empty)"):
            read_csv(path)
    path.write_bytes(whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:])  # the checksum
    with pytest.raises(InputError, match=r"t.csv.gz: is a damaged gzip file"):
        read_csv(path)
