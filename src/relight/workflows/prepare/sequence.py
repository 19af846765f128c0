"""prepare, for a table whose rows make sequences: all of it is in memory."""

from pathlib import Path

from relight.domain.sequence_cleaning import clean_sequences
from relight.io.artifacts import write_json
from relight.io.parquet import write_parquet
from relight.io.source import read_whole
from relight.params.prepare import PrepareParams


def prepare_sequences(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table, sequence after sequence, and its schema."""
    clean = clean_sequences(read_whole(source), params)
    write_parquet(table, [clean.rows])
    write_json(schema, clean.schema)
