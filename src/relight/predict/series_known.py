"""The covariates that are known ahead: what the steps to come lack is refused by name, or assumed on request."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import polars as pl

from relight.data.series_features import SeriesFeatures
from relight.errors import InputError
from relight.predict.new_rows import NewRows
from relight.predict.series_history import IN_TABLE, SeriesEnd
from relight.runtime.messages import MAX_NAMES_LISTED, abbreviate

AssumeKnown = Literal["last", "zero"]

_NO_LEVEL = "\0none"  # stands for the gap of a category in a row of the table


class Ahead(NamedTuple):
    """The settings of one forecast.

    Attributes:
        history: rows before those of the table; None if the table has them.
        assume_known: what a missing value is taken for: the last one of its series, or 0 (no level of a category).
    """

    history: NewRows | None = None
    assume_known: AssumeKnown | None = None


NOTHING_SAID = Ahead()


class KnownValues(NamedTuple):
    """The values of one known covariate of a series.

    Attributes:
        column: its name.
        values: of all steps, with those that are assumed.
        missing, lacking: of all steps, bool: whether the table has no value, and whether nothing is assumed either.
    """

    column: str
    values: pl.Series
    missing: pl.Series
    lacking: pl.Series


def fill_known(
    ends: Sequence[SeriesEnd], series: SeriesFeatures, assume: AssumeKnown | None
) -> tuple[list[SeriesEnd], list[list[KnownValues]]]:
    """Return the ends with what is assumed, and the known covariates of which some steps to come have no value.

    A category has no value if the table has no row; in a row of the table a gap is a value, as in training.

    Raises:
        InputError: if something is to be assumed, and no covariate is known; or in a way that there is not.
    """
    columns = list(dict.fromkeys(covariate.source for covariate in series.covariates if covariate.known))
    if assume is not None and assume not in get_args(AssumeKnown):
        raise InputError(f"assume-known: must be {' or '.join(get_args(AssumeKnown))}, got {assume!r}")
    if assume is not None and not columns:
        raise InputError(
            "assume-known: must be left out, because no covariate of this model is known ahead "
            f"(prepare.sequence.known), got {assume}"
        )
    gaps = [
        [known for column in columns if (known := _known(end, column, series, assume)).missing.any()]
        if end.n_values
        else []
        for end in ends
    ]
    filled = [
        end._replace(rows=end.rows.with_columns(known.values for known in gaps_of_end))
        for end, gaps_of_end in zip(ends, gaps, strict=True)
    ]
    return filled, gaps


def _known(end: SeriesEnd, column: str, series: SeriesFeatures, assume: AssumeKnown | None) -> KnownValues:
    rows, horizon = end.rows, series.series_schema.horizon
    is_to_come = pl.int_range(pl.len()) >= rows.height - horizon
    is_category = rows[column].dtype == pl.String
    is_gap = pl.col(IN_TABLE if is_category else column).is_null()
    missing = rows.select(is_to_come & is_gap).to_series()
    if assume is None:
        return KnownValues(column, rows[column], missing, missing)
    guess = _assumed_levels(rows, column, assume) if is_category else _assumed_numbers(rows[column], assume)
    values = rows[column].zip_with(~missing, guess)
    lacking = missing & values.is_null() if not is_category else missing & False
    return KnownValues(column, values, missing, lacking)


def _assumed_numbers(values: pl.Series, assume: AssumeKnown) -> pl.Series:
    return values.fill_null(0.0) if assume == "zero" else values.fill_null(strategy="forward")


def _assumed_levels(rows: pl.DataFrame, column: str, assume: AssumeKnown) -> pl.Series:
    if assume == "zero":
        return pl.Series(column, [None] * rows.height, dtype=pl.String)
    level = pl.when(pl.col(IN_TABLE).is_not_null()).then(pl.col(column).fill_null(_NO_LEVEL)).forward_fill()
    return rows.select(pl.when(level != _NO_LEVEL).then(level).alias(column)).to_series()


def refuse_lacking(
    ends: Sequence[SeriesEnd], gaps: Sequence[list[KnownValues]], times: Sequence[pl.Series], table: str, target: str
) -> None:
    """Check that each known covariate has a value at each step to come.

    Args:
        times: the steps to come of each series, as the table writes them.
        table, target: names for messages.

    Raises:
        InputError: with the steps without one, of each column and series.
    """
    problems = [
        _problem(end, known.column, time.filter(known.lacking.tail(len(time))), len(time), table, target)
        for end, known_of_end, time in zip(ends, gaps, times, strict=True)
        for known in known_of_end
        if known.lacking.any()
    ]
    if problems:
        raise InputError(*_shortened(problems, table))


def _problem(end: SeriesEnd, column: str, steps: pl.Series, horizon: int, table: str, target: str) -> str:
    of_series = "" if end.name is None else f" of series '{end.name}'"
    names = abbreviate([str(step) for step in steps], MAX_NAMES_LISTED)
    return (
        f"{table}: '{column}' must have a value at each of the {horizon} steps after the last value of '{target}'"
        f"{of_series}, got none at {names}; add them in rows whose '{target}' is empty (not 0), or assume them "
        "with --assume-known last or zero"
    )


def _shortened(problems: list[str], table: str) -> Iterator[str]:
    yield from problems[:MAX_NAMES_LISTED]
    if len(problems) > MAX_NAMES_LISTED:
        yield f"{table}: the same is wrong with {len(problems) - MAX_NAMES_LISTED} more columns of series"
