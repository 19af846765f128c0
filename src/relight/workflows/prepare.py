"""prepare: read the source, find out what its columns are, write a clean table and its schema."""

from pathlib import Path

from relight.domain.cleaning import clean_table
from relight.io.artifacts import write_json
from relight.io.parquet import write_parquet
from relight.io.source import read_source
from relight.params.prepare import PrepareParams


def prepare(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table (Parquet) and its schema (JSON)."""
    clean = clean_table(read_source(source), params)
    write_parquet(table, clean.rows)
    write_json(schema, clean.schema)
