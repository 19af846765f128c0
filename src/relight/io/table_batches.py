"""The prepared table in pieces of a fixed number of rows."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from relight.errors import InputError


class TableBatches:
    """The rows of a Parquet file in order, `n_rows` at a time; iterated anew each time.

    Args:
        columns: which to read; None for all of them.
    """

    def __init__(self, path: Path, *, n_rows: int, columns: list[str] | None = None) -> None:
        self._path = path
        self._n_rows = n_rows
        self._columns = columns

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for start in range(0, count_rows(self._path), self._n_rows):
            yield self._read(start)

    def _read(self, start: int) -> pl.DataFrame:
        scan = _scan(self._path).slice(start, self._n_rows)
        return _collect(self._path, scan if self._columns is None else scan.select(self._columns))


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Whole columns; texts as categories, which take four bytes a row."""
    texts = pl.selectors.string()
    return _collect(path, _scan(path).select(columns).with_columns(texts.cast(pl.Categorical)))


def count_rows(path: Path) -> int:
    return int(_collect(path, _scan(path).select(pl.len())).item())


def _scan(path: Path) -> pl.LazyFrame:
    """The file of just this name: `[` and `*` are letters, and `a=b/` is a folder."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _collect(path: Path, scan: pl.LazyFrame) -> pl.DataFrame:
    """
    Raises:
        InputError: when the file is missing, damaged, or no Parquet.
    """
    try:
        return scan.collect(engine="streaming")
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read: it is not there; run `dvc repro` or `dvc pull`") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{path}: is a damaged Parquet file: {str(error).strip().splitlines()[0][:200]}") from error
