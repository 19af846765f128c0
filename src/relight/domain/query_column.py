"""The column that says which query each row is a candidate of: names, whatever type they came in."""

import polars as pl

from relight.domain.columns import UncleanError
from relight.domain.labels import as_labels
from relight.domain.targets import refuse_gaps


def query_labels(raw: pl.Series, first_row: int) -> pl.Series:
    """The query of each row as a text, under the name of the column.

    Args:
        first_row: the row of the first value, counted from 1, for the messages.

    Raises:
        UncleanError: for rows without a query, and for what cannot name one.
    """
    if raw.dtype.is_nested() or raw.dtype in (pl.Binary, pl.Object):
        raise UncleanError(f"is of type {raw.dtype}, which cannot name queries; set prepare.query to another column")
    labels = as_labels(raw)
    refuse_gaps(labels, first_row)
    return labels.alias(raw.name)
