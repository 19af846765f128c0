"""prepare, for a table of pairs."""

from pathlib import Path

import polars as pl

from relight.domain.pairing import clean_pairs
from relight.errors import InputError
from relight.io.artifacts import write_json
from relight.io.parquet import write_parquet
from relight.io.source import Table, open_source
from relight.params.prepare import PrepareParams


def prepare_pairs(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table and its schema; all rows are in memory.

    Raises:
        InputError: with all that is wrong with the table.
    """
    content = open_source(source)
    if not isinstance(content, Table):
        raise InputError("prepare.source: must be a table for similarity, however: a generated line")
    clean = clean_pairs(pl.concat(content.frames({})), params)
    write_parquet(table, [clean.rows])
    write_json(schema, clean.schema)
