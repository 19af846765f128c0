"""Dispatch by task; write clean table.

prepare, for a table of pairs.

prepare, for a table whose rows make sequences: all of it is in memory.

prepare, for series: on their grid of time, in memory as a whole.

prepare, for a table of independent rows: find out what its columns are, clean them.

prepare: the source → clean rows and their schema, by what the task needs.
"""

from pathlib import Path

import polars as pl

from relight.data.parquet import write_parquet
from relight.data.prefetch import prefetch
from relight.errors import InputError
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.sequences import clean_sequences
from relight.prepare.series import regularize_series
from relight.prepare.source import SourceTable, generate_line, open_source, read_whole, true_line
from relight.prepare.table import PLANNING_ROWS, TableCleaner
from relight.runtime.files import write_json


def prepare_pairs(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table and its schema; all rows are in memory.

    Raises:
        InputError: with all that is wrong with the table.
    """
    content = open_source(source)
    if not isinstance(content, SourceTable):
        raise InputError("prepare.source: must be a table for similarity, got a generated line")
    clean = clean_pairs(pl.concat(content.frames({})), params)
    write_parquet(table, [clean.rows])
    write_json(schema, clean.schema)


def prepare_sequences(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table, sequence after sequence, and its schema."""
    clean = clean_sequences(read_whole(source), params)
    write_parquet(table, [clean.rows])
    write_json(schema, clean.schema)


def prepare_series(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the rows, series after series, and their schema."""
    regular = regularize_series(read_whole(source), params)
    write_parquet(table, [regular.rows])
    write_json(schema, regular.schema)


def prepare_table(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table and its schema.

    The rows pass in stretches, so that a table larger than memory can be prepared.
    """
    content = open_source(source)
    if isinstance(content, LineParams):
        points = generate_line(content, params.target)
        cleaning = TableCleaner(points, params, is_whole=True, truth=true_line(content))
        write_parquet(table, cleaning.clean([points]))
    else:
        first = content.head(PLANNING_ROWS)
        cleaning = TableCleaner(first.rows, params, is_whole=first.is_whole)
        rows = [first.rows] if first.is_whole else prefetch(content.frames(cleaning.types))
        write_parquet(table, cleaning.clean(rows))
    write_json(schema, cleaning.schema())


def prepare(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean rows (Parquet) and their schema (JSON)."""
    if params.task == "similarity":
        return prepare_pairs(params, source=source, table=table, schema=schema)
    if params.task == "forecast":
        return prepare_series(params, source=source, table=table, schema=schema)
    if params.sequence is not None:
        return prepare_sequences(params, source=source, table=table, schema=schema)
    return prepare_table(params, source=source, table=table, schema=schema)
