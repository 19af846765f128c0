"""prepare: the source → clean rows and their schema, by what the task needs."""

from pathlib import Path

from relight.params.prepare import PrepareParams
from relight.workflows.prepare.pairs import prepare_pairs
from relight.workflows.prepare.sequence import prepare_sequences
from relight.workflows.prepare.series import prepare_series
from relight.workflows.prepare.table import prepare_table


def prepare(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean rows (Parquet) and their schema (JSON)."""
    if params.task == "similarity":
        return prepare_pairs(params, source=source, table=table, schema=schema)
    if params.task == "forecast":
        return prepare_series(params, source=source, table=table, schema=schema)
    if params.sequence is not None:
        return prepare_sequences(params, source=source, table=table, schema=schema)
    return prepare_table(params, source=source, table=table, schema=schema)
