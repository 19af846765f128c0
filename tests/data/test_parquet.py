import threading
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from relight.data.parquet import parquet_frames, read_parquet, read_parquet_file, rechunk, write_parquet
from relight.errors import InputError, RunError


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
        for read in (read_parquet, lambda path: list(parquet_frames(path))):
            with pytest.raises(InputError, match=r"t.parquet: is (not|a damaged) "):
                read(path)


def test_a_panic_of_the_reader_is_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(_: object) -> None:
        raise pl.exceptions.PanicException("assertion failed\nleft: 300")

    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pl, "read_parquet", panic)
    with pytest.raises(InputError, match=r"t.parquet: is a damaged Parquet file: assertion failed$"):
        read_parquet(tmp_path / "t.parquet")


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_parquet(tmp_path / name, [pl.DataFrame({"x": [0.1, None], "c": ["é", None], "b": [True, None]})])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def rows(n: int) -> pl.DataFrame:
    return pl.DataFrame({"x": range(n)}, schema={"x": pl.Float64}).with_columns(c=pl.col("x").cast(pl.String))


def test_the_bytes_do_not_depend_on_the_pieces_that_came(tmp_path: Path) -> None:
    whole = rows(600_000)
    write_parquet(tmp_path / "whole.parquet", [whole])
    write_parquet(tmp_path / "pieces.parquet", (whole.slice(start, 70_001) for start in range(0, 600_000, 70_001)))
    assert (tmp_path / "pieces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert read_parquet_file(tmp_path / "pieces.parquet").equals(whole)
    assert pl.concat(parquet_frames(tmp_path / "pieces.parquet")).equals(whole)


def test_tables_are_cut_into_equal_ones_and_a_rest() -> None:
    for sizes in ([10], [3, 3, 4], [1] * 10, [9, 0, 1], [4, 6]):
        starts = [sum(sizes[:k]) for k in range(len(sizes))]
        tables = [rows(10).slice(start, size) for start, size in zip(starts, sizes, strict=True)]
        assert [piece["x"].to_list() for piece in rechunk(tables, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
        assert [piece.height for piece in rechunk(tables, 5)] == [5, 5]


def test_an_error_on_the_way_ends_the_writing_and_is_the_error_of_all(tmp_path: Path) -> None:
    def spoilt() -> Iterator[pl.DataFrame]:
        yield rows(300_000)
        yield rows(300_000)
        raise InputError("row 600001 is odd")

    before = threading.active_count()
    with pytest.raises(InputError, match="row 600001 is odd"):
        write_parquet(tmp_path / "t.parquet", spoilt())
    assert threading.active_count() == before


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"t.parquet: cannot be written: "):
        write_parquet(tmp_path / "none" / "t.parquet", (rows(300_000) for _ in range(5)))
