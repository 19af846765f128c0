"""The past of new series, and the steps to come with what the table knows of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Frequency, Schema, SequenceParams, SeriesSchema
from relight.data.series_features import SeriesFeatures
from relight.data.tensors import Arrays
from relight.errors import InputError
from relight.model.saved_model import SeriesModel
from relight.predict.new_rows import NewRows
from relight.prepare.params import PrepareParams
from relight.prepare.time_axis.stepping import anchors_of, step_times, times_after
from relight.runtime.messages import did_you_mean
from relight.split.assignment import TEST, TRAIN
from relight.split.series_windows import encode_part

IN_TABLE = "\0in_table"  # 1 for a row of the table, null for a step that it lacks; no column has this name


class SeriesEnd(NamedTuple):
    """The end of one series.

    Attributes:
        name: None if the table holds only one.
        rows: the past, at least `length` steps of it, then `horizon` steps to come.
        n_past: the steps of the past that the series has; those before them are gaps.
        n_values: how many values of the target it has.
        n_beyond: rows of the table after the steps to come.
    """

    name: str | None
    rows: pl.DataFrame
    n_past: int
    n_values: int
    n_beyond: int

    def seen(self, schema: SeriesSchema) -> pl.DataFrame:
        """Return the steps of the past that the series has and a forecast sees."""
        past = self.rows.head(self.rows.height - schema.horizon)
        return past.tail(min(self.n_past, schema.length))

    def to_come(self, schema: SeriesSchema) -> pl.DataFrame:
        return self.rows.tail(schema.horizon)


def join_history(new: NewRows, history: NewRows | None) -> tuple[str, pl.DataFrame, pl.DataFrame]:
    """Return a name for messages, the rows as they came, and the same with plain texts; the history first."""
    raw = new.whole()
    plain = new.plain(raw)
    if history is None:
        return new.name, raw, plain
    before = history.whole()
    name = f"{history.name} and {new.name}"
    return name, _one_after_the_other(before, raw), _one_after_the_other(history.plain(before), plain)


def _one_after_the_other(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Join tables of which each may lack columns of the other."""
    return pl.concat([first, second], how="diagonal_relaxed")


def assert_has_columns(columns: list[str], saved: SeriesModel, source_name: str) -> None:
    """Check that a table has all that the forecast reads.

    Raises:
        InputError: with each column that is missing.
    """
    schema, target = saved.series.series_schema, saved.features.target
    names = [schema.time, *([schema.series] if schema.series else []), *saved.series.sources]
    missing = [name for name in dict.fromkeys(names) if name not in columns]
    taken = {*names, target}
    problems = [f"{source_name}: column '{name}' is missing{did_you_mean(name, columns, taken)}" for name in missing]
    if target not in columns:
        problems.append(f"{source_name}: column '{target}' is missing; {_history_advice(target)}")
    if problems:
        raise InputError(*problems)


def _history_advice(target: str) -> str:
    return (
        f"a forecast goes on from a history: put its rows in the table, with '{target}' empty in the rows to come, "
        "or name its file with --history"
    )


def history_params(source_name: str, columns: list[str], saved: SeriesModel) -> PrepareParams:
    """Return how to clean new rows: like those of the training, without other columns of the table."""
    target, schema = saved.features.target, saved.series.series_schema
    levels = {covariate.source: covariate.level for covariate in saved.series.covariates}
    used = {schema.time, schema.series, target, IN_TABLE, *levels}
    kinds = {name: "numeric" if levels[name] is None else "categorical" for name in columns if name in levels}
    return PrepareParams(
        source=source_name,
        target=target,
        task="forecast",
        ignore=[name for name in columns if name not in used],
        columns={**kinds, IN_TABLE: "numeric"},  # type: ignore[dict-item]  # of RequestedKind
        sequence=SequenceParams(
            time=schema.time,
            series=schema.series,
            length=schema.length,
            horizon=schema.horizon,
            season=schema.season,
            fill="interpolate" if schema.fill == "interpolate" else "forward",
            known=schema.known,
        ),
    )


