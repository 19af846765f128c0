"""Evaluation of forecasts: the scores of windows, and tables of the test windows."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from relight.data.calendar import format_times
from relight.data.parquet import read_parquet
from relight.evaluate.baselines import NAIVE, SEASONAL_NAIVE, ForecastBaseline, fit_linear_baseline, forecast_baselines
from relight.evaluate.checks import assert_can_evaluate_forecasts
from relight.evaluate.inputs import Arrays, assert_same_outputs, scored_parts
from relight.evaluate.params import EvaluateParams
from relight.evaluate.series_notes import forecast_members, forecast_remarks
from relight.evaluate.tables import Reports
from relight.metrics.direction import OWN_METRICS_KEY
from relight.metrics.forecasts import Scores, block_intervals, bootstrap_blocks, forecast_scores, interval_coverage
from relight.metrics.own import OwnMetric
from relight.metrics.own_scores import own_block_intervals, own_scores
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import Forecaster, forecast_intervals
from relight.model.saved_model import SeriesModel
from relight.model.series import Windows, build_windows, window_spread

WINDOWS_AT_ONCE = 4096
FORECAST_NOTES = [
    "The linear part may have been fitted on the validation windows as well, once they had nothing left to choose: "
    "their scores are a little too good. The intervals were settled before that."
]


def evaluate_series(
    params: EvaluateParams, own: list[OwnMetric], saved: SeriesModel, arrays: dict[str, Arrays], table: Path
) -> Reports:
    """Score the forecasts of windows.

    Args:
        own: metrics of the user's own.
        arrays: of the train, validation and test part.
        table: the prepared table; times and series are read from it.

    Raises:
        InputError: for settings that forecasts do not have.
        RunError: if the saved model is not the trained one.
    """
    assert_can_evaluate_forecasts(params)
    model = saved.model
    windows = {part: build_windows(part_arrays, saved.series) for part, part_arrays in arrays.items()}
    assert_same_outputs(predict_outputs(model, windows["validation"].inputs), saved.description)
    windows = scored_parts(windows, saved.description)
    references = forecast_baselines(model, fit_linear_baseline(model, windows["train"], windows.get("validation")))
    rows = _read_rows(saved, table)
    parts = {
        part: predict_windows(model, references, part_windows, rows[arrays[part]["row"]][saved.features.target])
        for part, part_windows in windows.items()
    }
    written = _tables(saved, parts, rows[arrays["test"]["row"]].drop(saved.features.target), windows["test"])
    metrics = compute_forecast_metrics(parts, own)
    intervals, notes = _score_intervals(params, written["predictions"], parts["test"], own)
    n_apart = windows["test"].n_rows / windows["test"].overlap
    coverage = metrics["test"].get("coverage_80")
    notes += forecast_remarks(saved.series, written["series"], coverage, n_apart=n_apart)
    notes += [] if saved.series.series_schema.series else [f"The forecast is {forecast_members(model.mixture, 0)}."]
    return Reports(metrics | intervals, [*(FORECAST_NOTES if "validation" in windows else []), *notes], written)


class WindowPredictions(NamedTuple):
    """The windows of a part, in the target's own unit.

    Attributes:
        target: (n_windows, horizon) float64, NaN for a gap.
        by_model: the predictions of the model and of each reference, (n_windows, horizon); float64 if a series has an
            offset.
        ends: low and high of the intervals of the model, (2, n_windows, horizon) float64; NaN if there is none.
        seasonal_error: (n_windows, 1) of the series of each window, NaN if it has none.
    """

    target: np.ndarray
    by_model: dict[str, np.ndarray]
    ends: np.ndarray
    seasonal_error: np.ndarray

    @property
    def model_predictions(self) -> np.ndarray:
        return self.by_model["model"]


def predict_windows(
    model: Forecaster, references: dict[str, ForecastBaseline], windows: Windows, target: pl.Series
) -> WindowPredictions:
    """Return the predictions of the model and its references for a part.

    Args:
        target: of each row of the part, with its gaps.
    """
    outputs = predict_outputs(model, windows.inputs).numpy()
    baseline_outputs: dict[str, list[np.ndarray]] = {name: [] for name in references}
    with torch.inference_mode():
        for inputs in windows.inputs.chunks(WINDOWS_AT_ONCE):
            for name, baseline in references.items():
                baseline_outputs[name].append(baseline(*inputs).numpy())
    by_model = {"model": outputs, **{name: np.concatenate(parts) for name, parts in baseline_outputs.items()}}
    series, offset = windows.series_number.numpy(), windows.offset[:, None]
    true = target.cast(pl.Float64).fill_null(np.nan).to_numpy()
    return WindowPredictions(
        true[windows.origin.numpy()[:, None] + np.arange(windows.horizon)],
        {name: values + offset if offset.any() else values for name, values in by_model.items()},
        forecast_intervals(model, outputs, window_spread(model, windows).numpy(), series) + offset,
        model.features.seasonal_errors()[series][:, None],
    )


def compute_forecast_metrics(
    parts: dict[str, WindowPredictions],
    own: Sequence[OwnMetric] = (),
) -> dict[str, Any]:
    """Return the scores of every part, with those of the naive forecast and the other references.

    Args:
        own: metrics of the user's own.

    Raises:
        RelightError: if an own metric fails, or is not defined for a part.
    """

    def scores(part: str, name: str, must_be_defined_for: str = "") -> Scores:
        target, predicted = parts[part].target, parts[part].by_model[name]
        return {
            **forecast_scores(target, predicted, parts[part].seasonal_error),
            **own_forecast_scores(own, target, predicted, must_be_defined_for),
        }

    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}}
    metrics |= {part: scores(part, "model", f"the {part} windows") for part in parts}
    metrics["test"] |= _coverage_scores(parts["test"])
    metrics["baseline"] = {part: scores(part, NAIVE) for part in parts}
    others = [name for name in parts["test"].by_model if name not in ("model", NAIVE)]
    metrics["references"] = {name: {part: scores(part, name) for part in parts if part != "train"} for name in others}
    return {**metrics, OWN_METRICS_KEY: [metric.entry() for metric in own]} if own else metrics


def own_forecast_scores(
    own: Sequence[OwnMetric], target: np.ndarray, predicted: np.ndarray, must_be_defined_for: str
) -> Scores:
    """Return the own scores of all forecasts that have a true value, each a row of its own.

    Args:
        target, predicted: (n_windows, horizon), the target NaN for a gap.
    """
    has_value = np.isfinite(target)
    return own_scores(own, "forecast", target[has_value], predicted[has_value], None, must_be_defined_for)


def _coverage_scores(test: WindowPredictions, chosen: np.ndarray | slice = slice(None)) -> Scores:
    """Return the coverage of the test windows by the intervals, if the model has intervals."""
    target, (low, high) = test.target[chosen], test.ends[:, chosen]
    if not (np.isfinite(low) & np.isfinite(target)).any():
        return {}
    return {"coverage_80": interval_coverage(target, low, high)}


def scores_by_step(parts: dict[str, WindowPredictions]) -> pl.DataFrame:
    """Return the test scores of the model and its references for each step ahead."""
    test = parts["test"]
    rows = []
    for name, y_pred in test.by_model.items():
        for ahead in range(test.target.shape[1]):
            column = (test.target[:, ahead : ahead + 1], y_pred[:, ahead : ahead + 1])
            if np.isfinite(column[0]).any():
                rows.append({"name": name, "ahead": ahead + 1, **forecast_scores(*column, test.seasonal_error)})
    return pl.DataFrame(rows)


def scores_by_series(
    test: WindowPredictions, series: pl.Series | None, members: Callable[[int], str], numbers: np.ndarray
) -> pl.DataFrame:
    """Return the test scores of the model for each series, with the error of its naive forecast, and who forecasts it.

    Args:
        series: of each window; None if there is only one series.
        members: number of a series → who makes its forecast.
        numbers: (n_windows,) of the series of each window.
    """
    if series is None:
        return pl.DataFrame(schema={"series": pl.String, "mae": pl.Float64})
    rows = []
    for name in series.unique(maintain_order=True):
        of_series = (series == name).to_numpy()
        if np.isfinite(test.target[of_series]).any():
            scores = {"windows": int(of_series.sum()), **_scores_of_series(test, of_series)}
            rows.append({"series": str(name), **scores, "forecast_by": members(int(numbers[of_series][0]))})
    return pl.DataFrame(rows, infer_schema_length=None)


def _scores_of_series(test: WindowPredictions, chosen: np.ndarray) -> Scores:
    """Return the scores of a series, and the MASE of its seasonal naive forecast if it is in the table."""
    target, seasonal_error = test.target[chosen], test.seasonal_error[chosen]
    scores = forecast_scores(target, test.model_predictions[chosen], seasonal_error) | _coverage_scores(test, chosen)
    naive = next((test.by_model[name] for name in (SEASONAL_NAIVE, NAIVE) if name in test.by_model), None)
    return scores if naive is None else {**scores, "naive_mae": forecast_scores(target, naive[chosen], None)["mae"]}


def forecast_table(test: WindowPredictions, rows: pl.DataFrame, windows: Windows, time: str) -> pl.DataFrame:
    """Return a line for each test window and step ahead.

    Args:
        rows: of the part, as the windows count them: the time, and the series if there are several.
    """
    n_windows, horizon = test.target.shape
    row_index = (windows.origin.numpy()[:, None] + np.arange(horizon)).reshape(-1)
    window_rows = rows[row_index].rename({time: "time"}) if time != "time" else rows[row_index]
    return window_rows.with_columns(
        pl.Series("ahead", np.tile(np.arange(1, horizon + 1), n_windows)),
        pl.Series("target", test.target.reshape(-1)).cast(_number_type(test)).fill_nan(None),
        pl.Series("prediction", test.model_predictions.reshape(-1)),
        pl.Series("low", test.ends[0].reshape(-1)).cast(_number_type(test)),
        pl.Series("high", test.ends[1].reshape(-1)).cast(_number_type(test)),
    )


def _number_type(test: WindowPredictions) -> pl.DataType:
    return pl.Series(test.model_predictions[:0, 0]).dtype


def _score_intervals(
    params: EvaluateParams, forecasts: pl.DataFrame, test: WindowPredictions, own: Sequence[OwnMetric]
) -> tuple[dict[str, Any], list[str]]:
    """Return the intervals of the test scores, or a note why there are none."""
    if params.bootstrap == 0:
        return {}, []
    target, predicted = forecasts["target"].fill_null(float("nan")).to_numpy(), forecasts["prediction"].to_numpy()
    seasonal_error = np.broadcast_to(test.seasonal_error, test.target.shape).reshape(-1)
    blocks = bootstrap_blocks(forecasts["time"], forecasts["ahead"], target, predicted, seasonal_error)
    if isinstance(blocks, str):
        return {}, [f"No intervals: {blocks}."]
    has_value, drawn = np.isfinite(target), {"n_resamples": params.bootstrap, "seed": params.seed}
    ends = block_intervals(blocks, **drawn)
    ends |= own_block_intervals(own, blocks, target[has_value], predicted[has_value], **drawn)
    return {"intervals": {"test": {name: list(pair) for name, pair in ends.items()}}}, []


def _read_rows(saved: SeriesModel, table: Path) -> pl.DataFrame:
    """Return the time and the target of each row of the table, and its series if there are several."""
    schema = saved.series.series_schema
    names = [schema.time, *([schema.series] if schema.series else []), saved.features.target]
    rows = read_parquet(table).select(names)
    return rows.with_columns(format_times(rows[schema.time], rows[schema.time]))


def _tables(
    saved: SeriesModel, parts: dict[str, WindowPredictions], rows: pl.DataFrame, windows: Windows
) -> dict[str, pl.DataFrame]:
    schema = saved.series.series_schema
    series = rows[schema.series][windows.origin.numpy()] if schema.series else None
    forecasts = forecast_table(parts["test"], rows, windows, schema.time)
    errors = forecasts["target"] - forecasts["prediction"]
    return {
        "predictions": forecasts,
        "steps": scores_by_step(parts),
        "series": scores_by_series(
            parts["test"], series, partial(forecast_members, saved.model.mixture), windows.series_number.numpy()
        ),
        "residuals": pl.DataFrame({"prediction": forecasts["prediction"], "residual": errors}).drop_nulls(),
    }
