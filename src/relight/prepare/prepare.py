"""prepare: the source → clean rows and their schema; each kind of data has a file of its own."""

from pathlib import Path

from relight.data.parquet import write_parquet
from relight.prepare.pairs import clean_pairs
from relight.prepare.params import PrepareParams
from relight.prepare.plain.tables import read_plain
from relight.prepare.sequences import clean_sequences
from relight.prepare.series import regularize_series
from relight.prepare.table import prepare_table, with_source
from relight.runtime.files import write_json


def prepare(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean rows (Parquet) and their schema (JSON).

    A table of independent rows streams; all other kinds are in memory as a whole.

    Raises:
        InputError: with all that is wrong with the source.
    """
    if params.task == "similarity":
        clean_rows = clean_pairs
    elif params.task == "forecast":
        clean_rows = regularize_series
    elif params.sequence is not None:
        clean_rows = clean_sequences
    else:
        prepare_table(params, source=source, table=table, schema=schema)
        return
    raw = read_plain(params, source)
    clean = clean_rows(raw.rows, params)
    write_parquet(table, [clean.rows])
    write_json(schema, with_source(clean.schema, params, raw.found))
