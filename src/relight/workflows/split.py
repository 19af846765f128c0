"""split: share the rows out, describe the train rows, write each part as tensors. The table streams by once;
before that, its categories and dates do, for codes need their levels."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.describing import TrainRows
from relight.domain.encoding import EncodedChunk, columns_to_encode, encode_chunk
from relight.domain.features import Inputs
from relight.domain.inputs import columns_to_learn, find_inputs
from relight.domain.parts_report import AllRows
from relight.domain.schema import Schema
from relight.domain.split_choice import settle_split
from relight.domain.split_columns import columns_to_split
from relight.domain.splitting import PARTS, TEST, TRAIN, VALIDATION, Parts, assign_parts
from relight.domain.statistics import CHUNK_ROWS
from relight.errors import InputError
from relight.io.ahead import ahead
from relight.io.artifacts import read_model, write_json
from relight.io.table_batches import TableBatches, count_rows, read_columns
from relight.io.tensors import Layout, TensorsWriter
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
    known = read_model(schema, Schema)
    if (n_rows := count_rows(table)) != known.rows:
        raise InputError(f"{table}: has {n_rows} rows, and its schema says {known.rows}; run `dvc repro`")
    params, choice = settle_split(params, known)
    parts = assign_parts(params, _columns(table, columns_to_split(params, known)), known)
    learned = TableBatches(table, n_rows=CHUNK_ROWS, columns=columns_to_learn(params, known))
    inputs = find_inputs(params, known, parts, ahead(learned))
    train_rows, all_rows = _write_parts(known, inputs, parts, table, (train, validation, test))
    described = train_rows.features()
    write_json(features, described)
    write_json(report, all_rows.report(params, described).preceded_by(choice))


def _columns(table: Path, columns: list[str]) -> pl.DataFrame:
    return read_columns(table, columns) if columns else pl.DataFrame()


def _write_parts(
    schema: Schema, inputs: Inputs, parts: Parts, table: Path, paths: tuple[Path, ...]
) -> tuple[TrainRows, AllRows]:
    train_rows, all_rows = TrainRows(schema, inputs, parts), AllRows(schema, inputs, parts)
    passed = 0
    with ExitStack() as files:
        writers = _open_files(files, schema, inputs, parts, paths)
        for chunk, encoded in _encoded(table, schema, inputs):
            all_rows.add(chunk, encoded)
            of_chunk = parts[passed : passed + chunk.height]
            for part, open_files in writers.items():
                places = np.flatnonzero(of_chunk == part)
                rows = encoded.take(places)
                if part == TRAIN:
                    train_rows.add(rows)
                for file in open_files:
                    file.append({**rows.tensors(), "row": places + passed})
            passed += chunk.height
    return train_rows, all_rows


def _encoded(table: Path, schema: Schema, inputs: Inputs) -> Iterator[tuple[pl.DataFrame, EncodedChunk]]:
    batches = TableBatches(table, n_rows=CHUNK_ROWS, columns=columns_to_encode(schema, inputs))
    return ahead((batch, encode_chunk(batch, schema, inputs)) for batch in ahead(batches))


def _open_files(
    files: ExitStack, schema: Schema, inputs: Inputs, parts: Parts, paths: tuple[Path, ...]
) -> dict[int, list[TensorsWriter]]:
    """The files of each part. Without validation rows the test rows stand in for them."""
    stands_in = VALIDATION if bool((parts == VALIDATION).any()) else TEST
    writers: dict[int, list[TensorsWriter]] = {part: [] for part in range(len(PARTS))}
    for part, path in zip((TRAIN, stands_in, TEST), paths, strict=True):
        layouts = _layouts(schema, inputs, int((parts == part).sum()))
        writers[part].append(files.enter_context(TensorsWriter(path, layouts)))
    return writers


def _layouts(schema: Schema, inputs: Inputs, n_rows: int) -> dict[str, Layout]:
    """`numeric`, `categories`, `target`, `row` (each row's place in the table, from 0), and `weight`."""
    target = (
        Layout("int64", (n_rows,)) if schema.task == "multiclass" else Layout("float32", (n_rows, len(schema.targets)))
    )
    weight = {} if schema.weight is None else {"weight": Layout("float32", (n_rows,))}
    return {
        "numeric": Layout("float32", (n_rows, len(inputs.numeric))),
        "categories": Layout("int32", (n_rows, len(inputs.categorical))),
        "target": target,
        "row": Layout("int64", (n_rows,)),
        **weight,
    }
