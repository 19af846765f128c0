"""Evaluation of pairs: the scores of their distances, and tables of the test pairs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.data.schema import Schema
from relight.evaluate import tables
from relight.evaluate.baselines import constant_baseline, record_overlap
from relight.evaluate.checks import assert_can_evaluate_pairs, assert_slices, columns_to_slice
from relight.evaluate.diagnostics import slice_scores
from relight.evaluate.inputs import Arrays, assert_same_outputs, labelled_pairs, scored_parts, sliced_columns
from relight.evaluate.own_metrics import weight_notes
from relight.evaluate.params import EvaluateParams
from relight.evaluate.scores import intervals_of_test, score_rows
from relight.metrics.classification import Scores
from relight.metrics.direction import OWN_METRICS_KEY
from relight.metrics.own import OwnMetric
from relight.metrics.roc import check_sample_weight
from relight.metrics.scorers import group_numbers, recall_at
from relight.model.inference import predict_outputs
from relight.model.pairs import (
    DistanceCalibration,
    accuracy_threshold,
    comparable_columns,
    pair_input_tensors,
    pair_predictions,
)
from relight.model.saved_model import PairModel

MIN_TEST_PAIRS = 200  # with fewer test pairs, the scores are rough


def evaluate_pairs(
    params: EvaluateParams,
    own: list[OwnMetric],
    saved: PairModel,
    arrays: dict[str, Arrays],
    schema: Schema,
    table: Path,
) -> tables.Reports:
    """Score the distances of pairs.

    Args:
        own: metrics of the user's own.
        arrays: of the train, validation and test part.
        table: the prepared table; slices are read from it.

    Raises:
        InputError: for settings that pairs do not have, or a slice that is no column of the table.
        RunError: if the saved model is not the trained one.
    """
    assert_can_evaluate_pairs(params)
    assert_slices(params, columns_to_slice(schema))
    outputs = {part: predict_outputs(saved.model, pair_input_tensors(pairs)) for part, pairs in arrays.items()}
    assert_same_outputs(outputs["validation"], saved.description)
    parts = scored_parts(arrays, saved.description)
    distances = {part: outputs[part].numpy() for part in parts}
    metrics = compute_pair_metrics(params, saved.features, parts, distances, saved.calibration, own)
    test = labelled_pairs(parts["test"])
    written = pair_tables(params, saved, parts["test"], distances["test"], sliced_columns(params, table, test))
    notes = pair_notes(saved.features, parts["test"], metrics)
    notes += weight_notes(own, "similarity", test, saved.calibration.score(distances["test"]), metrics["test"])
    return tables.Reports(metrics, notes, written)


def compute_pair_metrics(
    params: EvaluateParams,
    features: Features,
    parts: dict[str, Arrays],
    distances: dict[str, np.ndarray],
    calibration: DistanceCalibration,
    own: Sequence[OwnMetric] = (),
) -> dict[str, Any]:
    """Return the content of metrics.json.

    Args:
        parts: the arrays of train, test, and validation if there is one.
        distances: of the pairs of each part, (n_rows, 1).
        own: metrics of the user's own.

    Raises:
        RelightError: if an own metric fails, or is not defined for a part.
    """
    scores = {part: calibration.score(distance) for part, distance in distances.items()}
    chooser = "train" if features.validates_on_test else "validation"
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}, "baseline": {}}
    for part, arrays in parts.items():
        metrics[part] = _pair_scores(arrays, scores[part], own, f"the {part} pairs")
        metrics["baseline"][part] = _pair_scores(arrays, _constant_scores(parts["train"], arrays), own)
    metrics["references"] = {"n-gram overlap": _overlap_scores(parts, chooser, own)}
    metrics["threshold_distance"] = calibration.threshold
    more = {
        "intervals": intervals_of_test(params, "similarity", labelled_pairs(parts["test"]), scores["test"], own),
        OWN_METRICS_KEY: [metric.entry() for metric in own],
    }
    return metrics | {key: value for key, value in more.items() if value}


def pair_tables(
    params: EvaluateParams, saved: PairModel, test: Arrays, distance: np.ndarray, sliced: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Return the tables of the test pairs.

    Args:
        distance: of the test pairs, (n_rows, 1).
        sliced: the columns of evaluate.slices.
    """
    features, rows = saved.features, labelled_pairs(test)
    similarity, score = saved.calibration.similarity(distance), saved.calibration.score(distance)
    shares = np.stack([1 - similarity, similarity], axis=1)
    decisions = np.stack([score < 0, score >= 0], axis=1)
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    return {
        "predictions": pair_predictions(features, distance, saved.calibration)
        .insert_column(0, pl.Series("row", rows.row))
        .insert_column(1, pl.Series("target", np.array(features.classes)[rows.target])),
        "distances": pl.DataFrame({"distance": distance.reshape(-1), "alike": rows.target}),
        "roc": tables.roc_table(rows.target, np.stack([-score, score], axis=1), rows.weight),
        "calibration": tables.reliability_table(rows.target, shares, rows.weight),
        "classes": tables.class_scores_table(features, rows.target, decisions, rows.weight),
        "slices": slice_scores("similarity", rows, score, sliced, **drawn),
    }


def pair_notes(features: Features, test: Arrays, metrics: dict[str, Any]) -> list[str]:
    """Return how far the scores reach, in whole sentences."""
    n_test, nothing = len(test["target"]), int((comparable_columns(test) == 0).sum())
    notes = {
        f"The test part has {n_test} pairs: its scores are rough.": n_test < MIN_TEST_PAIRS,
        "Recall at k was not measured: no left record of the test part has a match and another candidate.": (
            "recall_at_1" not in metrics["test"]
        ),
        f"{nothing} test pairs have no column that both sides have: each is as far apart as records without anything "
        "alike, and no match.": nothing > 0,
        "The threshold was chosen on the train rows, because there are no validation rows.": features.validates_on_test,
    }
    return [sentence for sentence, holds in notes.items() if holds]


def _pair_scores(arrays: Arrays, score: np.ndarray, own: Sequence[OwnMetric], must_be_defined_for: str = "") -> Scores:
    rows = labelled_pairs(arrays)
    left = group_numbers([arrays["left_numeric"], arrays["left_categories"], arrays["left_letters"]])
    scores = score_rows("similarity", rows, score, own, must_be_defined_for)
    return {**scores, **recall_at(left, rows.target, score)}


def _constant_scores(train: Arrays, arrays: Arrays) -> np.ndarray:
    labelled = labelled_pairs(train)
    return constant_baseline("similarity", labelled.target, len(arrays["target"]), 2, labelled.weight)


def _overlap_scores(parts: dict[str, Arrays], chooser: str, own: Sequence[OwnMetric]) -> dict[str, Scores]:
    """Return the scores of the overlap, with a threshold that is chosen like the model's."""
    chosen = labelled_pairs(parts[chooser])
    threshold = -accuracy_threshold(
        -record_overlap(parts[chooser]), chosen.target == 1, check_sample_weight(len(chosen.target), chosen.weight)
    )
    return {
        part: _pair_scores(arrays, record_overlap(arrays) - threshold, own)
        for part, arrays in parts.items()
        if part != "train"
    }
