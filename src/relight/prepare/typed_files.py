"""Tables whose files hold types: Parquet, JSON Lines, Excel."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import polars as pl

from relight.data.parquet import parquet_frames, parquet_schema
from relight.data.parquet_sizes import MAX_PACKING, MIN_UNPACKED_BYTES, assert_unpacks
from relight.errors import InputError
from relight.extras import require_extra
from relight.prepare.frames import as_frame

TypedKind = Literal["parquet", "jsonl", "excel"]
_PART_BYTES = 1 << 20


def typed_schema(file: Path, kind: TypedKind) -> pl.Schema:
    """Return the columns of a file and their types.

    Raises:
        InputError: for a file that cannot be read, or takes far more memory than its size.
    """
    if kind == "parquet":
        assert_unpacks(file)
        return parquet_schema(file)
    return next(typed_frames(file, kind)).schema


def typed_frames(file: Path, kind: TypedKind) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in their order, in tables of any number of rows.

    Raises:
        InputError: for a file that cannot be read, or takes far more memory than its size.
    """
    if kind == "parquet":
        return _bounded_texts(file)
    return iter([_json_lines(file) if kind == "jsonl" else _excel(file)])


def _bounded_texts(file: Path) -> Iterator[pl.DataFrame]:
    """Yield the rows of a Parquet file, whose texts may be one long text a million times."""
    limit = max(MIN_UNPACKED_BYTES, MAX_PACKING * file.stat().st_size)
    for frame in parquet_frames(file):
        texts = [column for column in frame if column.dtype == pl.String]
        if sum(column.str.len_bytes().sum() for column in texts) > limit:
            raise InputError(
                f"{file}: must have at most {limit >> 20} MB of text in {frame.height} rows, {MAX_PACKING} times its "
                f"size or {MIN_UNPACKED_BYTES >> 20} MB, and it has more; shorten the texts"
            )
        yield frame


def _json_lines(file: Path) -> pl.DataFrame:
    """Return a table that has an object on each line; all lines decide on the types."""
    try:
        rows = pl.read_ndjson(file, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{file}: is not JSON Lines, with an object on each line ({reason})") from error
    return _named(file, rows)


def _excel(file: Path) -> pl.DataFrame:
    """Return the first sheet."""
    require_extra("excel", f"{file}: an Excel file")
    _assert_small(file)
    try:
        rows = pl.read_excel(file, engine="calamine", infer_schema_length=None)
    except Exception as error:  # fastexcel has errors of its own, and imports no package for them
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{file}: cannot be read as Excel ({reason}); save the sheet as .csv") from error
    return _named(file, rows)


def _named(file: Path, rows: pl.DataFrame) -> pl.DataFrame:
    try:
        return as_frame(rows)
    except InputError as error:
        raise InputError(*(f"{file}: {problem}" for problem in error.problems)) from error


def _assert_small(file: Path) -> None:
    """Unpack the parts of a workbook, and forget them: what its list says of their sizes may be untrue."""
    limit = max(MIN_UNPACKED_BYTES, MAX_PACKING * file.stat().st_size)
    if not zipfile.is_zipfile(file):
        return  # .xls is not packed
    n_bytes = 0
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            with archive.open(part) as content:
                while more := content.read(_PART_BYTES):
                    n_bytes += len(more)
                    if n_bytes > limit:
                        raise InputError(f"{file}: must unpack to at most {limit >> 20} MB; save the sheet as .csv")
