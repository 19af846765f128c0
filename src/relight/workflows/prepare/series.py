"""prepare, for series: on their grid of time, in memory as a whole."""

from pathlib import Path

from relight.domain.series import regular_series
from relight.io.artifacts import write_json
from relight.io.parquet import write_parquet
from relight.io.source import read_whole
from relight.params.prepare import PrepareParams


def prepare_series(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the rows, series after series, and their schema."""
    regular = regular_series(read_whole(source), params)
    write_parquet(table, [regular.rows])
    write_json(schema, regular.schema)
