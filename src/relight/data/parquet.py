"""Parquet tables, read and written whole or in chunks; the same table makes the same bytes."""

import io
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
from polars.io.plugins import register_io_source

from relight.data.index_columns import with_index_name
from relight.data.text_columns import name_problems
from relight.errors import InputError, RunError

GROUP_ROWS = 262_144  # rows of each group that is written, and so the least that a reader must hold
_READ_ERRORS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def read_parquet(path: Path) -> pl.DataFrame:
    """Read a file, or all `.parquet` files of a folder in the order of their names.

    Raises:
        InputError: for a damaged file, files that do not fit together, or no rows.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: has no .parquet files in it")
    tables = [_stripped(file, read_parquet_file(file)) for file in files]
    for file, table in zip(files, tables, strict=True):
        if table.schema != tables[0].schema:
            raise InputError(f"{file}: must have the columns and types of {files[0].name}")
    whole = pl.concat(tables)
    if whole.height == 0:
        raise InputError(f"{path}: has columns but no rows")
    return whole


def parquet_frames(path: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of one file in their order, in tables of any number of rows.

    Raises:
        InputError: when it is missing, damaged, or no Parquet.
    """
    _check_head(path)
    try:
        for frame in pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_batches(maintain_order=True):
            yield _stripped(path, frame)
    except _READ_ERRORS as error:
        raise _damaged_error(path, error) from error


def parquet_schema(path: Path) -> pl.Schema:
    """Return the columns of one file and their types, without reading its rows.

    Raises:
        InputError: when it is missing, damaged, or no Parquet.
    """
    _check_head(path)
    try:
        schema = pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_schema()
    except _READ_ERRORS as error:
        raise _damaged_error(path, error) from error
    return _stripped(path, pl.DataFrame(schema=schema)).schema


def write_parquet(path: Path, tables: Iterable[pl.DataFrame]) -> None:
    """Write tables with the same columns into one file; two or three row groups are in memory at a time.

    Another thread writes a group while this one makes the next, so that an error or a signal that arrives here
    ends both.

    Raises:
        RunError: when the file cannot be written.
    """
    groups = rechunk(tables, GROUP_ROWS)
    first = next(groups)
    writer = _Writer(path, first.schema)
    writer.start()
    try:
        writer.put(first)
        for group in groups:
            writer.put(group)
    finally:
        writer.finish()
    if writer.problem is not None:
        raise RunError(f"{path}: cannot be written: {writer.problem}")


def rechunk(tables: Iterable[pl.DataFrame], n_rows: int) -> Iterator[pl.DataFrame]:
    """Yield the same rows in tables of `n_rows` each, however they come; the last table has the rest."""
    pending: list[pl.DataFrame] = []
    n_pending = 0
    for table in tables:
        pending.append(table)
        n_pending += table.height
        if n_pending >= n_rows:
            whole = pl.concat(pending)
            for start in range(0, n_pending - n_rows + 1, n_rows):
                yield whole.slice(start, n_rows)
            n_pending %= n_rows
            pending = [whole.tail(n_pending)] if n_pending else []
    if n_pending:
        yield pl.concat(pending)


class _Writer(threading.Thread):
    """Writes the row groups of a queue until None comes.

    Attributes:
        problem: the error that ended the writing, if there was one.
    """

    def __init__(self, path: Path, schema: pl.Schema) -> None:
        super().__init__(daemon=True)
        self._path, self._schema = path, schema
        self._groups: queue.Queue[pl.DataFrame | None] = queue.Queue(maxsize=1)
        self.problem: Exception | None = None

    def put(self, group: pl.DataFrame) -> None:
        """Wait until the group before is being written; after an error, do nothing."""
        while self.problem is None:
            with suppress(queue.Full):
                self._groups.put(group, timeout=0.5)
                return

    def finish(self) -> None:
        """End the queue, and wait until all is written."""
        while self.is_alive():
            with suppress(queue.Full):
                self._groups.put(None, timeout=0.1)
                break
        self.join()

    def run(self) -> None:
        """Write the groups; the base class calls it in the thread."""

        def groups(*_: object) -> Iterator[pl.DataFrame]:
            while (group := self._groups.get()) is not None:
                yield group

        try:
            # Not compressed: lz4 made a table of numbers a seventh smaller, and took half as long again to write it.
            register_io_source(groups, schema=self._schema).sink_parquet(
                self._path, compression="uncompressed", statistics=False, row_group_size=GROUP_ROWS
            )
        except _READ_ERRORS as error:
            self.problem = error


def read_parquet_file(path: Path) -> pl.DataFrame:
    """Read one file.

    Raises:
        InputError: when it is missing, damaged, or no Parquet.
    """
    _check_head(path)
    try:
        return pl.read_parquet(io.BytesIO(path.read_bytes()))
    except _READ_ERRORS as error:
        raise _damaged_error(path, error) from error


def _check_head(path: Path) -> None:
    try:
        with open(path, "rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    if head != b"PAR1":
        raise InputError(f"{path}: is not a Parquet file")


def _stripped(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table without spaces around the names of its columns."""
    names = with_index_name([name.strip() for name in table.columns])
    problems = name_problems(names)
    if problems:
        raise InputError(*(f"{path}: {problem}" for problem in problems))
    return table.rename(dict(zip(table.columns, names, strict=True)))


def _damaged_error(path: Path, error: BaseException) -> InputError:
    return InputError(f"{path}: is a damaged Parquet file: {str(error).strip().splitlines()[0][:200]}")


class TableBatches:
    """The rows of a Parquet file in order, `n_rows` at a time; each iteration starts from the first row.

    Args:
        columns: the columns to read; None for all of them.
    """

    def __init__(self, path: Path, *, n_rows: int, columns: list[str] | None = None) -> None:
        self._path = path
        self._n_rows = n_rows
        self._columns = columns

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for start in range(0, count_rows(self._path), self._n_rows):
            yield read_some_rows(self._path, self._columns, start, self._n_rows)


def read_some_rows(path: Path, columns: list[str] | None, start: int, n_rows: int) -> pl.DataFrame:
    """Read the rows from `start` on, at most so many; all columns for None."""
    scan = _scan(path).slice(start, n_rows)
    return _collect(path, scan if columns is None else scan.select(columns))


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read whole columns; texts as categories, which take four bytes a row."""
    texts = pl.selectors.string()
    return _collect(path, _scan(path).select(columns).with_columns(texts.cast(pl.Categorical)))


def count_rows(path: Path) -> int:
    """Return the number of rows.

    Raises:
        InputError: when the file is missing, damaged, or no Parquet.
    """
    return int(_collect(path, _scan(path).select(pl.len())).item())


def _scan(path: Path) -> pl.LazyFrame:
    """Scan the file of exactly this name: `[`, `*` and `a=b/` have no special meaning."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def _collect(path: Path, scan: pl.LazyFrame) -> pl.DataFrame:
    """Read what the scan names.

    Raises:
        InputError: when the file is missing, damaged, or no Parquet.
    """
    try:
        return scan.collect(engine="streaming")
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read: no such file; run `dvc repro` or `dvc pull`") from error
    except _READ_ERRORS as error:
        raise _damaged_error(path, error) from error
