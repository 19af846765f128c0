"""Tables in: CSV as texts, Parquet as typed columns. Tables out: Parquet and CSV, the same bytes each time."""

import io
from pathlib import Path

import polars as pl

from relight.errors import InputError
from relight.io.csv_structure import check_csv, name_problems


def read_csv(path: Path) -> pl.DataFrame:
    """Every value as the text that stands in the file, so that types are decided on whole columns.

    Raises:
        InputError: with file and line, for anything that could be read in two ways.
    """
    names, n_rows = check_csv(path)
    try:
        table = pl.read_csv(path, has_header=False, infer_schema=False, new_columns=names, glob=False)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: cannot be read as CSV: {_first_line(error)}") from error
    return table.slice(1, n_rows)  # without the header, and without blank lines at the end


def read_parquet(path: Path) -> pl.DataFrame:
    """A file, or all `.parquet` files of a folder in the order of their names.

    Raises:
        InputError: for a damaged file, files that do not fit together, or no rows.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: has no .parquet files in it")
    tables = [_read_one(file) for file in files]
    for file, table in zip(files, tables, strict=True):
        if table.schema != tables[0].schema:
            raise InputError(f"{file}: must have the columns and types of {files[0].name}")
    whole = pl.concat(tables)
    if whole.height == 0:
        raise InputError(f"{path}: has columns but no rows")
    names = [name.strip() for name in whole.columns]
    problems = name_problems(names)
    if problems:
        raise InputError(*(f"{path}: {problem}" for problem in problems))
    whole.columns = names
    return whole


def read_prepared(path: Path) -> pl.DataFrame:
    """The table that prepare wrote."""
    return _read_one(path)


def write_parquet(path: Path, table: pl.DataFrame) -> None:
    table.write_parquet(path, compression="zstd", statistics=False, row_group_size=262_144)


def csv_text(table: pl.DataFrame) -> str:
    """Floats in their shortest form that reads back the same."""
    return table.write_csv(None)


def _read_one(path: Path) -> pl.DataFrame:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    if not content.startswith(b"PAR1"):
        raise InputError(f"{path}: is not a Parquet file")
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{path}: is a damaged Parquet file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
