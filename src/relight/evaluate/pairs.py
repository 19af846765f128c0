"""Evaluation of pairs.

Everything that is said of the distances of pairs in numbers, and as tables.

evaluate, for a table of pairs.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.data.parquet import read_columns
from relight.data.schema import Schema
from relight.data.tensors import read_tensors
from relight.evaluate import tables
from relight.evaluate.baselines import constant_baseline, record_overlap
from relight.evaluate.checks import assert_can_evaluate_pairs, assert_slices, columns_to_slice
from relight.evaluate.diagnostics import empty_importance_table, empty_slices_table, slice_scores
from relight.evaluate.inputs import EvaluateFiles, LabelledRows, assert_same_outputs
from relight.evaluate.params import EvaluateParams
from relight.metrics.bootstrap import bootstrap_intervals
from relight.metrics.classification import Scores
from relight.metrics.roc import check_sample_weight
from relight.metrics.scorers import compute_scores, group_numbers, recall_at
from relight.model.build import build_model
from relight.model.inference import predict_outputs
from relight.model.pairs import pair_input_tensors
from relight.model.saved_model import Description, load_weights
from relight.model.similarity import DistanceCalibration, accuracy_threshold, pair_predictions
from relight.runtime.files import write_json

Arrays = dict[str, np.ndarray]
MIN_TEST_PAIRS = 200  # test pairs: their scores say little about a tenth


def compute_pair_metrics(
    params: EvaluateParams,
    features: Features,
    parts: dict[str, Arrays],
    distances: dict[str, np.ndarray],
    scale: DistanceCalibration,
) -> dict[str, Any]:
    """The content of metrics.json.

    Args:
        parts: the arrays of train, test, and validation where there is one.
        distances: of the pairs of each part, (n_rows, 1).
    """
    scores = {part: scale.score(distance) for part, distance in distances.items()}
    chooser = "train" if features.validates_on_test else "validation"
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}, "baseline": {}}
    for part, arrays in parts.items():
        metrics[part] = _pair_scores(arrays, scores[part])
        metrics["baseline"][part] = _pair_scores(arrays, _constant_scores(parts["train"], arrays))
    metrics["references"] = {"n-gram overlap": _overlap_scores(parts, chooser)}
    metrics["threshold_distance"] = scale.threshold
    if params.bootstrap:
        drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
        test = labelled_pairs(parts["test"])
        intervals = bootstrap_intervals("similarity", test.target, scores["test"], test.weight, **drawn)
        metrics["intervals"] = {"test": {name: list(ends) for name, ends in intervals.items()}}
    return metrics


def pair_tables(
    params: EvaluateParams,
    features: Features,
    test: Arrays,
    distance: np.ndarray,
    scale: DistanceCalibration,
    sliced: pl.DataFrame | None,
) -> dict[str, pl.DataFrame]:
    """The tables of the test rows; those that do not apply to pairs have no rows."""
    rows, similarity, score = labelled_pairs(test), scale.similarity(distance), scale.score(distance)
    shares = np.stack([1 - similarity, similarity], axis=1)
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    no_slice = empty_slices_table() if sliced is None else slice_scores("similarity", rows, score, sliced, **drawn)
    return {
        "predictions": pair_predictions(features, distance, scale)
        .insert_column(0, pl.Series("row", rows.row))
        .insert_column(1, pl.Series("target", np.array(features.classes)[rows.target])),
        "distances": pl.DataFrame({"distance": distance.reshape(-1), "alike": rows.target}),
        "roc": tables.roc_table(rows.target, np.stack([-score, score], axis=1), rows.weight),
        "calibration": tables.reliability_table(rows.target, shares, rows.weight),
        "classes": tables.class_scores_table(
            features, rows.target, np.stack([score < 0, score >= 0], axis=1), rows.weight
        ),
        "slices": no_slice,
        "importance": empty_importance_table(),
        "residuals": tables.empty_residuals_table(),
        "residuals_by_feature": tables.empty_feature_residuals_table(),
        "line": tables.empty_line_table(),
    }


def pair_notes(features: Features, test: Arrays, metrics: dict[str, Any]) -> list[str]:
    """How far the scores reach."""
    n_test = len(test["target"])
    notes = {
        f"The test part has {n_test} pairs: its scores are rough.": n_test < MIN_TEST_PAIRS,
        "Recall at k was not measured: no left record of the test part has a match and another candidate.": (
            "recall_at_1" not in metrics["test"]
        ),
        "The threshold was chosen on the train rows, for there are no validation rows.": features.validates_on_test,
    }
    return [sentence for sentence, holds in notes.items() if holds]


def labelled_pairs(arrays: Arrays) -> LabelledRows:
    """The pairs with their truth; of the records the left one."""
    target = arrays["target"].reshape(-1).astype(np.int64)
    return LabelledRows(arrays["left_numeric"], arrays["left_categories"], target, arrays["row"], arrays.get("weight"))


def _pair_scores(arrays: Arrays, score: np.ndarray) -> Scores:
    rows = labelled_pairs(arrays)
    left = group_numbers([arrays["left_numeric"], arrays["left_categories"], arrays["left_letters"]])
    return {**compute_scores("similarity", rows.target, score, rows.weight), **recall_at(left, rows.target, score)}


def _constant_scores(train: Arrays, arrays: Arrays) -> np.ndarray:
    labelled = labelled_pairs(train)
    return constant_baseline("similarity", labelled.target, len(arrays["target"]), 2, labelled.weight)


def _overlap_scores(parts: dict[str, Arrays], chooser: str) -> dict[str, Scores]:
    """The scores of the overlap at a threshold that is chosen as the model's is."""
    chosen = labelled_pairs(parts[chooser])
    threshold = -accuracy_threshold(
        -record_overlap(parts[chooser]), chosen.target == 1, check_sample_weight(len(chosen.target), chosen.weight)
    )
    return {
        part: _pair_scores(arrays, record_overlap(arrays) - threshold)
        for part, arrays in parts.items()
        if part != "train"
    }


def evaluate_pairs(
    params: EvaluateParams, description: Description, schema: Schema, weights: Path, files: EvaluateFiles
) -> None:
    """
    Raises:
        InputError: for what is not there for pairs, or a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    assert_can_evaluate_pairs(params)
    assert_slices(params, columns_to_slice(schema))
    assert description.distance_calibration
    model = build_model(
        description.model, description.features, target_scale=description.target_scale, seeds=description.seeds
    )
    load_weights(weights, model)
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    parts = {part: read_tensors(path) for part, path in paths.items()}
    outputs = {part: predict_outputs(model, pair_input_tensors(arrays)) for part, arrays in parts.items()}
    assert_same_outputs(outputs["validation"], description)
    if description.features.validates_on_test:
        del parts["validation"]
    distances = {part: outputs[part].numpy() for part in parts}
    metrics = compute_pair_metrics(params, description.features, parts, distances, description.distance_calibration)
    rows = parts["test"]["row"]
    sliced = read_columns(files.table, params.slices)[rows] if params.slices else None
    written = pair_tables(
        params, description.features, parts["test"], distances["test"], description.distance_calibration, sliced
    )
    write_json(files.metrics, metrics)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": pair_notes(description.features, parts["test"], metrics)})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())
