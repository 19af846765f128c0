"""Evaluation of tables and rankings.

evaluate, for the candidates of queries: what their tables say beside those of independent rows.

evaluate, for a table of independent rows.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from relight.data.parquet import read_columns
from relight.data.schema import Schema
from relight.data.tensors import read_tensors
from relight.evaluate import tables
from relight.evaluate.checks import assert_slices, columns_to_slice
from relight.evaluate.diagnostics import (
    empty_importance_table,
    empty_slices_table,
    permutation_importance,
    sample_query_rows,
    sample_row_indices,
    slice_scores,
)
from relight.evaluate.inputs import EvaluateFiles, LabelledRows, assert_same_outputs, labelled_rows
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import LabelledParts, PartPredictions, compute_metrics, learned_line, score_notes
from relight.evaluate.tables import candidates_table, queries_table
from relight.metrics.scorers import compute_scores, primary_loss
from relight.model.build import build_model, untrained_model
from relight.model.inference import predict_outputs, prediction_batch_size, predictions_from_outputs
from relight.model.pipeline import TabularModel, Temperature
from relight.model.saved_model import Description, load_weights
from relight.model.table import build_inputs
from relight.runtime.files import write_json


def ranking_tables(schema: Schema, table: Path, test: LabelledRows, predicted: np.ndarray) -> dict[str, pl.DataFrame]:
    """The test rows with their queries, and the score of each query; nothing for other tasks."""
    if schema.query is None:
        return {}
    query = read_columns(table, [schema.query])[schema.query][test.row]
    return {
        "predictions": candidates_table(test, predicted, query),
        "queries": queries_table(test, predicted, query),
    }


def evaluate_table(
    params: EvaluateParams, description: Description, schema: Schema, weights: Path, files: EvaluateFiles
) -> None:
    """
    Raises:
        InputError: for a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    assert_slices(params, columns_to_slice(schema))
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    load_weights(weights, model)
    task = description.features.task
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    parts = {part: labelled_rows(task, read_tensors(path)) for part, path in paths.items()}
    assert_same_outputs(_outputs(model, parts["validation"]), description)
    if description.features.validates_on_test:
        del parts["validation"]
    predictions = _predict_parts(model, description, parts)
    judged = compute_metrics(
        params, description.features, parts, predictions, _line_parameters(model, schema), description.threads
    )
    fitted, calibrated = list(judged.get("references", {})), predictions.uncalibrated is not None
    notes = score_notes(params, description.features, parts, fitted, calibrated=calibrated)
    sliced = read_columns(files.table, params.slices)[parts["test"].row] if params.slices else None
    written = _tables(params, model, description, parts, predictions, sliced)
    written |= ranking_tables(schema, files.table, parts["test"], predictions.by_part["test"])
    write_json(files.metrics, judged)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": notes})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())


def _outputs(model: nn.Module, validation: LabelledRows) -> Tensor:
    return predict_outputs(model, build_inputs(model, validation.numeric, validation.categories, "the validation rows"))


def _predict_parts(model: nn.Module, description: Description, parts: LabelledParts) -> PartPredictions:
    """The answers for each part, and for the test rows those before the temperature, and of each seed."""
    by_part = {part: _part_predictions(model, description, rows, part) for part, rows in parts.items()}
    temperature = fitted_temperature(model)
    uncalibrated = None
    if temperature is not None:  # the outputs are logits divided by it
        uncalibrated = _part_predictions(
            model, description, parts["test"], "test", lambda outputs: outputs * temperature
        )
    seeds = [
        _part_predictions(model, description, parts["test"], "test", partial(seed_members, description.seeds, seed))
        for seed in range(description.seeds if description.seeds > 1 else 0)
    ]
    return PartPredictions(by_part, uncalibrated, seeds)


def seed_members(n_seeds: int, seed: int, outputs: Tensor) -> Tensor:
    """The members that one seed drew, out of (n_rows, n_seeds * n_members, d_out)."""
    return outputs.chunk(n_seeds, dim=1)[seed]


