"""Parquet tables in and out; the same table, the same bytes."""

import io
from pathlib import Path

import polars as pl

from relight.errors import InputError
from relight.io.column_names import name_problems


def read_parquet(path: Path) -> pl.DataFrame:
    """A file, or all `.parquet` files of a folder in the order of their names.

    Raises:
        InputError: for a damaged file, files that do not fit together, or no rows.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: has no .parquet files in it")
    tables = [read_parquet_file(file) for file in files]
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


def write_parquet(path: Path, table: pl.DataFrame) -> None:
    table.write_parquet(path, compression="zstd", statistics=False, row_group_size=262_144)


def read_parquet_file(path: Path) -> pl.DataFrame:
    """One file.

    Raises:
        InputError: when it is missing, damaged, or no Parquet.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; run `dvc repro` or `dvc pull`") from error
    if not content.startswith(b"PAR1"):
        raise InputError(f"{path}: is not a Parquet file")
    try:
        return pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise InputError(f"{path}: is a damaged Parquet file: {str(error).strip().splitlines()[0][:200]}") from error
