"""split, for a table of independent rows, which may be larger than memory.

The table is read once in chunks; before that, only its categories and dates are, because codes need their levels.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl

from relight.data.features import InputFeatures
from relight.data.parquet import TableBatches, count_rows, read_columns, read_some_rows
from relight.data.prefetch import map_ordered, prefetch
from relight.data.schema import Schema
from relight.data.tensors import Arrays, Layout, TensorsWriter
from relight.split.assignment import PARTS, TRAIN, PartAssignment, assign_rows, parts_to_write
from relight.split.columns import query_numbers
from relight.split.description import (
    LearnedLevels,
    TrainStatistics,
    columns_to_learn,
    find_input_features,
    learn_levels,
    numeric_statistics,
)
from relight.split.encoding import EncodedChunk, columns_to_encode, encode_chunk
from relight.split.files import SplitFiles, assert_rows_of_schema, write_features
from relight.split.offsets import columns_to_sample, merged_notes, sample_train_rows, with_offsets
from relight.split.params import SplitParams
from relight.split.report import SplitReporter
from relight.split.statistics import CHUNK_ROWS, RunningStatistics

Result = TypeVar("Result")


def split_table(params: SplitParams, schema: Schema, table: Path, files: SplitFiles) -> None:
    """Write the tensors of each part, the features and the report, chunk by chunk.

    Raises:
        InputError: for a table that is not the one of the schema, or that cannot be split in this way.
    """
    assert_rows_of_schema(table, count_rows(table), schema)
    parts, params, notes, columns = assign_rows(params, schema, partial(_read_split_columns, table))
    extra_columns = query_numbers(columns, schema, parts)
    del columns
    inputs = find_input_features(params, schema, _learn_chunks(params, schema, parts, table))
    sampled = columns_to_sample(inputs, schema)
    sample = sample_train_rows(parts, partial(read_some_rows, table, sampled)) if sampled else pl.DataFrame()
    inputs = with_offsets(inputs, schema, sample)
    source = _Source(table, schema, inputs, parts)
    train_rows, all_rows = _write_parts(source, files.tensors, extra_columns)
    features = train_rows.features()
    report = all_rows.report(params, features).followed_by(merged_notes(features, sample))
    write_features(files, features, report.preceded_by(notes))


class _Source(NamedTuple):
    """The clean table, and what is known of it before its rows are written."""

    table: Path
    schema: Schema
    inputs: InputFeatures
    parts: PartAssignment


def _read_split_columns(table: Path, columns: list[str]) -> pl.DataFrame:
    return read_columns(table, columns) if columns else pl.DataFrame()


def _learn_chunks(params: SplitParams, schema: Schema, parts: PartAssignment, table: Path) -> Iterator[LearnedLevels]:
    def learn_from(start: int, chunk: pl.DataFrame) -> LearnedLevels:
        return learn_levels(params, schema, chunk.filter(parts[start : start + chunk.height] == TRAIN))

    return _each_chunk(learn_from, table, len(parts), columns_to_learn(params, schema))


def _write_parts(
    source: _Source, paths: tuple[Path, Path, Path], extra_columns: Arrays
) -> tuple[TrainStatistics, SplitReporter]:
    """Write the tensors; return the statistics of the train rows and the report of all rows.

    Args:
        extra_columns: int32 (n_rows of the table,) each, written besides the columns of the table.
    """
    _, schema, inputs, parts = source
    train_rows, all_rows = TrainStatistics(schema, inputs, parts), SplitReporter(schema, inputs, parts)
    with ExitStack() as files:
        writers = _open_files(files, source, paths, list(extra_columns))
        for written in _write_chunks(source, writers, extra_columns):
            all_rows.add(written.chunk, written.encoded)
            train_rows.add(written.train, written.statistics)
    return train_rows, all_rows


class _WrittenChunk(NamedTuple):
    """Some rows of the table whose tensors are in the files, and the statistics of the train rows among them."""

    chunk: pl.DataFrame
    encoded: EncodedChunk
    train: EncodedChunk
    statistics: list[RunningStatistics]


def _write_chunks(
    source: _Source, writers: dict[int, list[TensorsWriter]], extra_columns: Arrays
) -> Iterator[_WrittenChunk]:
    """Write the table in chunks, in order; the rows of each chunk have their own offsets in the files."""

    def write(start: int, chunk: pl.DataFrame) -> _WrittenChunk:
        encoded = encode_chunk(chunk, source.schema, source.inputs)
        chunk_parts = source.parts[start : start + chunk.height]
        indices = {part: np.flatnonzero(chunk_parts == part) for part in writers}
        rows = {part: encoded.take(part_rows) for part, part_rows in indices.items()}
        for part, files in writers.items():
            extra = {name: values[indices[part] + start] for name, values in extra_columns.items()}
            arrays = {**rows[part].tensors(), **extra, "row": indices[part] + start}
            for file in files:
                file.write(first_rows[part][start // CHUNK_ROWS], arrays)
        return _WrittenChunk(chunk, encoded, rows[TRAIN], numeric_statistics(rows[TRAIN]))

    first_rows = {part: _first_rows(source.parts == part) for part in writers}
    columns = columns_to_encode(source.schema, source.inputs)
    return _each_chunk(write, source.table, len(source.parts), columns)


def _first_rows(chosen: np.ndarray) -> np.ndarray:
    """Return how many rows before each chunk are chosen, bool (n_rows,)."""
    counts = [np.count_nonzero(chosen[start : start + CHUNK_ROWS]) for start in range(0, len(chosen), CHUNK_ROWS)]
    return np.cumsum([0, *counts])


def _each_chunk(
    work: Callable[[int, pl.DataFrame], Result], table: Path, n_rows: int, columns: list[str]
) -> Iterator[Result]:
    """Return the result of each chunk, in order; `work` takes its first row and its rows."""
    starts, chunks = range(0, n_rows, CHUNK_ROWS), TableBatches(table, n_rows=CHUNK_ROWS, columns=columns)
    return map_ordered(lambda chunk: work(*chunk), zip(starts, prefetch(chunks), strict=True))


def _open_files(
    files: ExitStack, source: _Source, paths: tuple[Path, Path, Path], extra_columns: list[str]
) -> dict[int, list[TensorsWriter]]:
    """Open the files of each part: two of the test part if it stands in for the validation rows."""
    layouts = partial(_layouts, source.schema, source.inputs, extra_columns)
    writers: dict[int, list[TensorsWriter]] = {part: [] for part in range(len(PARTS))}
    for part, path in zip(parts_to_write(source.parts), paths, strict=True):
        n_rows = int((source.parts == part).sum())
        writers[part].append(files.enter_context(TensorsWriter(path, layouts(n_rows))))
    return writers


def _layouts(schema: Schema, inputs: InputFeatures, extra_columns: list[str], n_rows: int) -> dict[str, Layout]:
    """Return the layouts of `numeric`, `categories`, `target`, `row` (the row of the table, from 0), and `weight`."""
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
