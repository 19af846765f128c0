"""Evaluation of forecasts: the scores of windows, and tables of the test windows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from relight.data.calendar import format_times
from relight.data.parquet import read_parquet
from relight.evaluate.baselines import NAIVE, ForecastBaseline, fit_linear_baseline, forecast_baselines
from relight.evaluate.checks import assert_can_evaluate_forecasts
from relight.evaluate.inputs import Arrays, assert_same_outputs, scored_parts
from relight.evaluate.params import EvaluateParams
from relight.evaluate.tables import Reports
from relight.metrics.direction import OWN_METRICS_KEY
from relight.metrics.forecasts import Scores, block_intervals, bootstrap_blocks, forecast_scores, interval_coverage
from relight.metrics.own import OwnMetric
from relight.metrics.own_scores import own_block_intervals, own_scores
from relight.model.inference import predict_outputs
from relight.model.networks.forecaster import Forecaster, model_half_widths
from relight.model.saved_model import SeriesModel
from relight.model.series import Windows, build_windows

WINDOWS_AT_ONCE = 4096
FORECAST_NOTES = [
    "The linear part was fitted on the validation windows as well, once they had nothing left to choose: their scores "
    "are a little too good. The intervals were settled before that."
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
    model, seasonal_error = saved.model, saved.series.seasonal_error
    windows = {part: build_windows(part_arrays, saved.series) for part, part_arrays in arrays.items()}
    assert_same_outputs(predict_outputs(model, windows["validation"].inputs), saved.description)
    windows = scored_parts(windows, saved.description)
    references = forecast_baselines(model, fit_linear_baseline(model, windows["train"], windows.get("validation")))
    parts = {part: predict_windows(model, references, part_windows) for part, part_windows in windows.items()}
    written = _tables(saved, parts, _read_rows(saved, table)[arrays["test"]["row"]], windows["test"])
    metrics = compute_forecast_metrics(parts, model_half_widths(model), seasonal_error, own)
    intervals, notes = _score_intervals(params, written["predictions"], seasonal_error, own)
    return Reports(metrics | intervals, [*(FORECAST_NOTES if "validation" in windows else []), *notes], written)


class WindowPredictions(NamedTuple):
    """The windows of a part, in the target's own unit.

    Attributes:
        target: (n_windows, horizon), NaN for a gap.
        by_model: the predictions of the model and of each reference, (n_windows, horizon).
    """

    target: np.ndarray
    by_model: dict[str, np.ndarray]

    @property
    def model_predictions(self) -> np.ndarray:
        return self.by_model["model"]


def predict_windows(model: Forecaster, references: dict[str, ForecastBaseline], windows: Windows) -> WindowPredictions:
    """Return the predictions of the model and its references for a part."""
    by_model = {"model": predict_outputs(model, windows.inputs).numpy()}
    baseline_outputs: dict[str, list[np.ndarray]] = {name: [] for name in references}
    with torch.inference_mode():
        for past, future in windows.inputs.chunks(WINDOWS_AT_ONCE):
            for name, baseline in references.items():
                baseline_outputs[name].append(baseline(past, future).numpy())
    return WindowPredictions(
        windows.target.numpy(),
        {**by_model, **{name: np.concatenate(parts) for name, parts in baseline_outputs.items()}},
    )


def compute_forecast_metrics(
    parts: dict[str, WindowPredictions],
    widths: np.ndarray,
    seasonal_error: float | None,
    own: Sequence[OwnMetric] = (),
) -> dict[str, Any]:
    """Return the scores of every part, with those of the naive forecast and the other references.

    Args:
        widths: (horizon,), half of each interval; NaN if there is none.
        own: metrics of the user's own.

    Raises:
        RelightError: if an own metric fails, or is not defined for a part.
    """

    def scores(part: str, name: str, must_be_defined_for: str = "") -> Scores:
        target, predicted = parts[part].target, parts[part].by_model[name]
        return {
            **forecast_scores(target, predicted, seasonal_error),
            **own_forecast_scores(own, target, predicted, must_be_defined_for),
        }

    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}}
    metrics |= {part: scores(part, "model", f"the {part} windows") for part in parts}
    metrics["test"] |= _coverage_scores(parts["test"], widths)
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


def _coverage_scores(test: WindowPredictions, widths: np.ndarray) -> Scores:
    """Return the coverage of the test windows by the intervals, if the model has intervals."""
    if not np.isfinite(widths).any():
        return {}
    return {"coverage_80": interval_coverage(test.target, test.model_predictions, widths)}


def scores_by_step(parts: dict[str, WindowPredictions], seasonal_error: float | None) -> pl.DataFrame:
    """Return the test scores of the model and its references for each step ahead."""
    test = parts["test"]
    rows = []
    for name, y_pred in test.by_model.items():
        for ahead in range(test.target.shape[1]):
            column = (test.target[:, ahead : ahead + 1], y_pred[:, ahead : ahead + 1])
            if np.isfinite(column[0]).any():
                rows.append({"name": name, "ahead": ahead + 1, **forecast_scores(*column, seasonal_error)})
    return pl.DataFrame(rows)


def scores_by_series(test: WindowPredictions, series: pl.Series | None, seasonal_error: float | None) -> pl.DataFrame:
    """Return the test scores of the model for each series.

    Args:
        series: of each window; None if there is only one series.
    """
    if series is None:
        return pl.DataFrame(schema={"series": pl.String, "mae": pl.Float64})
    rows = []
    for name in series.unique(maintain_order=True):
        of_series = (series == name).to_numpy()
        scores = forecast_scores(test.target[of_series], test.model_predictions[of_series], seasonal_error)
        rows.append({"series": str(name), "windows": int(of_series.sum()), **scores})
    return pl.DataFrame(rows)


def forecast_table(
    test: WindowPredictions, widths: np.ndarray, rows: pl.DataFrame, windows: Windows, time: str
) -> pl.DataFrame:
    """Return a line for each test window and step ahead.

    Args:
        widths: (horizon,), half of each interval; NaN if there is none.
        rows: of the part, as the windows count them: the time, and the series if there are several.
    """
    n_windows, horizon = test.target.shape
    row_index = (windows.origin.numpy()[:, None] + np.arange(horizon)).reshape(-1)
    window_rows = rows[row_index].rename({time: "time"}) if time != "time" else rows[row_index]
    return window_rows.with_columns(
        pl.Series("ahead", np.tile(np.arange(1, horizon + 1), n_windows)),
        pl.Series("target", test.target.reshape(-1)).fill_nan(None),
        pl.Series("prediction", test.model_predictions.reshape(-1)),
        pl.Series("low", (test.model_predictions - widths).reshape(-1).astype(test.model_predictions.dtype)),
        pl.Series("high", (test.model_predictions + widths).reshape(-1).astype(test.model_predictions.dtype)),
    )


def _score_intervals(
    params: EvaluateParams, forecasts: pl.DataFrame, seasonal_error: float | None, own: Sequence[OwnMetric]
) -> tuple[dict[str, Any], list[str]]:
    """Return the intervals of the test scores, or a note why there are none."""
    if params.bootstrap == 0:
        return {}, []
    target, predicted = forecasts["target"].fill_null(float("nan")).to_numpy(), forecasts["prediction"].to_numpy()
    blocks = bootstrap_blocks(forecasts["time"], forecasts["ahead"], target, predicted)
    if isinstance(blocks, str):
        return {}, [f"No intervals: {blocks}."]
    has_value, drawn = np.isfinite(target), {"n_resamples": params.bootstrap, "seed": params.seed}
    ends = block_intervals(blocks, seasonal_error, **drawn)
    ends |= own_block_intervals(own, blocks, target[has_value], predicted[has_value], **drawn)
    return {"intervals": {"test": {name: list(pair) for name, pair in ends.items()}}}, []


def _read_rows(saved: SeriesModel, table: Path) -> pl.DataFrame:
    """Return the time of each row of the table, and its series if there are several."""
    schema = saved.series.series_schema
    rows = read_parquet(table).select([schema.time, *([schema.series] if schema.series else [])])
    return rows.with_columns(format_times(rows[schema.time], rows[schema.time]))


def _tables(
    saved: SeriesModel, parts: dict[str, WindowPredictions], rows: pl.DataFrame, windows: Windows
) -> dict[str, pl.DataFrame]:
    schema, error = saved.series.series_schema, saved.series.seasonal_error
    series = rows[schema.series][windows.origin.numpy()] if schema.series else None
    forecasts = forecast_table(parts["test"], model_half_widths(saved.model), rows, windows, schema.time)
    errors = forecasts["target"] - forecasts["prediction"]
    return {
        "predictions": forecasts,
        "steps": scores_by_step(parts, error),
        "series": scores_by_series(parts["test"], series, error),
        "residuals": pl.DataFrame({"prediction": forecasts["prediction"], "residual": errors}).drop_nulls(),
    }
