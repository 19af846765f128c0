"""prepare: the source → clean rows and their schema, by what the task needs."""

from pathlib import Path

from relight.params.prepare import PrepareParams
from relight.workflows.prepare.pairs import prepare_pairs
from relight.workflows.prepare.table import prepare_table


def prepare(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean rows (Parquet) and their schema (JSON)."""
    if params.task == "similarity":
        prepare_pairs(params, source=source, table=table, schema=schema)
        return
    prepare_table(params, source=source, table=table, schema=schema)
