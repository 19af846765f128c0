"""evaluate: reload the saved model, check that it is the trained one, score it on every part."""

from pathlib import Path

from relight.data.schema import Schema
from relight.data.tensors import assert_classes, assert_widths, read_tensors
from relight.evaluate.inputs import Arrays
from relight.evaluate.own_metrics import load_own_metrics
from relight.evaluate.pairs import evaluate_pairs
from relight.evaluate.params import EvaluateParams
from relight.evaluate.sequences import evaluate_sequences
from relight.evaluate.series import evaluate_series
from relight.evaluate.table import evaluate_table
from relight.evaluate.tables import Reports, write_reports
from relight.metrics.own import OwnMetric
from relight.model.devices import make_deterministic
from relight.model.saved_model import (
    PairModel,
    SavedModel,
    SequenceModel,
    SeriesModel,
    TableModel,
    load_model_files,
)
from relight.runtime.files import read_model


def evaluate(
    params: EvaluateParams,
    *,
    weights: Path,
    description: Path,
    schema: Path,
    table: Path,
    train_rows: Path,
    validation_rows: Path,
    test_rows: Path,
    metrics: Path,
    reports: Path,
) -> None:
    """Write the metrics of every part, and tables of the predictions for the test rows.

    Raises:
        InputError: for a slice that is no column of the table, or a setting that this kind of data does not have.
        RunError: if the saved model is not the trained one.
        RelightError: if a metric of the user's own cannot be loaded, or fails.
    """
    own = load_own_metrics(params)
    saved = load_model_files(description, weights)
    make_deterministic(saved.description.threads)
    paths = {"train": train_rows, "validation": validation_rows, "test": test_rows}
    parts = {part: read_tensors(path) for part, path in paths.items()}
    for part, arrays in parts.items():
        assert_widths(paths[part], {name: array.shape for name, array in arrays.items()}, saved.features)
        assert_classes(paths[part], arrays["target"], saved.features)
    written = _evaluate_kind(params, own, saved, parts, read_model(schema, Schema), table)
    write_reports(written, metrics=metrics, folder=reports)


def _evaluate_kind(
    params: EvaluateParams,
    own: list[OwnMetric],
    saved: SavedModel,
    parts: dict[str, Arrays],
    schema: Schema,
    table: Path,
) -> Reports:
    match saved:
        case TableModel():
            return evaluate_table(params, own, saved, parts, schema, table)
        case SequenceModel():
            return evaluate_sequences(params, own, saved, parts, table)
        case SeriesModel():
            return evaluate_series(params, own, saved, parts, table)
        case PairModel():
            return evaluate_pairs(params, own, saved, parts, schema, table)
