"""Where a table may come from: a regular file or a folder of Parquet, inside the repository."""

from pathlib import Path
from typing import Literal

import polars as pl

from relight.errors import InputError
from relight.io.csv_tables import read_csv
from relight.io.params import check_document
from relight.io.parquet import read_parquet
from relight.io.yaml12 import read_yaml
from relight.params.line import LineParams

SourceKind = Literal["line", "csv", "parquet"]
_KINDS: dict[str, SourceKind] = {".yaml": "line", ".csv": "csv", ".parquet": "parquet"}


def read_source(source: Path) -> pl.DataFrame | LineParams:
    """A raw table, or the description of a generated one.

    Raises:
        InputError: with all that keeps it from being read.
    """
    match source_kind(source):
        case "line":
            checked = check_document(read_yaml(source), LineParams)
            if checked.params is None:
                raise InputError(*checked.problems)
            return checked.params
        case "csv":
            return read_csv(source)
        case "parquet":
            return read_parquet(source)


def source_kind(source: Path) -> SourceKind:
    """What the source is, by its name; a folder is Parquet.

    Raises:
        InputError: for a path outside the repository, missing, no regular file, or of another kind.
    """
    if source.is_absolute() or ".." in source.parts:
        raise InputError(f"{source}: must be a path inside the repository; put the table into data/raw/")
    if not _exists(source):
        raise InputError(f"{source}: no such file in {Path.cwd()}{_next_step(source)}")
    if not source.resolve().is_relative_to(Path.cwd().resolve()) and not _in_dvc_cache(source):
        raise InputError(f"{source}: is a link out of the repository; put the table itself into data/raw/")
    return file_kind(source)


def file_kind(path: Path) -> SourceKind:
    """What a file is, by its name."""
    if path.is_dir():
        return "parquet"
    if not path.is_file():
        raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: is not a regular file")
    if path.suffix not in _KINDS:
        raise InputError(f"{path}: must end in {', '.join(_KINDS)}, or be a folder of .parquet files")
    return _KINDS[path.suffix]


def _exists(source: Path) -> bool:
    try:
        return source.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error


def _in_dvc_cache(source: Path) -> bool:
    """`dvc add` may leave a link into a cache that several repositories share."""
    return source.is_symlink() and source.with_name(source.name + ".dvc").is_file()


def _next_step(source: Path) -> str:
    if source.with_name(source.name + ".dvc").is_file():
        return f"; run `dvc pull {source}`"
    return f"; run `relight data {source.stem}` for one of the sample tables, or correct prepare.source"
