"""Forecasts: the end of each new series is a window, from which the steps after it are predicted."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from relight.data.series_features import SeriesFeatures
from relight.data.text_columns import as_labels
from relight.data.written_times import write_times
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import NOMINAL_COVERAGE, forecast_intervals
from relight.model.saved_model import SeriesModel
from relight.model.series import Windows, build_windows, window_spread
from relight.predict.new_rows import GROUP, NewRows, one_row_each, select_kept, with_kept
from relight.predict.series_history import (
    IN_TABLE,
    SeriesEnd,
    assert_has_columns,
    encode_end,
    history_params,
    join_history,
    read_ends,
)
from relight.predict.series_known import Ahead, fill_known, refuse_lacking
from relight.predict.series_notes import beyond_text, note_column, notes_of, notes_text
from relight.predict.table import Predictions
from relight.prepare.series import regularize_series
from relight.runtime.messages import pluralize
from relight.split.series_windows import join_series


def predict_series(new: NewRows, saved: SeriesModel, keep: Sequence[str], ahead: Ahead) -> Predictions:
    """Return `horizon` lines for each series, the steps after its last value.

    If the model has intervals, each line holds the ends of one. What is unusual about a series, as a short history,
    stands in a column `note`, which is there only if some series has one.

    Raises:
        InputError: for missing columns, another frequency, or missing values of covariates that are known ahead.
    """
    name, raw, plain = join_history(new, ahead.history)
    kept = select_kept(raw, keep, name)
    assert_has_columns(plain.columns, saved, name)
    trained, target = saved.series.series_schema, saved.features.target
    marked = plain.with_columns(pl.lit(1.0).alias(IN_TABLE))
    rows, schema = regularize_series(marked, history_params(name, marked.columns, saved), trained)
    ends, gaps = fill_known(read_ends(rows, schema, saved, name), saved.series, ahead.assume_known)
    form = schema.series.form if schema.series else None
    steps = _steps_to_come(ends, saved.series, rows[trained.time], form)
    refuse_lacking(ends, gaps, _of_each(steps[trained.time], trained.horizon), name, target)
    windows = build_windows(join_series([encode_end(end, target, saved.series) for end in ends]), saved.series)
    forecasts, has_interval = _forecasts(saved, windows, ends)
    is_finite = [bool(each.is_not_null().all()) for each in _of_each(forecasts["prediction"], trained.horizon)]
    notes = [
        notes_of(end, known, saved, ahead.assume_known, is_finite=finite)
        for end, known, finite in zip(ends, gaps, is_finite, strict=True)
    ]
    lines = pl.concat([steps, forecasts], how="horizontal")
    said = note_column(notes, trained.horizon, lines.columns)
    kept_lines = _kept_lines(kept, plain, lines, trained.series)
    count_text = _count_text(lines.height, saved, has_interval=has_interval)
    warning_text = beyond_text(ends, trained.horizon) + (notes_text(notes, said[0].name) if said else "")
    return Predictions(
        iter([with_kept(kept_lines, lines.with_columns(said))]), lambda: count_text, lambda: warning_text
    )


def _steps_to_come(
    ends: Sequence[SeriesEnd], series: SeriesFeatures, times: pl.Series, form: str | None
) -> pl.DataFrame:
    """Return series and time of each step to predict, the times as the table writes them."""
    schema = series.series_schema
    steps = pl.concat([end.to_come(schema) for end in ends])
    columns = [*([schema.series] if schema.series else []), schema.time]
    return steps.select(columns).with_columns(write_times(steps[schema.time], form, times).alias(schema.time))


def _of_each(values: pl.Series, horizon: int) -> list[pl.Series]:
    return [values.slice(first, horizon) for first in range(0, len(values), horizon)]


def _forecasts(saved: SeriesModel, windows: Windows, ends: Sequence[SeriesEnd]) -> tuple[pl.DataFrame, bool]:
    """Return the predictions with the ends of their intervals, and whether there are intervals.

    A series without a value, or whose forecast is no finite number, has null.
    """
    outputs = predict_outputs(saved.model, windows.inputs).numpy()
    offset = windows.offset[:, None]
    predictions = outputs + offset if offset.any() else outputs
    has_value = np.array([end.n_values > 0 for end in ends])[:, None]
    answered = has_value & np.isfinite(predictions)
    spread = _spread(saved, windows, ends)
    bounds = _interval_columns(saved, windows, outputs, spread, predictions.dtype)
    values = pl.DataFrame([pl.Series("prediction", predictions.reshape(-1)), *bounds])
    shown = pl.Series(answered.reshape(-1))
    return values.with_columns(pl.when(shown).then(pl.all())), bool(bounds)


def _count_text(n_lines: int, saved: SeriesModel, *, has_interval: bool) -> str:
    interval_note = f"; low to high holds {NOMINAL_COVERAGE:.0%} of what comes" if has_interval else ""
    n_predictions, horizon = pluralize(n_lines, "prediction"), saved.series.series_schema.horizon
    return f"{n_predictions} of {saved.features.target}, {horizon} for each series{interval_note}"


def _kept_lines(kept: pl.DataFrame, raw: pl.DataFrame, lines: pl.DataFrame, series: str | None) -> pl.DataFrame:
    """Return the kept columns for each line of the forecasts: each series has one value of each."""
    if series is None:
        group, line_group = pl.repeat("", raw.height, eager=True), pl.repeat("", lines.height, eager=True)
    else:
        group, line_group = as_labels(raw[series]), lines[series]
    each = one_row_each(kept, group, "series")
    wanted = pl.DataFrame({GROUP: line_group})
    return wanted.join(each, on=GROUP, how="left", maintain_order="left").drop(GROUP)


def _spread(saved: SeriesModel, windows: Windows, ends: Sequence[SeriesEnd]) -> np.ndarray:
    """Return the unit of the interval of each series, (n_series, 1); NaN if nothing tells it.

    The gaps in front of a short series have no differences, so that its unit is that of the train rows, or else the
    size of the differences that it has.
    """
    spread = window_spread(saved.model, windows).double().numpy()
    n_differences = np.array([end.n_past - 1 for end in ends])[:, None]
    n_whole = saved.series.series_schema.length - 1
    unit = saved.model.unit[windows.series_number].double().numpy()[:, None]
    own = spread * np.sqrt(n_whole / n_differences.clip(min=1))  # the spread of a series without a unit is this size
    short = np.where(unit > 0, unit, np.where(own > 0, own, np.nan))
    return np.where(n_differences < n_whole, short, spread)


def _interval_columns(
    saved: SeriesModel, windows: Windows, outputs: np.ndarray, spread: np.ndarray, dtype: np.dtype
) -> list[pl.Series]:
    """Return the ends of the interval around each prediction; nothing if the model has no intervals.

    Args:
        outputs: (n_series, horizon), without the offsets.
        spread: (n_series, 1), the unit of the interval of each.
        dtype: of the predictions.
    """
    if bool((saved.model.low > saved.model.high).all()):
        return []
    series = windows.series_number.numpy()
    ends = forecast_intervals(saved.model, outputs, spread, series) + windows.offset[:, None]
    low, high = (end.reshape(-1).astype(dtype) for end in ends)
    return [pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None)]
