"""predict, for forecasts: each series goes on from its last rows."""

from pathlib import Path

import polars as pl

from relight.domain.description import Description
from relight.domain.forecasting import continued, history_params
from relight.domain.models.building import build_model
from relight.domain.models.forecaster import Forecaster
from relight.domain.predicting import predict
from relight.domain.series import regular_series
from relight.domain.windows import windows_of
from relight.io.atomic import write_parts
from relight.io.checkpoints import load_weights
from relight.io.source import Table


def predict_series(table: Path, known: Description, *, weights: Path, output: Path) -> str:
    """Write `horizon` lines for each series, the steps after its last value; returns what to tell the person.

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
    lines = history.lines.with_columns(pl.Series("prediction", said.reshape(-1)))
    write_parts(output, [lines.write_csv().encode()])
    return f"{output}: {lines.height} predictions of {known.features.target}, {said.shape[1]} for each series\n"
