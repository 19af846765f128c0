"""Evaluation of tables, whose rows are independent or the candidates of queries."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from relight.data.features import Features
from relight.data.parquet import read_columns
from relight.data.schema import Schema
from relight.evaluate import tables
from relight.evaluate.checks import assert_slices, columns_to_slice
from relight.evaluate.diagnostics import permutation_importance, sample_query_rows, sample_row_indices, slice_scores
from relight.evaluate.inputs import (
    Arrays,
    LabelledParts,
    LabelledRows,
    OutputsChange,
    PartPredictions,
    assert_same_outputs,
    labelled_rows,
    predict_parts,
    scored_parts,
    sliced_columns,
)
from relight.evaluate.own_metrics import weight_notes
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import compute_metrics, learned_line, score_notes
from relight.metrics.own import OwnMetric
from relight.metrics.ranking import query_scores
from relight.metrics.scorers import compute_scores, primary_loss
from relight.model.build import untrained_model
from relight.model.inference import predict_outputs, prediction_batch_size, predictions_from_outputs
from relight.model.saved_model import Description, TableModel
from relight.model.table import build_inputs

QUERY_SCORE = "ndcg@10"


def evaluate_table(
    params: EvaluateParams,
    own: list[OwnMetric],
    saved: TableModel,
    arrays: dict[str, Arrays],
    schema: Schema,
    table: Path,
) -> tables.Reports:
    """Score the predictions for rows.

    Args:
        own: metrics of the user's own.
        arrays: of the train, validation and test part.
        table: the prepared table; slices and queries are read from it.

    Raises:
        InputError: for a slice that is no column of the table.
        RunError: if the saved model is not the trained one.
    """
    assert_slices(params, columns_to_slice(schema))
    description, features = saved.description, saved.features
    parts = {part: labelled_rows(features.task, each, features.target_offset) for part, each in arrays.items()}
    _assert_same_outputs(saved, parts["validation"])
    parts = scored_parts(parts, description)

    def predict(part: str, change: OutputsChange | None = None) -> np.ndarray:
        return _predict_rows(saved.model, features, parts[part], part, change)

    predictions = predict_parts(saved, parts, predict)
    line = _line_parameters(saved.model, features, schema)
    metrics = compute_metrics(params, features, parts, predictions, line, description.threads, own)
    fitted, calibrated = list(metrics.get("references", {})), predictions.uncalibrated is not None
    notes = score_notes(params, features, parts, fitted, calibrated=calibrated)
    notes += weight_notes(own, features.task, parts["test"], predictions.by_part["test"], metrics["test"])
    written = _tables(params, saved, parts, predictions, sliced_columns(params, table, parts["test"]))
    written |= ranking_tables(schema, table, parts["test"], predictions.by_part["test"])
    return tables.Reports(metrics, notes, written)


def _assert_same_outputs(saved: TableModel, validation: LabelledRows) -> None:
    inputs = build_inputs(saved.model, validation.numeric, validation.categories, "the validation rows")
    assert_same_outputs(predict_outputs(saved.model, inputs), saved.description)


def _predict_rows(
    model: nn.Module, features: Features, rows: LabelledRows, part: str, change: OutputsChange | None = None
) -> np.ndarray:
    """Predict chunk by chunk, because the outputs of many members take more memory than the predictions."""
    inputs = build_inputs(model, rows.numeric, rows.categories, f"the {part} rows")
    predictions = []
    for chunk in zip(*(torch.split(tensor, prediction_batch_size(model)) for tensor in inputs), strict=True):
        outputs = predict_outputs(model, chunk)
        changed = outputs if change is None else change(outputs)
        predictions.append(predictions_from_outputs(features.task, changed, features.target_offset))
    return np.concatenate(predictions)


def _line_parameters(model: nn.Module, features: Features, schema: Schema) -> dict[str, Any]:
    """Return learned and true parameters, if the data was generated from a line and the model is one."""
    learned = learned_line(model)
    if schema.generated is None or learned is None:
        return {}
    if (x_offset := features.numeric[0].offset) or features.target_offset:
        learned = {**learned, "bias": learned["bias"] + features.target_offset - learned["weight"] * x_offset}
    return {name: {"learned": learned[name], "true": true} for name, true in schema.generated.items()}


def _tables(
    params: EvaluateParams,
    saved: TableModel,
    parts: LabelledParts,
    predictions: PartPredictions,
    sliced: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    features, test, predicted = saved.features, parts["test"], predictions.by_part["test"]
    importance = _importance(params, saved, test)
    columns = importance["importance"]["column"].to_list() if importance else features.columns
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    return {
        "predictions": tables.predictions_table(features, test.row, test.target, predicted),
        "slices": slice_scores(features.task, test, predicted, sliced, **drawn),
        **importance,
        **_regression_tables(saved, parts, predictions, columns),
        **tables.class_tables(features, test, predictions),
    }


def _importance(params: EvaluateParams, saved: TableModel, test: LabelledRows) -> dict[str, pl.DataFrame]:
    """Return the table of permutation importance, if it is wanted."""
    if params.importance == 0:
        return {}
    task, seed = saved.features.task, params.seed
    chosen = sample_query_rows(test.target, seed) if task == "ranking" else sample_row_indices(len(test.target), seed)
    rows = test.take(chosen)

    def loss_of(numeric: np.ndarray, categories: np.ndarray) -> float:
        changed = rows._replace(numeric=numeric, categories=categories)
        y_pred = _predict_rows(saved.model, saved.features, changed, "test")
        return primary_loss(task, compute_scores(task, rows.target, y_pred, rows.weight))

    drawn = {"n_repeats": params.importance, "seed": seed}
    return {"importance": permutation_importance(loss_of, rows.numeric, rows.categories, saved.features, **drawn)}


def _regression_tables(
    saved: TableModel, parts: LabelledParts, predictions: PartPredictions, columns: list[str]
) -> dict[str, pl.DataFrame]:
    """Return the tables of a regression; none for other tasks.

    Args:
        columns: those of the model, the most important first.
    """
    features, test, predicted = saved.features, parts["test"], predictions.by_part["test"]
    if features.task != "regression":
        return {}
    residuals = {"residuals": tables.residuals_table(test.target, predicted)}
    if len(features.names) == len(features.numeric) == 1:
        return {**residuals, "line": _line_table(saved.description, parts, predictions)}
    by_feature = tables.feature_residuals_table(features, columns, test.numeric, test.target, predicted)
    return {**residuals, "residuals_by_feature": by_feature}


def _line_table(description: Description, parts: LabelledParts, predictions: PartPredictions) -> pl.DataFrame:
    """Return the points of a table of one column, with the predictions before and after training."""
    untrained = untrained_model(
        description.model,
        description.features,
        target_scale=description.target_scale,
        seed=description.seed,
        seeds=description.seeds,
    )
    points, offset = [], description.features.numeric[0].offset
    for part, rows in parts.items():
        before = _predict_rows(untrained, description.features, rows, part)
        x = rows.numeric[:, 0].astype(np.float64) + offset if offset else rows.numeric[:, 0]
        points.append(tables.line_table(part, x, rows.target, before, predictions.by_part[part]))
    return pl.concat(points)


def ranking_tables(schema: Schema, table: Path, test: LabelledRows, predicted: np.ndarray) -> dict[str, pl.DataFrame]:
    """Return the test rows with their queries, and the score of each query; none for other tasks."""
    if schema.query is None:
        return {}
    query = read_columns(table, [schema.query])[schema.query][test.row]
    return {
        "predictions": candidates_table(test, predicted, query),
        "queries": queries_table(test, predicted, query),
    }


def candidates_table(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """Return one line for each test row: row, query, target (its relevance), prediction (its score)."""
    columns = {"row": test.row, "query": query, "target": test.target[:, 0], "prediction": predicted}
    return pl.DataFrame(columns)


def queries_table(test: LabelledRows, predicted: np.ndarray, query: pl.Series) -> pl.DataFrame:
    """Return one line for each query, in the order of first appearance: query, candidates, ndcg@10.

    The score is empty if every order is as good.
    """
    scores_of_queries = query_scores(test.target, predicted)
    score = np.full(len(scores_of_queries.first_row), np.nan)
    score[scores_of_queries.is_measured] = scores_of_queries.scores.get(QUERY_SCORE, np.nan)
    columns = {"query": query[scores_of_queries.first_row], "candidates": scores_of_queries.n_candidates}
    return pl.DataFrame({**columns, QUERY_SCORE: pl.Series(score).fill_nan(None)})