def _part_predictions(
    model: nn.Module,
    description: Description,
    rows: LabelledRows,
    part: str,
    change: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Chunk by chunk: the outputs of many members take more memory than the answers."""
    inputs = build_inputs(model, rows.numeric, rows.categories, f"the {part} rows")
    predictions = []
    for chunk in zip(*(torch.split(tensor, prediction_batch_size(model)) for tensor in inputs), strict=True):
        outputs = predict_outputs(model, chunk)
        predictions.append(
            predictions_from_outputs(description.features.task, outputs if change is None else change(outputs))
        )
    return np.concatenate(predictions)


def fitted_temperature(model: nn.Module) -> Tensor | None:
    """Of the model's back, where it was fitted."""
    if not isinstance(model, TabularModel) or not isinstance(model.target_transform, Temperature):
        return None
    return model.target_transform.temperature if model.target_transform.temperature.item() != 1 else None


def _line_parameters(model: nn.Module, schema: Schema) -> dict[str, Any]:
    """Learned beside true, where the data was made on a known line and the model is one."""
    learned = learned_line(model)
    if schema.generated is None or learned is None:
        return {}
    return {name: {"learned": learned[name], "true": true} for name, true in schema.generated.items()}


def _tables(
    params: EvaluateParams,
    model: nn.Module,
    description: Description,
    parts: LabelledParts,
    predictions: PartPredictions,
    sliced: pl.DataFrame | None,
) -> dict[str, pl.DataFrame]:
    features, test, predicted = description.features, parts["test"], predictions.by_part["test"]
    importance = _importance(params, model, description, test)
    written = {
        "predictions": tables.predictions_table(features, test.row, test.target, predicted),
        "importance": importance,
        "slices": empty_slices_table(),
    }
    if sliced is not None:
        drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
        written["slices"] = slice_scores(features.task, test, predicted, sliced, **drawn)
    ranking = importance["column"].to_list() or features.columns
    return {
        **written,
        **_regression_tables(description, parts, predictions, ranking),
        **class_tables(description, test, predictions),
    }


def _importance(params: EvaluateParams, model: nn.Module, description: Description, test: LabelledRows) -> pl.DataFrame:
    if params.importance == 0:
        return empty_importance_table()
    task = description.features.task
    n_rows = len(test.target)
    chosen = (
        sample_query_rows(test.target, params.seed) if task == "ranking" else sample_row_indices(n_rows, params.seed)
    )
    rows = test.take(chosen)

    def loss_of(numeric: np.ndarray, categories: np.ndarray) -> float:
        y_pred = _part_predictions(model, description, rows._replace(numeric=numeric, categories=categories), "test")
        return primary_loss(task, compute_scores(task, rows.target, y_pred, rows.weight))

    drawn = {"n_repeats": params.importance, "seed": params.seed}
    return permutation_importance(loss_of, rows.numeric, rows.categories, description.features, **drawn)


def _regression_tables(
    description: Description, parts: LabelledParts, predictions: PartPredictions, ranking: list[str]
) -> dict[str, pl.DataFrame]:
    features, test, predicted = description.features, parts["test"], predictions.by_part["test"]
    if features.task != "regression":
        empty = {
            "residuals": tables.empty_residuals_table(),
            "residuals_by_feature": tables.empty_feature_residuals_table(),
        }
        return {**empty, "line": tables.empty_line_table()}
    has_line = len(features.names) == len(features.numeric) == 1
    return {
        "residuals": tables.residuals_table(test.target, predicted),
        "residuals_by_feature": tables.empty_feature_residuals_table()
        if has_line
        else tables.feature_residuals_table(features, ranking, test.numeric, test.target, predicted),
        "line": pl.concat(_line_points(description, part, parts[part], predictions.by_part[part]) for part in parts)
        if has_line
        else tables.empty_line_table(),
    }


def class_tables(description: Description, test: LabelledRows, predictions: PartPredictions) -> dict[str, pl.DataFrame]:
    if description.features.task not in ("binary", "multiclass"):
        return {
            "roc": tables.empty_roc_table(),
            "calibration": tables.empty_reliability_table(),
            "classes": tables.empty_class_scores_table(),
        }
    predicted, weight = predictions.by_part["test"], test.weight
    curves = [tables.reliability_table(test.target, predicted, weight)]
    if predictions.uncalibrated is not None:
        before = tables.reliability_table(test.target, predictions.uncalibrated, weight)
        curves = [before, tables.reliability_table(test.target, predicted, weight, "after")]
    return {
        "roc": tables.roc_table(test.target, predicted, weight),
        "calibration": pl.concat(curves),
        "classes": tables.class_scores_table(description.features, test.target, predicted, weight),
    }


def _line_points(description: Description, part: str, rows: LabelledRows, after: np.ndarray) -> pl.DataFrame:
    untrained = untrained_model(
        description.model,
        description.features,
        target_scale=description.target_scale,
        seed=description.seed,
        seeds=description.seeds,
    )
    before = _part_predictions(untrained, description, rows, part)
    return tables.line_table(part, rows.numeric[:, 0], rows.target, before, after)
