"""split, for a table of pairs."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.features import Features
from relight.domain.pair_describing import describe_pairs, report_pairs, tensors_of_pairs
from relight.domain.schema import Schema
from relight.domain.split_choice import settle_split
from relight.domain.split_columns import columns_to_split
from relight.domain.splitting import TEST, TRAIN, VALIDATION, assign_parts
from relight.errors import InputError
from relight.io.artifacts import write_json
from relight.io.parquet import read_parquet
from relight.io.tensors import Layout, TensorsWriter
from relight.params.split import SplitParams
from relight.workflows.split.files import Files


def split_pairs(params: SplitParams, known: Schema, table: Path, files: Files) -> None:
    """Of a table of pairs, all of it in memory; one description of the columns for both sides."""
    rows = read_parquet(table)
    if rows.height != known.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {known.rows}; run `dvc repro`")
    params, choice = settle_split(params, known)
    parts = assign_parts(params, rows.select(columns_to_split(params, known)), known)
    features = describe_pairs(params, known, parts, rows)
    stands_in = TEST if features.test_rows_validate else VALIDATION
    for part, path in zip((TRAIN, stands_in, TEST), files[:3], strict=True):
        _write(path, known, features, rows[places := np.flatnonzero(parts == part)], places)
    write_json(files.features, features)
    write_json(files.report, report_pairs(known, features, parts, rows).preceded_by(choice))


def _write(path: Path, known: Schema, features: Features, rows: pl.DataFrame, places: np.ndarray) -> None:
    arrays = {**tensors_of_pairs(known, features, rows), "row": places}
    layouts = {name: Layout(str(array.dtype), array.shape) for name, array in arrays.items()}
    with TensorsWriter(path, layouts) as file:
        file.write(0, arrays)
