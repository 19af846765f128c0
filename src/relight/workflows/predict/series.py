"""predict, for forecasts: each series goes on from its last rows."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.domain.counted import counted
from relight.domain.description import Description
from relight.domain.forecast_intervals import COVERED, half_widths_of
from relight.domain.forecasting import continued, history_params
from relight.domain.models.building import build_model
from relight.domain.models.forecaster import Forecaster
from relight.domain.predicting import predict
from relight.domain.series import regular_series
from relight.domain.windows import windows_of
from relight.domain.written_times import as_written
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.io.source import Table


def predict_series(table: Path, known: Description, *, weights: Path, output: Path) -> str:
    """Write `horizon` lines for each series, the steps after its last value; returns what to tell the person.

    Beside each answer stand the ends of its interval, where the model has intervals.

    Raises:
        InputError: for missing columns, another frequency, a series that is too short, or a damaged model.
    """
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    assert isinstance(model, Forecaster)
    load_weights(weights, model)
    raw = pl.concat(list(Table(table).frames({})))
    rows, schema = regular_series(raw, history_params(table, raw.columns, known.features))
    history = continued(rows, schema, known.features, str(table))
    said = predict(model, windows_of(history.arrays, model.features).inputs).numpy()
    ends = _ends(said, half_widths_of(model))
    time = model.features.known.time
    lines = history.lines.with_columns(
        as_written(history.lines[time], rows[time]), pl.Series("prediction", said.reshape(-1)), *ends
    )
    write_parts(output, [lines.write_csv().encode()])
    held = f"; low to high holds {COVERED:.0%} of what comes" if ends else ""
    what = f"{counted(lines.height, 'prediction')} of {known.features.target}, {said.shape[1]} for each series"
    return f"{output}: {what}{held}\n"


def _ends(said: np.ndarray, widths: np.ndarray) -> list[pl.Series]:
    """Of the interval around each answer, where the model has intervals.

    Args:
        said: (n_series, horizon).
        widths: (horizon,), NaN where there is none.
    """
    if not np.isfinite(widths).any():
        return []
    low, high = (ends.reshape(-1).astype(said.dtype) for ends in (said - widths, said + widths))
    return [pl.Series("low", low).fill_nan(None), pl.Series("high", high).fill_nan(None)]
