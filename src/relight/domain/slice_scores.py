"""The scores of each slice of the test rows."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from relight.domain.intervals import bootstrap_intervals
from relight.domain.labelled import LabelledRows
from relight.domain.metrics import headline, scores_of
from relight.domain.schema import Task
from relight.domain.slicing import slices_of

SCHEMA = {
    "column": pl.String, "value": pl.String, "rows": pl.Int64,
    "score": pl.String, "estimate": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def slice_scores(
    task: Task, rows: LabelledRows, said: np.ndarray, columns: pl.DataFrame, *, n_resamples: int, seed: int
) -> pl.DataFrame:
    """A line for each column, value and score, the score that stands for the task first.

    Args:
        said: what the model says of the rows.
        columns: the columns to slice by, (n_rows, n_columns).
    """
    lines = [
        (column.name, *line)
        for column in columns
        for value, members in slices_of(column)
        for line in _lines(task, value, rows.at(members), said[members], n_resamples, seed)
    ]
    return pl.DataFrame(lines, schema=SCHEMA, orient="row")


def no_slices() -> pl.DataFrame:
    return pl.DataFrame(schema=SCHEMA)


def _lines(
    task: Task, value: str, rows: LabelledRows, said: np.ndarray, n_resamples: int, seed: int
) -> Iterator[tuple[object, ...]]:
    scores = scores_of(task, rows.target, said, rows.weight)
    intervals = bootstrap_intervals(task, rows.target, said, rows.weight, n_resamples=n_resamples, seed=seed)
    for name in sorted(scores, key=lambda name: (name != headline(task), name)):
        yield value, len(rows.target), name, scores[name], *intervals.get(name, (None, None))
