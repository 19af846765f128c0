"""The files of split: the clean rows that every kind of data reads, and what it writes."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relight.data.features import Features
from relight.data.parquet import read_parquet
from relight.data.schema import Schema
from relight.data.tensors import Arrays, write_tensors
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.report import SplitReport


class SplitFiles(NamedTuple):
    """The paths that split writes.

    Attributes:
        train, validation, test: the tensors of each part.
        features: what only the train rows tell about each feature.
        report: the sizes of the parts, and remarks on them.
    """

    train: Path
    validation: Path
    test: Path
    features: Path
    report: Path

    @property
    def tensors(self) -> tuple[Path, Path, Path]:
        """The files of train, validation and test."""
        return self.train, self.validation, self.test


class Split(NamedTuple):
    """A table that is split.

    Attributes:
        tensors: the arrays of train, validation and test, iterated once.
        features: what only the train rows tell about each feature.
        report: the sizes of the parts, and remarks on them.
    """

    tensors: Iterable[Arrays]
    features: Features
    report: SplitReport


def read_rows(table: Path, schema: Schema) -> pl.DataFrame:
    """Return the clean rows.

    Raises:
        InputError: when the file is missing, damaged, or not the one of the schema.
    """
    rows = read_parquet(table)
    assert_rows_of_schema(table, rows.height, schema)
    return rows


def assert_rows_of_schema(table: Path, n_rows: int, schema: Schema) -> None:
    """Compare the number of rows with the schema.

    Raises:
        InputError: when they differ: the table or the schema is of another run.
    """
    if n_rows != schema.rows:
        raise InputError(f"{table}: must have {schema.rows} rows as its schema says, got {n_rows}; run `dvc repro`")


def write_split(files: SplitFiles, split: Split) -> None:
    """Write the tensors of each part, the features and the report."""
    for path, arrays in zip(files.tensors, split.tensors, strict=True):
        write_tensors(path, arrays)
    write_features(files, split.features, split.report)


def write_features(files: SplitFiles, features: Features, report: SplitReport) -> None:
    """Write the features and the report."""
    write_json(files.features, features)
    write_json(files.report, report)
