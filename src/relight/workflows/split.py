"""split: share the rows out, describe the train rows, write each part as tensors."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.describing import describe, report_parts
from relight.domain.encoding import encode, encode_target
from relight.domain.features import Features
from relight.domain.schema import Part, Schema
from relight.domain.splitting import PARTS, assign_parts
from relight.io.artifacts import read_model, write_json
from relight.io.parquet import read_parquet_file
from relight.io.tensors import write_tensors
from relight.params.split import SplitParams


def split(
    params: SplitParams,
    *,
    table: Path,
    schema: Path,
    train: Path,
    validation: Path,
    test: Path,
    features: Path,
    report: Path,
) -> None:
    """Write three files of tensors, what the train rows alone say of each feature, and the sizes of the parts."""
    rows, known = read_parquet_file(table), read_model(schema, Schema)
    parts = assign_parts(params, rows, known.target)
    described = describe(params, rows, known, parts)
    stands_in: Part = "test" if described.test_rows_validate else "validation"
    for part, path in zip(("train", stands_in, "test"), (train, validation, test), strict=True):
        write_part(path, rows, np.flatnonzero(parts == PARTS.index(part)), described)
    write_json(features, described)
    write_json(report, report_parts(rows, described, parts))


def write_part(path: Path, table: pl.DataFrame, rows: np.ndarray, features: Features) -> None:
    """`numeric`, `categories`, `target`, and `row`: each row's place in the table, from 0."""
    part = table[rows]
    numeric, categories = encode(part, features)
    target = encode_target(part[features.target], features)
    write_tensors(path, {"numeric": numeric, "categories": categories, "target": target, "row": rows})
