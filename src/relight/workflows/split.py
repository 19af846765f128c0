"""split: share the rows out, describe the train rows, write each part as tensors."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.describing import describe
from relight.domain.encoding import encode, encode_target
from relight.domain.features import Features
from relight.domain.schema import Schema
from relight.domain.splitting import PARTS, assign_parts
from relight.io.artifacts import read_model, write_json
from relight.io.tables import read_prepared
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
) -> None:
    """Write three files of tensors, and what the train rows alone say about each feature."""
    rows, known = read_prepared(table), read_model(schema, Schema)
    parts = assign_parts(params, rows, known.target)
    described = describe(params, rows, known, parts)
    standing_in = {"validation": "test"} if described.test_rows_validate else {}
    for part, path in (("train", train), ("validation", validation), ("test", test)):
        chosen = parts == PARTS.index(standing_in.get(part, part))  # type: ignore[arg-type]
        write_part(path, rows, np.flatnonzero(chosen), described)
    write_json(features, described)


def write_part(path: Path, table: pl.DataFrame, rows: np.ndarray, features: Features) -> None:
    """`numeric`, `categories`, `target`, and `row`: each row's place in the table, from 0."""
    part = table[rows]
    numeric, categories = encode(part, features)
    target = encode_target(part[features.target], features)
    write_tensors(path, {"numeric": numeric, "categories": categories, "target": target, "row": rows})
