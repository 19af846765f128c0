"""Forecasting beyond the last rows.

The rows of new series → windows at their ends, and the times that are to be foretold.

predict, for forecasts: each series goes on from its last rows.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.calendar import format_times
from relight.data.features import Features, SeriesFeatures
from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Schema, SequenceParams, SeriesSchema
from relight.data.tensors import Arrays
from relight.errors import InputError
from relight.model.build import build_model
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import NOMINAL_COVERAGE, Forecaster, model_half_widths
from relight.model.saved_model import Description, load_weights
from relight.model.series import build_windows
from relight.prepare.params import PrepareParams
from relight.prepare.series import regularize_series
from relight.prepare.source import SourceTable
from relight.prepare.times import times_of_steps
from relight.runtime.files import write_parts
from relight.runtime.messages import pluralize
from relight.split.assignment import TEST, TRAIN
from relight.split.series_windows import encode_part


class History(NamedTuple):
    """
    Attributes:
        arrays: one window for each series, as `encode_part` gives them.
        lines: the series and time of each step that is to be foretold.
    """

    arrays: Arrays
    output_rows: pl.DataFrame


def history_params(table: Path, columns: list[str], features: Features) -> PrepareParams:
    """How to clean new rows: as those of the training, and nothing else of the table."""
    series = features.series
    assert series is not None
    schema = series.series_schema
    levels = {covariate.source: covariate.level for covariate in series.covariates}
    used = {schema.time, schema.series, features.target, *levels}
    return PrepareParams(
        source=str(table),
        target=features.target,
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


def read_history(rows: pl.DataFrame, schema: Schema, features: Features, source_name: str) -> History:
    """
    Args:
        rows: on their grid; after the last value of a series they may hold what is known of the steps to come.
        schema: of these rows.
        where: names the table in messages.

    Raises:
        InputError: for another frequency, or series that are shorter than the past that a forecast sees.
    """
    series = features.series
    assert series is not None
    _assert_frequency(schema, series.series_schema, source_name)
    groups = (
        rows.partition_by(series.series_schema.series, maintain_order=True) if series.series_schema.series else [rows]
    )
    missing = [name for name in series.sources if name not in rows.columns]
    problems = [f"{source_name}: column '{name}' is missing" for name in missing] or _too_short_problems(
        groups, features, source_name
    )
    if problems:
        raise InputError(*problems)
    ends = [_with_future(group, features.target, series.series_schema) for group in groups]
    windows = [_window(end, features.target, series) for end in ends]
    arrays = {name: np.concatenate([one[name] for one in windows]) for name in windows[0]}
    starts = np.cumsum([0, *(len(one["value"]) for one in windows[:-1])])
    arrays["origin"] = np.concatenate([one["origin"] + start for one, start in zip(windows, starts, strict=True)])
    lines = pl.concat([end.tail(series.series_schema.horizon) for end in ends])
    named = [series.series_schema.series] if series.series_schema.series else []
    return History(arrays, lines.select([*named, series.series_schema.time]))


def _assert_frequency(schema: Schema, trained: SeriesSchema, source_name: str) -> None:
    assert schema.series is not None
    if (frequency := schema.series.frequency) != trained.frequency:
        raise InputError(
            f"{source_name}: column '{trained.time}' must have steps of {trained.frequency}, as in training, "
            f"got {frequency}"
        )


def _too_short_problems(groups: list[pl.DataFrame], features: Features, source_name: str) -> list[str]:
    series = features.series
    assert series is not None
    trained = series.series_schema
    return [
        f"{source_name}: {_series_text(group, trained)} has {n_rows} steps up to its last value of "
        f"'{features.target}', and a forecast sees {trained.length}; add earlier rows"
        for group in groups
        if (n_rows := _n_rows_observed(group, features.target)) < trained.length
    ]


def _series_text(group: pl.DataFrame, schema: SeriesSchema) -> str:
    return f"series '{group[schema.series][0]}'" if schema.series else "the series"


def _n_rows_observed(group: pl.DataFrame, target: str) -> int:
    """How many rows there are up to the last one with a value."""
    there = group[target].is_not_null().arg_true()
    return int(there[-1]) + 1 if len(there) else 0


def _with_future(group: pl.DataFrame, target: str, schema: SeriesSchema) -> pl.DataFrame:
    """The past that the forecast sees, and the steps to come with what is known of them."""
    end = _n_rows_observed(group, target)
    last = int(group[STEP_COLUMN][end - 1])
    steps = pl.DataFrame({STEP_COLUMN: np.arange(last + 1, last + 1 + schema.horizon)})
    to_come = steps.join(group.drop(schema.time), on=STEP_COLUMN, how="left", maintain_order="left")
    times = times_of_steps(steps[STEP_COLUMN] - last, group[schema.time][end - 1], schema.frequency).alias(schema.time)
    named = [pl.lit(group[schema.series][0]).alias(schema.series)] if schema.series else []
    past = group.slice(end - schema.length, schema.length)
    return pl.concat([past, to_come.with_columns(times, *named).select(past.columns)])


def _window(rows: pl.DataFrame, target: str, series: SeriesFeatures) -> Arrays:
    """One window, whose targets nobody knows: it is placed by hand."""
    parts = np.full(rows.height, TEST, dtype=np.int8)
    parts[: series.series_schema.length] = TRAIN
    arrays = encode_part(rows.drop(SPLIT_COLUMN, strict=False), target, series, parts, TEST)
    return {**arrays, "origin": np.array([series.series_schema.length], dtype=np.int64)}


def predict_series(table: Path, description: Description, *, weights: Path, output: Path) -> str:
    """Write `horizon` lines for each series, the steps after its last value; returns what to tell the person.

    Beside each answer stand the ends of its interval, where the model has intervals.

    Raises:
        InputError: for missing columns, another frequency, a series that is too short, or a damaged model.
    """
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    assert isinstance(model, Forecaster)
    load_weights(weights, model)
    raw = pl.concat(list(SourceTable(table).frames({})))
    rows, schema = regularize_series(raw, history_params(table, raw.columns, description.features))
    history = read_history(rows, schema, description.features, str(table))
    predictions = predict_outputs(model, build_windows(history.arrays, model.features).inputs).numpy()
    ends = _interval_columns(predictions, model_half_widths(model))
    time = model.features.series_schema.time
    lines = history.output_rows.with_columns(
        format_times(history.output_rows[time], rows[time]), pl.Series("prediction", predictions.reshape(-1)), *ends
    )
    write_parts(output, [lines.write_csv().encode()])
    interval_note = f"; low to high holds {NOMINAL_COVERAGE:.0%} of what comes" if ends else ""
    n_predictions = pluralize(lines.height, "prediction")
    what = f"{n_predictions} of {description.features.target}, {predictions.shape[1]} for each series"
    return f"{output}: {what}{interval_note}\n"


def _interval_columns(predictions: np.ndarray, widths: np.ndarray) -> list[pl.Series]:
    """Of the interval around each answer, where the model has intervals.

    Args:
        said: (n_series, horizon).
        widths: (horizon,), NaN where there is none.
    """
    if not np.isfinite(widths).any():
        return []
    low, high = (ends.reshape(-1).astype(predictions.dtype) for ends in (predictions - widths, predictions + widths))
    return [pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None)]
