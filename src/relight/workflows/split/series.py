"""split, for series: by time, in memory as a whole."""

from pathlib import Path

from relight.domain.schema import Schema
from relight.domain.series_splitting import split_series
from relight.errors import InputError
from relight.io.artifacts import write_json
from relight.io.parquet import read_parquet
from relight.io.tensors import write_tensors
from relight.params.split import SplitParams
from relight.workflows.split.files import Files


def split_forecast(params: SplitParams, known: Schema, table: Path, files: Files) -> None:
    """Each part with the steps before it that its first windows see."""
    rows = read_parquet(table)
    if rows.height != known.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {known.rows}; run `dvc repro`")
    done = split_series(params, known, rows)
    for path, arrays in zip(files[:3], done.parts, strict=True):
        write_tensors(path, arrays)
    write_json(files.features, done.features)
    write_json(files.report, done.report)
