"""Everything that is said of forecasts in numbers: the content of metrics.json, and tables of the test windows."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch

from relight.domain.forecast_metrics import Scores, coverage, forecast_scores
from relight.domain.forecast_references import NAIVE, Reference
from relight.domain.models.forecaster import Forecaster
from relight.domain.predicting import predict
from relight.domain.windows import Windows

WINDOWS_AT_ONCE = 4096


class Foretold(NamedTuple):
    """The windows of a part.

    Attributes:
        target: (n_windows, horizon) in its own unit, NaN where there is none.
        said: by the model and each reference, (n_windows, horizon).
    """

    target: np.ndarray
    said: dict[str, np.ndarray]

    @property
    def model(self) -> np.ndarray:
        return self.said["model"]


def foretell(model: Forecaster, references: dict[str, Reference], windows: Windows) -> Foretold:
    """What the model and its references say of a part."""
    said = {"model": predict(model, windows.inputs).numpy()}
    held: dict[str, list[np.ndarray]] = {name: [] for name in references}
    with torch.inference_mode():
        for past, future in windows.inputs.chunks(WINDOWS_AT_ONCE):
            for name, says in references.items():
                held[name].append(says(past, future).numpy())
    return Foretold(windows.target.numpy(), {**said, **{name: np.concatenate(parts) for name, parts in held.items()}})


def judge_forecasts(parts: dict[str, Foretold], widths: np.ndarray, seasonal_error: float | None) -> dict[str, Any]:
    """The scores of every part beside those of the naive forecast and the other references.

    Args:
        widths: (horizon,), half of an interval each; NaN where there is none.
    """

    def scores(part: str, name: str) -> Scores:
        return forecast_scores(parts[part].target, parts[part].said[name], seasonal_error)

    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}}
    metrics |= {part: scores(part, "model") for part in parts}
    metrics["test"] |= _coverage(parts["test"], widths)
    metrics["baseline"] = {part: scores(part, NAIVE) for part in parts}
    others = [name for name in parts["test"].said if name not in ("model", NAIVE)]
    metrics["references"] = {name: {part: scores(part, name) for part in parts if part != "train"} for name in others}
    return metrics


def _coverage(test: Foretold, widths: np.ndarray) -> Scores:
    """Of the test windows by the intervals, where there are some."""
    if not np.isfinite(widths).any():
        return {}
    return {"coverage_80": coverage(test.target, test.model, widths)}


def by_step(parts: dict[str, Foretold], seasonal_error: float | None) -> pl.DataFrame:
    """The test scores of the model and its references for each step ahead."""
    test = parts["test"]
    rows = []
    for name, said in test.said.items():
        for ahead in range(test.target.shape[1]):
            column = (test.target[:, ahead : ahead + 1], said[:, ahead : ahead + 1])
            if np.isfinite(column[0]).any():
                rows.append({"name": name, "ahead": ahead + 1, **forecast_scores(*column, seasonal_error)})
    return pl.DataFrame(rows)


def by_series(test: Foretold, series: pl.Series | None, seasonal_error: float | None) -> pl.DataFrame:
    """The test scores of the model for each series.

    Args:
        series: of each window; None where there is one series alone.
    """
    if series is None:
        return pl.DataFrame(schema={"series": pl.String, "mae": pl.Float64})
    rows = []
    for name in series.unique(maintain_order=True):
        of_series = (series == name).to_numpy()
        scores = forecast_scores(test.target[of_series], test.model[of_series], seasonal_error)
        rows.append({"series": str(name), "windows": int(of_series.sum()), **scores})
    return pl.DataFrame(rows)


def predictions(test: Foretold, widths: np.ndarray, rows: pl.DataFrame, windows: Windows, time: str) -> pl.DataFrame:
    """A line for each test window and step ahead.

    Args:
        widths: (horizon,), half of an interval each; NaN where there is none.
        rows: of the part, as the windows count them: the time, and the series where there are several.
    """
    n_windows, horizon = test.target.shape
    place = (windows.origin.numpy()[:, None] + np.arange(horizon)).reshape(-1)
    found = rows[place].rename({time: "time"}) if time != "time" else rows[place]
    return found.with_columns(
        pl.Series("ahead", np.tile(np.arange(1, horizon + 1), n_windows)),
        pl.Series("target", test.target.reshape(-1)).fill_nan(None),
        pl.Series("prediction", test.model.reshape(-1)),
        pl.Series("low", (test.model - widths).reshape(-1).astype(test.model.dtype)),
        pl.Series("high", (test.model + widths).reshape(-1).astype(test.model.dtype)),
    )
