from pathlib import Path

import polars as pl
import pytest

from relight.errors import InputError
from relight.io.parquet import read_parquet, write_parquet


def test_a_folder_of_parquet_is_one_table_in_the_order_of_names(tmp_path: Path) -> None:
    pl.DataFrame({"x": [3, 4]}).write_parquet(tmp_path / "b.parquet")
    pl.DataFrame({"x": [1, 2]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "README.md").write_text("not a table")
    assert read_parquet(tmp_path)["x"].to_list() == [1, 2, 3, 4]


def test_files_of_a_folder_must_have_the_same_columns_and_types(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": [1.5]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b.parquet: must have the columns and types of a.parquet"):
        read_parquet(tmp_path)


def test_names_of_a_parquet_lose_the_spaces_around_them(tmp_path: Path) -> None:
    pl.DataFrame({" x ": [1]}).write_parquet(tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet").columns == ["x"]


def test_a_parquet_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"x": [float(k) for k in range(50)], "c": ["a", "b"] * 25}).write_parquet(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 29):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"t.parquet: is (not|a damaged) "):
            read_parquet(path)


def test_a_panic_of_the_reader_is_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(_: object) -> None:
        raise pl.exceptions.PanicException("assertion failed\nleft: 300")

    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(InputError, match=r"t.parquet: is a damaged Parquet file: assertion failed$"):
        read_parquet(tmp_path / "t.parquet")


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_parquet(tmp_path / name, pl.DataFrame({"x": [0.1, None], "c": ["é", None], "b": [True, None]}))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
