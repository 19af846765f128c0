"""evaluate: reload the saved model, prove that it is the trained one, score it on every part."""

from pathlib import Path

from relight.domain.description import Description
from relight.domain.devices import compute_the_same_each_time
from relight.domain.schema import Schema
from relight.io.artifacts import read_model
from relight.params.evaluate import EvaluateParams
from relight.workflows.evaluate.files import Files
from relight.workflows.evaluate.pairs import evaluate_pairs
from relight.workflows.evaluate.sequence import evaluate_sequences
from relight.workflows.evaluate.series import evaluate_forecasts
from relight.workflows.evaluate.table import evaluate_table


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
    known, found = read_model(description, Description), read_model(schema, Schema)
    compute_the_same_each_time(known.threads)
    files = Files(table, train_rows, validation_rows, test_rows, metrics, reports)
    if known.features.pairs is not None:
        return evaluate_pairs(params, known, found, weights, files)
    if known.features.series is not None:
        return evaluate_forecasts(params, known, weights, files)
    if known.features.sequence is not None:
        return evaluate_sequences(params, known, weights, files)
    return evaluate_table(params, known, found, weights, files)
