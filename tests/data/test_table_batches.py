from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relight.data.parquet import TableBatches, count_rows, read_columns
from relight.errors import InputError

TABLE = pl.DataFrame(
    {
        "a": [float(k) if k % 5 else None for k in range(1000)],
        "c": [f"level {k % 7}" if k % 3 else None for k in range(1000)],
        "t": [datetime(2024, 1, 1 + k % 28) for k in range(1000)],
    }
)


@pytest.mark.parametrize("row_group_size", [1, 64, 100, 333, 5000])
@pytest.mark.parametrize("n_rows", [64, 100, 999, 1000, 4000])
def test_batches_have_the_same_rows_however_the_file_is_cut(tmp_path: Path, row_group_size: int, n_rows: int) -> None:
    TABLE.write_parquet(tmp_path / "t", row_group_size=row_group_size)
    batches = TableBatches(tmp_path / "t", n_rows=n_rows)
    for _ in range(2):
        read = list(batches)
        assert [batch.height for batch in read] == [len(piece) for piece in TABLE.iter_slices(n_rows)]
        assert_frame_equal(pl.concat(read), TABLE)


def test_only_the_columns_that_are_asked_for_are_read_in_their_order(tmp_path: Path) -> None:
    TABLE.write_parquet(tmp_path / "t")
    (batch,) = TableBatches(tmp_path / "t", n_rows=1000, columns=["t", "a"])
    assert_frame_equal(batch, TABLE.select("t", "a"))
    assert count_rows(tmp_path / "t") == 1000


def test_whole_columns_come_with_their_texts_as_categories(tmp_path: Path) -> None:
    TABLE.write_parquet(tmp_path / "t", row_group_size=100)
    columns = read_columns(tmp_path / "t", ["c", "a"])
    assert columns["c"].dtype == pl.Categorical
    assert_frame_equal(columns.cast({"c": pl.String}), TABLE.select("c", "a"))


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "year=2024" / "[a] *"
    folder.mkdir(parents=True)
    TABLE.write_parquet(folder / "t")
    (batch,) = TableBatches(folder / "t", n_rows=1000)
    assert_frame_equal(batch, TABLE)


def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="t: cannot be read: no such file; run `dvc repro` or `dvc pull`"):
        list(TableBatches(tmp_path / "t", n_rows=10))


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n" * 100], ids=["empty", "other"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(InputError, match="t: is a damaged Parquet file"):
        list(TableBatches(tmp_path / "t", n_rows=10))


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    TABLE.write_parquet(tmp_path / "t")
    content = (tmp_path / "t").read_bytes()
    (tmp_path / "t").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="t: is a damaged Parquet file"):
        read_columns(tmp_path / "t", ["a"])
