"""Everything that is said of the distances of pairs in numbers, and as tables."""

from typing import Any

import numpy as np
import polars as pl

from relight.domain import reports as tables
from relight.domain.features import Features
from relight.domain.importance import no_importance
from relight.domain.intervals import bootstrap_intervals
from relight.domain.labelled import LabelledRows
from relight.domain.metrics import Scores, scores_of
from relight.domain.overlap import overlap
from relight.domain.pair_metrics import groups_of, recall_at
from relight.domain.similarity import PairScale, best_threshold
from relight.domain.slice_scores import no_slices, slice_scores
from relight.domain.trivial import trivial_answers
from relight.domain.weighing import row_weights
from relight.params.evaluate import EvaluateParams

Arrays = dict[str, np.ndarray]

FEW = 200  # test pairs: their scores say little about a tenth


def judge_pairs(
    params: EvaluateParams,
    features: Features,
    parts: dict[str, Arrays],
    distances: dict[str, np.ndarray],
    scale: PairScale,
) -> dict[str, Any]:
    """The content of metrics.json.

    Args:
        parts: the arrays of train, test, and validation where there is one.
        distances: of the pairs of each part, (n_rows, 1).
    """
    said = {part: scale.score(distance) for part, distance in distances.items()}
    chooser = "train" if features.test_rows_validate else "validation"
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}, "baseline": {}}
    for part, arrays in parts.items():
        metrics[part] = _scores(arrays, said[part])
        metrics["baseline"][part] = _scores(arrays, _trivial(parts["train"], arrays))
    metrics["references"] = {"n-gram overlap": _overlaps(parts, chooser)}
    metrics["threshold_distance"] = scale.threshold
    if params.bootstrap:
        drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
        test = rows_of(parts["test"])
        found = bootstrap_intervals("similarity", test.target, said["test"], test.weight, **drawn)
        metrics["intervals"] = {"test": {name: list(ends) for name, ends in found.items()}}
    return metrics


def pair_tables(
    params: EvaluateParams,
    features: Features,
    test: Arrays,
    distance: np.ndarray,
    scale: PairScale,
    sliced: pl.DataFrame | None,
) -> dict[str, pl.DataFrame]:
    """The tables of the test rows; those that do not apply to pairs have no rows."""
    rows, similarity, score = rows_of(test), scale.similarity(distance), scale.score(distance)
    shares = np.stack([1 - similarity, similarity], axis=1)
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    no_slice = no_slices() if sliced is None else slice_scores("similarity", rows, score, sliced, **drawn)
    return {
        "predictions": pair_predictions(features, distance, scale)
        .insert_column(0, pl.Series("row", rows.row))
        .insert_column(1, pl.Series("target", np.array(features.classes)[rows.target])),
        "distances": pl.DataFrame({"distance": distance.reshape(-1), "alike": rows.target}),
        "roc": tables.roc(rows.target, np.stack([-score, score], axis=1), rows.weight),
        "calibration": tables.reliability(rows.target, shares, rows.weight),
        "classes": tables.classes(features, rows.target, np.stack([score < 0, score >= 0], axis=1), rows.weight),
        "slices": no_slice,
        "importance": no_importance(),
        "residuals": tables.no_residuals(),
        "residuals_by_feature": tables.no_residuals_by_feature(),
        "line": tables.no_line(),
    }


def pair_predictions(features: Features, distance: np.ndarray, scale: PairScale) -> pl.DataFrame:
    """The label, distance and similarity of each pair."""
    said = np.array(features.classes)[(scale.score(distance) >= 0).astype(np.int64)]
    return pl.DataFrame(
        {"prediction": said, "distance": distance.reshape(-1), "similarity": scale.similarity(distance)}
    )


def remarks_on_pairs(features: Features, test: Arrays, metrics: dict[str, Any]) -> list[str]:
    """How far the scores reach."""
    n_test = len(test["target"])
    said = {
        f"The test part has {n_test} pairs: its scores are rough.": n_test < FEW,
        "Recall at k was not measured: no left record of the test part has a match and another candidate.": (
            "recall_at_1" not in metrics["test"]
        ),
        "The threshold was chosen on the train rows, for there are no validation rows.": features.test_rows_validate,
    }
    return [sentence for sentence, holds in said.items() if holds]


def rows_of(arrays: Arrays) -> LabelledRows:
    """The pairs with their truth; of the records the left one."""
    target = arrays["target"].reshape(-1).astype(np.int64)
    return LabelledRows(arrays["left_numeric"], arrays["left_categories"], target, arrays["row"], arrays.get("weight"))


def _scores(arrays: Arrays, score: np.ndarray) -> Scores:
    rows = rows_of(arrays)
    left = groups_of([arrays["left_numeric"], arrays["left_categories"], arrays["left_letters"]])
    return {**scores_of("similarity", rows.target, score, rows.weight), **recall_at(left, rows.target, score)}


def _trivial(train: Arrays, arrays: Arrays) -> np.ndarray:
    known = rows_of(train)
    return trivial_answers("similarity", known.target, len(arrays["target"]), 2, known.weight)


def _overlaps(parts: dict[str, Arrays], chooser: str) -> dict[str, Scores]:
    """The scores of the overlap at a threshold that is chosen as the model's is."""
    chosen = rows_of(parts[chooser])
    threshold = -best_threshold(
        -overlap(parts[chooser]), chosen.target == 1, row_weights(len(chosen.target), chosen.weight)
    )
    return {part: _scores(arrays, overlap(arrays) - threshold) for part, arrays in parts.items() if part != "train"}
