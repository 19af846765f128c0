"""Evaluation of sequences with one label each."""

from pathlib import Path

import numpy as np
import polars as pl

from relight.data.parquet import read_columns
from relight.evaluate import tables
from relight.evaluate.checks import assert_can_evaluate_sequences
from relight.evaluate.inputs import (
    Arrays,
    LabelledRows,
    OutputsChange,
    PartPredictions,
    assert_same_outputs,
    labelled_sequences,
    predict_parts,
    scored_parts,
)
from relight.evaluate.own_metrics import weight_notes
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import compute_metrics, score_notes
from relight.metrics.own import OwnMetric
from relight.model.inference import predict_outputs
from relight.model.saved_model import SequenceModel
from relight.model.sequences import build_sequences, sequence_predictions


def evaluate_sequences(
    params: EvaluateParams, own: list[OwnMetric], saved: SequenceModel, arrays: dict[str, Arrays], table: Path
) -> tables.Reports:
    """Score the predictions for sequences.

    Args:
        own: metrics of the user's own.
        arrays: of the train, validation and test part.
        table: the prepared table; the ids of the sequences are read from it.

    Raises:
        InputError: for settings that sequences do not have.
        RunError: if the saved model is not the trained one.
    """
    assert_can_evaluate_sequences(params)
    description, features = saved.description, saved.features
    sequences = {part: build_sequences(part_arrays) for part, part_arrays in arrays.items()}
    assert_same_outputs(predict_outputs(saved.model, sequences["validation"].inputs), description)
    parts = {part: labelled_sequences(features.task, each, features.target_offset) for part, each in arrays.items()}
    parts = scored_parts(parts, description)

    def predict(part: str, change: OutputsChange | None = None) -> np.ndarray:
        return sequence_predictions(saved.model, features, sequences[part], change)

    predictions = predict_parts(saved, parts, predict)
    metrics = compute_metrics(params, features, parts, predictions, {}, description.threads, own)
    notes = score_notes(params, features, parts, [], calibrated=predictions.uncalibrated is not None)
    notes += weight_notes(own, features.task, parts["test"], predictions.by_part["test"], metrics["test"])
    return tables.Reports(metrics, notes, _tables(saved, parts["test"], predictions, _sequence_ids(saved, table)))


def _sequence_ids(saved: SequenceModel, table: Path) -> pl.Series | None:
    """Return the id of each sequence, in order of first appearance; None if each row is a sequence."""
    name = saved.sequence.columns.id
    return None if name is None else read_columns(table, [name])[name].unique(maintain_order=True).alias("id")


def _tables(
    saved: SequenceModel, test: LabelledRows, predictions: PartPredictions, ids: pl.Series | None
) -> dict[str, pl.DataFrame]:
    features, predicted = saved.features, predictions.by_part["test"]
    lines = tables.predictions_table(features, test.row, test.target, predicted)
    if ids is not None:
        lines.insert_column(1, ids[test.row])
    is_regression = features.task == "regression"
    residuals = {"residuals": tables.residuals_table(test.target, predicted)} if is_regression else {}
    return {"predictions": lines, **residuals, **tables.class_tables(features, test, predictions)}
