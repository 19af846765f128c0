from pathlib import Path

import polars as pl

from relight.io.csv_tables import read_csv


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
