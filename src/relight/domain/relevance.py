"""The target of a ranking: grades of relevance."""

import polars as pl

from relight.domain.columns import UncleanError, clean_as
from relight.domain.targets import refuse_gaps

HIGHEST = 30  # as in LightGBM: a gain is 2^grade - 1


def clean_relevance(raw: pl.Series, first_row: int) -> pl.Series:
    """Grades 0, 1, 2, ... as Float64, one for each row.

    Args:
        first_row: the row of the first value, counted from 1, for the messages.

    Raises:
        UncleanError: for gaps, and for the first value that is no such grade.
    """
    grades = clean_as("numeric", raw, first_row, "a grade of relevance in every row")
    refuse_gaps(grades, first_row)
    wrong = (grades < 0) | (grades > HIGHEST) | (grades != grades.round())
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise UncleanError(
            f"row {first_row + at} must be a grade of relevance, a whole number from 0 to {HIGHEST}, "
            f"however: {grades[at]:g}; make grades of it"
        )
    return grades