def read_ends(rows: pl.DataFrame, schema: Schema, saved: SeriesModel, source_name: str) -> list[SeriesEnd]:
    """Return the end of each series.

    A series that is too short has gaps before its first step; one without any value has only gaps, and its own steps
    are those to come.

    Args:
        rows: on their grid; after the last value of a series they may hold what is known of the steps to come.
        schema: of these rows.
        source_name: names the table in messages.

    Raises:
        InputError: for another frequency, or a table without a single value.
    """
    target, trained = saved.features.target, saved.series.series_schema
    frequency = _same_frequency(schema, trained, source_name)
    groups = rows.partition_by(trained.series, maintain_order=True) if trained.series else [rows]
    ends = [_end_of(group, target, trained, frequency) for group in groups]
    if not any(end.n_values for end in ends):
        raise InputError(f"{source_name}: column '{target}' has no value; {_history_advice(target)}")
    return ends


def _same_frequency(schema: Schema, trained: SeriesSchema, source_name: str) -> Frequency:
    assert schema.series is not None
    if not (frequency := schema.series.frequency).has_steps_of(trained.frequency):
        raise InputError(
            f"{source_name}: column '{trained.time}' must have steps of {trained.frequency}, as in training, "
            f"got {frequency}"
        )
    return frequency


def _end_of(group: pl.DataFrame, target: str, schema: SeriesSchema, frequency: Frequency) -> SeriesEnd:
    """Split a series at its last value.

    Args:
        frequency: of these rows, whose day within a month may be another one than in training.
    """
    observed = group[target].is_not_null().arg_true()
    end = int(observed[-1]) + 1 if len(observed) else 0
    parts = list(_gaps_before(group, schema.length - end, schema, frequency))
    parts += [group.head(end), _steps_to_come(group, end, schema, frequency)]
    name = group[schema.series][0] if schema.series else None
    n_beyond = int(group.slice(end + schema.horizon)[IN_TABLE].count())
    return SeriesEnd(name, pl.concat([part.select(group.columns) for part in parts]), end, len(observed), n_beyond)


def _gaps_before(
    group: pl.DataFrame, n_steps: int, schema: SeriesSchema, frequency: Frequency
) -> Iterator[pl.DataFrame]:
    """Yield steps before the first one, without values, if there must be some."""
    if n_steps > 0:
        yield _empty_steps(group, np.arange(-n_steps, 0), schema, frequency)


def _steps_to_come(group: pl.DataFrame, end: int, schema: SeriesSchema, frequency: Frequency) -> pl.DataFrame:
    """Return the steps after a row with what the table knows of them."""
    if end == 0:
        steps = _empty_steps(group, np.arange(schema.horizon), schema, frequency)
    else:
        last = int(group[STEP_COLUMN][end - 1])
        times = times_after(group[schema.time].head(end), schema.horizon, frequency)
        steps = _named_steps(group, np.arange(last + 1, last + 1 + schema.horizon), times, schema)
    known = group.drop(schema.time, *([schema.series] if schema.series else []))
    given = [name for name in steps.columns if name in known.columns and name != STEP_COLUMN]
    return steps.drop(given).join(known, on=STEP_COLUMN, how="left", maintain_order="left")


def _empty_steps(group: pl.DataFrame, counts: np.ndarray, schema: SeriesSchema, frequency: Frequency) -> pl.DataFrame:
    """Return steps counted from the first row, without values."""
    series = np.zeros(group.height, dtype=np.int64)
    first = anchors_of(group[schema.time], series, frequency).gather(np.zeros(len(counts), dtype=np.int64))
    times = step_times(first, counts, frequency)
    return _named_steps(group, counts + int(group[STEP_COLUMN][0]), times, schema)


def _named_steps(group: pl.DataFrame, steps: np.ndarray, times: pl.Series, schema: SeriesSchema) -> pl.DataFrame:
    gaps = group.clear(n=len(steps))
    named = [pl.lit(group[schema.series][0]).alias(schema.series)] if schema.series else []
    return gaps.with_columns(pl.Series(STEP_COLUMN, steps), times.alias(schema.time), *named)


def encode_end(end: SeriesEnd, target: str, series: SeriesFeatures) -> Arrays:
    """Return one window; `encode_part` finds none, because its targets are missing, so its origin is set here."""
    schema = series.series_schema
    parts = np.full(end.rows.height, TRAIN, dtype=np.int8)
    parts[-schema.horizon :] = TEST
    arrays = encode_part(end.rows.drop(SPLIT_COLUMN, strict=False), target, series, parts, TEST)
    return {**arrays, "origin": np.array([schema.length], dtype=np.int64)}
