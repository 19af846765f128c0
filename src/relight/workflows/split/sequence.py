"""split, for a table whose rows make sequences: all of it is in memory."""

from pathlib import Path

from relight.domain.schema import Schema
from relight.domain.sequence_splitting import split_by_sequence
from relight.errors import InputError
from relight.io.artifacts import write_json
from relight.io.parquet import read_parquet
from relight.io.tensors import write_tensors
from relight.params.split import SplitParams
from relight.workflows.split.files import Files


def split_sequences(params: SplitParams, known: Schema, table: Path, files: Files) -> None:
    """Sequences stay whole."""
    rows = read_parquet(table)
    if rows.height != known.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {known.rows}; run `dvc repro`")
    done = split_by_sequence(params, known, rows)
    for path, arrays in zip(files[:3], done.files(), strict=True):
        write_tensors(path, arrays)
    write_json(files.features, done.features)
    write_json(files.report, done.report)
