"""prepare, for a table of independent rows: find out what its columns are, clean them."""

from pathlib import Path

from relight.domain.cleaning import FIRST_ROWS, Cleaning
from relight.domain.generating import generate_line, truth_of
from relight.io.ahead import ahead
from relight.io.artifacts import write_json
from relight.io.parquet import write_parquet
from relight.io.source import open_source
from relight.params.line import LineParams
from relight.params.prepare import PrepareParams


def prepare_table(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table and its schema.

    The rows pass in stretches, so that a table larger than memory can be prepared.
    """
    content = open_source(source)
    if isinstance(content, LineParams):
        points = generate_line(content, params.target)
        cleaning = Cleaning(points, params, is_whole=True, truth=truth_of(content))
        write_parquet(table, cleaning.clean([points]))
    else:
        first = content.head(FIRST_ROWS)
        cleaning = Cleaning(first.rows, params, is_whole=first.is_whole)
        rows = [first.rows] if first.is_whole else ahead(content.frames(cleaning.types))
        write_parquet(table, cleaning.clean(rows))
    write_json(schema, cleaning.schema())
