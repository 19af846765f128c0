"""evaluate, for forecasts."""

from pathlib import Path
from typing import Any

import polars as pl

from relight.domain import reports
from relight.domain.description import Description
from relight.domain.forecast_blocks import block_intervals, blocks_of
from relight.domain.forecast_intervals import half_widths_of
from relight.domain.forecast_references import fit_line, references_of
from relight.domain.forecast_requirements import assert_evaluate_suits_forecasts
from relight.domain.importance import no_importance
from relight.domain.judging_forecasts import (
    Foretold,
    by_series,
    by_step,
    foretell,
    judge_forecasts,
    predictions,
)
from relight.domain.models.building import build_model
from relight.domain.models.forecaster import Forecaster
from relight.domain.predicting import predict
from relight.domain.slice_scores import no_slices
from relight.domain.windows import Windows, windows_of
from relight.domain.written_times import as_written
from relight.io.artifacts import write_json
from relight.io.checkpoints import load_weights
from relight.io.parquet import read_parquet
from relight.io.tensors import read_tensors
from relight.params.evaluate import EvaluateParams
from relight.workflows.evaluate.files import Files
from relight.workflows.evaluate.proof import assert_proved

NOTES = [
    "The linear part was fitted on the validation windows as well, once they had nothing left to choose: their scores "
    "are a little too good. The intervals were settled before that."
]
PATHS = ("train", "validation", "test")


def evaluate_forecasts(params: EvaluateParams, known: Description, weights: Path, files: Files) -> None:
    """
    Raises:
        InputError: for what evaluate cannot say of forecasts.
        RunError: when the saved model is not the trained one.
    """
    assert_evaluate_suits_forecasts(params)
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    assert isinstance(model, Forecaster)
    load_weights(weights, model)
    arrays = {part: read_tensors(getattr(files, part)) for part in PATHS}
    windows = {part: windows_of(found, model.features) for part, found in arrays.items()}
    assert_proved(predict(model, windows["validation"].inputs), known)
    if known.features.test_rows_validate:
        del windows["validation"]
    references = references_of(model, fit_line(model, windows["train"], windows.get("validation")))
    parts = {part: foretell(model, references, found) for part, found in windows.items()}
    rows = _rows(model, files)[arrays["test"]["row"]]
    tables = _tables(model, parts, rows, windows["test"])
    metrics = judge_forecasts(parts, half_widths_of(model), model.features.seasonal_error)
    intervals, notes = _intervals(params, tables["predictions"], model.features.seasonal_error)
    write_json(files.metrics, metrics | intervals)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": [*(NOTES if "validation" in windows else []), *notes]})
    for name, content in tables.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())


def _intervals(
    params: EvaluateParams, said: pl.DataFrame, seasonal_error: float | None
) -> tuple[dict[str, Any], list[str]]:
    """Of the test scores, or a note why there are none."""
    if params.bootstrap == 0:
        return {}, []
    target = said["target"].fill_null(float("nan")).to_numpy()
    blocks = blocks_of(said["time"], said["ahead"], target, said["prediction"].to_numpy())
    if isinstance(blocks, str):
        return {}, [f"No intervals: {blocks}."]
    ends = block_intervals(blocks, seasonal_error, n_resamples=params.bootstrap, seed=params.seed)
    return {"intervals": {"test": {name: list(pair) for name, pair in ends.items()}}}, []


def _rows(model: Forecaster, files: Files) -> pl.DataFrame:
    """The time of each row of the table, and its series where there are several."""
    known = model.features.known
    rows = read_parquet(files.table).select([known.time, *([known.series] if known.series else [])])
    return rows.with_columns(as_written(rows[known.time], rows[known.time]))


def _tables(
    model: Forecaster, parts: dict[str, Foretold], rows: pl.DataFrame, windows: Windows
) -> dict[str, pl.DataFrame]:
    """Those of forecasts, and the others without rows: DVC's plots name them."""
    known, error = model.features.known, model.features.seasonal_error
    series = rows[known.series][windows.origin.numpy()] if known.series else None
    said = predictions(parts["test"], half_widths_of(model), rows, windows, known.time)
    errors = said["target"] - said["prediction"]
    return {
        "predictions": said,
        "steps": by_step(parts, error),
        "series": by_series(parts["test"], series, error),
        "residuals": pl.DataFrame({"prediction": said["prediction"], "residual": errors}).drop_nulls(),
        "importance": no_importance(),
        "slices": no_slices(),
        "residuals_by_feature": reports.no_residuals_by_feature(),
        "line": reports.no_line(),
        "roc": reports.no_roc(),
        "calibration": reports.no_reliability(),
        "classes": reports.no_classes(),
    }
