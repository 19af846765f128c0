"""evaluate, for sequences with one label each."""

from functools import partial
from pathlib import Path

import polars as pl
from torch import nn

from relight.data.parquet import read_columns
from relight.data.tensors import read_tensors
from relight.evaluate import tables
from relight.evaluate.checks import assert_can_evaluate_sequences
from relight.evaluate.diagnostics import empty_importance_table, empty_slices_table
from relight.evaluate.inputs import EvaluateFiles, assert_same_outputs, labelled_sequences
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import LabelledParts, PartPredictions, compute_metrics, score_notes
from relight.evaluate.table import class_tables, fitted_temperature, seed_members
from relight.model.build import build_model
from relight.model.inference import predict_outputs
from relight.model.saved_model import Description, load_weights
from relight.model.sequences import Sequences, build_sequences, sequence_predictions
from relight.runtime.files import write_json


def evaluate_sequences(params: EvaluateParams, description: Description, weights: Path, files: EvaluateFiles) -> None:
    """
    Raises:
        InputError: for what evaluate cannot say of sequences.
        RunError: when the saved model is not the trained one.
    """
    assert_can_evaluate_sequences(params)
    features = description.features
    model = build_model(description.model, features, target_scale=description.target_scale, seeds=description.seeds)
    load_weights(weights, model)
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    arrays = {part: read_tensors(path) for part, path in paths.items()}
    sequences = {part: build_sequences(part_sequences) for part, part_sequences in arrays.items()}
    assert_same_outputs(predict_outputs(model, sequences["validation"].inputs), description)
    if features.validates_on_test:
        del arrays["validation"], sequences["validation"]
    parts = {part: labelled_sequences(features.task, part_sequences) for part, part_sequences in arrays.items()}
    predictions = _predict_parts(model, description, sequences)
    judged = compute_metrics(params, features, parts, predictions, {}, description.threads)
    notes = score_notes(params, features, parts, [], calibrated=predictions.uncalibrated is not None)
    written = _tables(description, parts, predictions, _sequence_ids(description, files.table))
    write_json(files.metrics, judged)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": notes})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())


def _predict_parts(model: nn.Module, description: Description, parts: dict[str, Sequences]) -> PartPredictions:
    """The answers for each part, and for the test sequences those before the temperature, and of each seed."""
    features, test, temperature = description.features, parts["test"], fitted_temperature(model)
    by_part = {part: sequence_predictions(model, features, sequences) for part, sequences in parts.items()}
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = sequence_predictions(model, features, test, lambda outputs: outputs * temperature)
    seeds = [
        sequence_predictions(model, features, test, partial(seed_members, description.seeds, seed))
        for seed in range(description.seeds if description.seeds > 1 else 0)
    ]
    return PartPredictions(by_part, uncalibrated, seeds)


def _sequence_ids(description: Description, table: Path) -> pl.Series | None:
    """Of all sequences, in order of first appearance; None where each row is one."""
    assert description.features.sequence is not None
    name = description.features.sequence.columns.id
    return None if name is None else read_columns(table, [name])[name].unique(maintain_order=True).alias("id")


def _tables(
    description: Description, parts: LabelledParts, part_predictions: PartPredictions, ids: pl.Series | None
) -> dict[str, pl.DataFrame]:
    """The same tables as of any other task: plot draws those that have rows."""
    features, test, predicted = description.features, parts["test"], part_predictions.by_part["test"]
    predictions = tables.predictions_table(features, test.row, test.target, predicted)
    if ids is not None:
        predictions.insert_column(1, ids[test.row])
    is_regression = features.task == "regression"
    return {
        "predictions": predictions,
        "importance": empty_importance_table(),
        "slices": empty_slices_table(),
        "residuals": tables.residuals_table(test.target, predicted)
        if is_regression
        else tables.empty_residuals_table(),
        "residuals_by_feature": tables.empty_feature_residuals_table(),
        "line": tables.empty_line_table(),
        **class_tables(description, test, part_predictions),
    }
