"""Forecasts: the end of each new series is a window, from which the steps after it are predicted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Frequency, Schema, SequenceParams, SeriesSchema
from relight.data.series_features import SeriesFeatures
from relight.data.tensors import Arrays
from relight.data.text_columns import as_labels
from relight.data.written_times import write_times
from relight.errors import InputError
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import NOMINAL_COVERAGE, forecast_intervals
from relight.model.saved_model import SeriesModel
from relight.model.series import Windows, build_windows, window_spread
from relight.predict.new_rows import GROUP, NewRows, one_row_each, select_kept, with_kept
from relight.predict.table import Predictions
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series
from relight.prepare.time_axis.stepping import times_after
from relight.runtime.messages import pluralize
from relight.split.assignment import TEST, TRAIN
from relight.split.series_windows import encode_part, join_series


def predict_series(new: NewRows, saved: SeriesModel, keep: Sequence[str]) -> Predictions:
    """Return `horizon` lines for each series, the steps after its last value.

    If the model has intervals, each line holds the ends of one.

    Raises:
        InputError: for missing columns, another frequency, or a series that is too short.
    """
    raw = new.whole()
    kept = select_kept(raw, keep, new.name)
    plain = new.plain(raw)
    trained = saved.series.series_schema
    rows, schema = regularize_series(plain, history_params(new.name, raw.columns, saved), trained)
    form = schema.series.form if schema.series else None
    history = read_history(rows, schema, saved, new.name)
    windows = build_windows(history.arrays, saved.series)
    outputs = predict_outputs(saved.model, windows.inputs).numpy()
    offset = windows.offset[:, None]
    predictions = outputs + offset if offset.any() else outputs
    ends = _interval_columns(saved, windows, outputs, predictions.dtype)
    time = trained.time
    lines = history.output_rows.with_columns(
        write_times(history.output_rows[time], form, rows[time]).alias(time),
        pl.Series("prediction", predictions.reshape(-1)),
        *ends,
    )
    interval_note = f"; low to high holds {NOMINAL_COVERAGE:.0%} of what comes" if ends else ""
    n_predictions = pluralize(lines.height, "prediction")
    count_text = f"{n_predictions} of {saved.features.target}, {predictions.shape[1]} for each series{interval_note}"
    kept_lines = _kept_lines(kept, plain, lines, trained.series)
    return Predictions(iter([with_kept(kept_lines, lines)]), lambda: count_text)


def _kept_lines(kept: pl.DataFrame, raw: pl.DataFrame, lines: pl.DataFrame, series: str | None) -> pl.DataFrame:
    """Return the kept columns for each line of the forecasts: each series has one value of each."""
    if series is None:
        group, line_group = pl.repeat("", raw.height, eager=True), pl.repeat("", lines.height, eager=True)
    else:
        group, line_group = as_labels(raw[series]), lines[series]
    each = one_row_each(kept, group, "series")
    wanted = pl.DataFrame({GROUP: line_group})
    return wanted.join(each, on=GROUP, how="left", maintain_order="left").drop(GROUP)


class History(NamedTuple):
    """The ends of all series.

    Attributes:
        arrays: one window for each series, as `encode_part` returns them.
        output_rows: the series and time of each step to predict.
    """

    arrays: Arrays
    output_rows: pl.DataFrame


def history_params(source_name: str, columns: list[str], saved: SeriesModel) -> PrepareParams:
    """Return how to clean new rows: like those of the training, without other columns of the table."""
    target, schema = saved.features.target, saved.series.series_schema
    levels = {covariate.source: covariate.level for covariate in saved.series.covariates}
    used = {schema.time, schema.series, target, *levels}
    return PrepareParams(
        source=source_name,
        target=target,
        task="forecast",
        ignore=[name for name in columns if name not in used],
        columns={name: "numeric" if levels[name] is None else "categorical" for name in columns if name in levels},
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


def read_history(rows: pl.DataFrame, schema: Schema, saved: SeriesModel, source_name: str) -> History:
    """Return the window at the end of each series.

    Args:
        rows: on their grid; after the last value of a series they may hold what is known of the steps to come.
        schema: of these rows.
        source_name: names the table in messages.

    Raises:
        InputError: for another frequency, or series that are shorter than the past that a forecast sees.
    """
    target, series, trained = saved.features.target, saved.series, saved.series.series_schema
    frequency = _same_frequency(schema, trained, source_name)
    groups = rows.partition_by(trained.series, maintain_order=True) if trained.series else [rows]
    missing = [name for name in series.sources if name not in rows.columns]
    problems = [f"{source_name}: column '{name}' is missing" for name in missing] or _too_short_problems(
        groups, target, trained, source_name
    )
    if problems:
        raise InputError(*problems)
    ends = [_with_future(group, target, trained, frequency) for group in groups]
    windows = [_window(end, target, series) for end in ends]
    lines = pl.concat([end.tail(trained.horizon) for end in ends])
    columns = [*([trained.series] if trained.series else []), trained.time]
    return History(join_series(windows), lines.select(columns))


def _same_frequency(schema: Schema, trained: SeriesSchema, source_name: str) -> Frequency:
    assert schema.series is not None
    if not (frequency := schema.series.frequency).has_steps_of(trained.frequency):
        raise InputError(
            f"{source_name}: column '{trained.time}' must have steps of {trained.frequency}, as in training, "
            f"got {frequency}"
        )
    return frequency


def _too_short_problems(groups: list[pl.DataFrame], target: str, trained: SeriesSchema, source_name: str) -> list[str]:
    return [
        f"{source_name}: {_series_text(group, trained)} has {n_rows} steps up to its last value of "
        f"'{target}', and a forecast sees {trained.length}; add earlier rows"
        for group in groups
        if (n_rows := _n_rows_observed(group, target)) < trained.length
    ]


def _series_text(group: pl.DataFrame, schema: SeriesSchema) -> str:
    return f"series '{group[schema.series][0]}'" if schema.series else "the series"


def _n_rows_observed(group: pl.DataFrame, target: str) -> int:
    """Return how many rows there are up to the last one with a value."""
    observed = group[target].is_not_null().arg_true()
    return int(observed[-1]) + 1 if len(observed) else 0


def _with_future(group: pl.DataFrame, target: str, schema: SeriesSchema, frequency: Frequency) -> pl.DataFrame:
    """Return the past that the forecast sees, and the steps to come with what is known of them.

    Args:
        frequency: of these rows, whose day within a month may be another one than in training.
    """
    end = _n_rows_observed(group, target)
    last = int(group[STEP_COLUMN][end - 1])
    steps = pl.DataFrame({STEP_COLUMN: np.arange(last + 1, last + 1 + schema.horizon)})
    to_come = steps.join(group.drop(schema.time), on=STEP_COLUMN, how="left", maintain_order="left")
    times = times_after(group[schema.time].head(end), schema.horizon, frequency).alias(schema.time)
    named = [pl.lit(group[schema.series][0]).alias(schema.series)] if schema.series else []
    past = group.slice(end - schema.length, schema.length)
    return pl.concat([past, to_come.with_columns(times, *named).select(past.columns)])


def _window(rows: pl.DataFrame, target: str, series: SeriesFeatures) -> Arrays:
    """Return one window; `encode_part` finds none, because its targets are missing, so its origin is set here."""
    parts = np.full(rows.height, TEST, dtype=np.int8)
    parts[: series.series_schema.length] = TRAIN
    arrays = encode_part(rows.drop(SPLIT_COLUMN, strict=False), target, series, parts, TEST)
    return {**arrays, "origin": np.array([series.series_schema.length], dtype=np.int64)}


def _interval_columns(saved: SeriesModel, windows: Windows, outputs: np.ndarray, dtype: np.dtype) -> list[pl.Series]:
    """Return the ends of the interval around each prediction; nothing if the model has no intervals.

    Args:
        outputs: (n_series, horizon), without the offsets.
        dtype: of the predictions.
    """
    spread, series = window_spread(saved.model, windows).numpy(), windows.series_number.numpy()
    ends = forecast_intervals(saved.model, outputs, spread, series) + windows.offset[:, None]
    if not np.isfinite(ends).any():
        return []
    low, high = (end.reshape(-1).astype(dtype) for end in ends)
    return [pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None)]
