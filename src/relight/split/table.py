"""split, for a table of independent rows. It streams by once; before that, its categories and dates do, for codes
need their levels."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from relight.data.features import InputFeatures
from relight.data.parquet import TableBatches, count_rows, read_columns
from relight.data.prefetch import map_ordered, prefetch
from relight.data.schema import Schema
from relight.data.tensors import Arrays, Layout, TensorsWriter
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.assignment import PARTS, TEST, TRAIN, VALIDATION, PartAssignment, assign_parts, resolve_split
from relight.split.columns import columns_to_split, query_numbers
from relight.split.description import (
    LearnedLevels,
    TrainStatistics,
    columns_to_learn,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import EncodedChunk, columns_to_encode, encode_chunk
from relight.split.files import SplitFiles
from relight.split.params import SplitParams
from relight.split.report import SplitReporter
from relight.split.statistics import CHUNK_ROWS, RunningStatistics

Result = TypeVar("Result")


def split_table(params: SplitParams, schema: Schema, table: Path, files: SplitFiles) -> None:
    """Of a table of independent rows, which may be larger than memory."""
    if (n_rows := count_rows(table)) != schema.rows:
        raise InputError(f"{table}: has {n_rows} rows, and its schema says {schema.rows}; run `dvc repro`")
    params, choice = resolve_split(params, schema)
    columns = _read_split_columns(table, columns_to_split(params, schema))
    parts = assign_parts(params, columns, schema)
    extra_columns = query_numbers(columns, schema, parts)
    del columns
    inputs = find_input_features(params, schema, _learn_chunks(params, schema, parts, table))
    train_rows, all_rows = _write_parts(schema, inputs, parts, table, files[:3], extra_columns)
    described = train_rows.features()
    write_json(files.features, described)
    write_json(files.report, all_rows.report(params, described).preceded_by(choice))


def _read_split_columns(table: Path, columns: list[str]) -> pl.DataFrame:
    return read_columns(table, columns) if columns else pl.DataFrame()


def _learn_chunks(params: SplitParams, schema: Schema, parts: PartAssignment, table: Path) -> Iterator[LearnedLevels]:
    def learn_from(start: int, chunk: pl.DataFrame) -> LearnedLevels:
        return learn_levels(params, schema, chunk.filter(parts[start : start + chunk.height] == TRAIN))

    return _each_chunk(learn_from, table, len(parts), columns_to_learn(params, schema))


def _write_parts(
    schema: Schema,
    inputs: InputFeatures,
    parts: PartAssignment,
    table: Path,
    paths: tuple[Path, ...],
    extra_columns: Arrays,
) -> tuple[TrainStatistics, SplitReporter]:
    """
    Args:
        beside: int32, (n_rows of the table,) each, which are written beside what is read of the table.
    """
    train_rows, all_rows = TrainStatistics(schema, inputs, parts), SplitReporter(schema, inputs, parts)
    with ExitStack() as files:
        writers = _open_files(files, schema, inputs, parts, paths, list(extra_columns))
        for written in _write_chunks(table, schema, inputs, parts, writers, extra_columns):
            all_rows.add(written.chunk, written.encoded)
            train_rows.add(written.train, written.statistics)
    return train_rows, all_rows


class _WrittenChunk(NamedTuple):
    """Some rows of the table whose tensors are in the files, and what the train rows among them say."""

    chunk: pl.DataFrame
    encoded: EncodedChunk
    train: EncodedChunk
    statistics: list[RunningStatistics]


def _write_chunks(
    table: Path,
    schema: Schema,
    inputs: InputFeatures,
    parts: PartAssignment,
    writers: dict[int, list[TensorsWriter]],
    extra_columns: Arrays,
) -> Iterator[_WrittenChunk]:
    """The table in chunks, in order; each of them finds its place in the files by itself."""

    def write(start: int, chunk: pl.DataFrame) -> _WrittenChunk:
        encoded = encode_chunk(chunk, schema, inputs)
        of_chunk = parts[start : start + chunk.height]
        indices = {part: np.flatnonzero(of_chunk == part) for part in writers}
        rows = {part: encoded.take(part_rows) for part, part_rows in indices.items()}
        for part, files in writers.items():
            of_table = {name: values[indices[part] + start] for name, values in extra_columns.items()}
            arrays = {**rows[part].tensors(), **of_table, "row": indices[part] + start}
            for file in files:
                file.write(first_rows[part][start // CHUNK_ROWS], arrays)
        return _WrittenChunk(chunk, encoded, rows[TRAIN], numeric_statistics(rows[TRAIN]))

    first_rows = {part: _first_rows(parts == part) for part in writers}
    return _each_chunk(write, table, len(parts), columns_to_encode(schema, inputs))


def _first_rows(chosen: np.ndarray) -> np.ndarray:
    """How many rows are chosen, bool (n_rows,), before each chunk."""
    counts = [np.count_nonzero(chosen[start : start + CHUNK_ROWS]) for start in range(0, len(chosen), CHUNK_ROWS)]
    return np.cumsum([0, *counts])


def _each_chunk(
    work: Callable[[int, pl.DataFrame], Result], table: Path, n_rows: int, columns: list[str]
) -> Iterator[Result]:
    """What comes of each chunk, given its first row, in order."""
    starts, chunks = range(0, n_rows, CHUNK_ROWS), TableBatches(table, n_rows=CHUNK_ROWS, columns=columns)
    return map_ordered(lambda chunk: work(*chunk), zip(starts, prefetch(chunks), strict=True))


def _open_files(
    files: ExitStack,
    schema: Schema,
    inputs: InputFeatures,
    parts: PartAssignment,
    paths: tuple[Path, ...],
    extra_columns: list[str],
) -> dict[int, list[TensorsWriter]]:
    """The files of each part. Without validation rows the test rows stand in for them."""
    stands_in = VALIDATION if bool((parts == VALIDATION).any()) else TEST
    writers: dict[int, list[TensorsWriter]] = {part: [] for part in range(len(PARTS))}
    for part, path in zip((TRAIN, stands_in, TEST), paths, strict=True):
        layouts = _layouts(schema, inputs, int((parts == part).sum()), extra_columns)
        writers[part].append(files.enter_context(TensorsWriter(path, layouts)))
    return writers


def _layouts(schema: Schema, inputs: InputFeatures, n_rows: int, extra_columns: list[str]) -> dict[str, Layout]:
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
        **{name: Layout("int32", (n_rows,)) for name in extra_columns},
        **weight,
    }
