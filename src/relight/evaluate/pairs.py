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
from relight.evaluate.baselines import overlap, trivial_answers
from relight.evaluate.checks import assert_pairs_evaluate, assert_slices, columns_to_slice
from relight.evaluate.diagnostics import no_importance, no_slices, slice_scores
from relight.evaluate.inputs import Files, LabelledRows, assert_proved
from relight.evaluate.params import EvaluateParams
from relight.metrics.bootstrap import bootstrap_intervals
from relight.metrics.classification import Scores
from relight.metrics.roc import row_weights
from relight.metrics.scorers import groups_of, recall_at, scores_of
from relight.model.build import build_model
from relight.model.inference import predict
from relight.model.rows import pair_inputs
from relight.model.saved_model import Description, load_weights
from relight.model.similarity import PairScale, best_threshold, pair_predictions
from relight.runtime.files import write_json

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


def evaluate_pairs(params: EvaluateParams, known: Description, found: Schema, weights: Path, files: Files) -> None:
    """
    Raises:
        InputError: for what is not there for pairs, or a slice that is no column of the table.
        RunError: when the saved model is not the trained one.
    """
    assert_pairs_evaluate(params)
    assert_slices(params, columns_to_slice(found))
    assert known.similarity
    model = build_model(known.model, known.features, target_scale=known.target_scale, seeds=known.seeds)
    load_weights(weights, model)
    paths = {"train": files.train, "validation": files.validation, "test": files.test}
    parts = {part: read_tensors(path) for part, path in paths.items()}
    outputs = {part: predict(model, pair_inputs(arrays)) for part, arrays in parts.items()}
    assert_proved(outputs["validation"], known)
    if known.features.test_rows_validate:
        del parts["validation"]
    distances = {part: outputs[part].numpy() for part in parts}
    metrics = judge_pairs(params, known.features, parts, distances, known.similarity)
    rows = parts["test"]["row"]
    sliced = read_columns(files.table, params.slices)[rows] if params.slices else None
    written = pair_tables(params, known.features, parts["test"], distances["test"], known.similarity, sliced)
    write_json(files.metrics, metrics)
    files.reports.mkdir()
    write_json(files.reports / "notes.json", {"notes": remarks_on_pairs(known.features, parts["test"], metrics)})
    for name, content in written.items():
        (files.reports / f"{name}.csv").write_text(content.write_csv())
