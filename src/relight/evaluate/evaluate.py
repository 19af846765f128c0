"""evaluate: reload the saved model, prove that it is the trained one, score it on every part."""

from pathlib import Path

from relight.data.schema import Schema
from relight.evaluate.inputs import EvaluateFiles
from relight.evaluate.pairs import evaluate_pairs
from relight.evaluate.params import EvaluateParams
from relight.evaluate.sequences import evaluate_sequences
from relight.evaluate.series import evaluate_forecasts
from relight.evaluate.table import evaluate_table
from relight.model.devices import make_deterministic
from relight.model.saved_model import Description
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
    """Write the metrics of every part, and tables of what the model says of the test rows.

    Raises:
        InputError: for a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    model_description, table_schema = read_model(description, Description), read_model(schema, Schema)
    make_deterministic(model_description.threads)
    files = EvaluateFiles(table, train_rows, validation_rows, test_rows, metrics, reports)
    if model_description.features.pairs is not None:
        return evaluate_pairs(params, model_description, table_schema, weights, files)
    if model_description.features.series is not None:
        return evaluate_forecasts(params, model_description, weights, files)
    if model_description.features.sequence is not None:
        return evaluate_sequences(params, model_description, weights, files)
    return evaluate_table(params, model_description, table_schema, weights, files)
