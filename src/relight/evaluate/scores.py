"""The scores of predictions, the content of metrics.json, and notes on how far they reach."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from relight.data.features import Features
from relight.data.schema import Task
from relight.evaluate.baselines import constant_baseline
from relight.evaluate.diagnostics import MAX_IMPORTANCE_ROWS
from relight.evaluate.inputs import LabelledParts, LabelledRows, PartPredictions
from relight.evaluate.params import EvaluateParams
from relight.evaluate.reference_models import fit_reference
from relight.metrics.bootstrap import MAX_BOOTSTRAP_ROWS, bootstrap_intervals
from relight.metrics.classification import (
    Scores,
    confidence_and_truth,
    decision_threshold,
    expected_calibration_error,
    scores_at,
)
from relight.metrics.direction import OWN_METRICS_KEY, POSITIVE_KEY
from relight.metrics.own import OwnMetric
from relight.metrics.own_scores import own_intervals, own_scores
from relight.metrics.ranking import query_scores
from relight.metrics.scorers import compute_scores
from relight.model.networks.categories import ConcatFeatures
from relight.model.networks.mlp import Linear, LinearParameters
from relight.model.pipeline import TabularModel, TargetTransform
from relight.model.preprocessing import Standardize

MIN_TEST_QUERIES = 50  # with fewer, their mean score is rough
MIN_TEST_ROWS = 200  # with fewer, the scores are rough


def compute_metrics(
    params: EvaluateParams,
    features: Features,
    parts: LabelledParts,
    predictions: PartPredictions,
    parameters: dict[str, Any],
    threads: int,
    own: Sequence[OwnMetric] = (),
) -> dict[str, Any]:
    """Return the scores of every part, with those of trivial and other models; a key without content is left out.

    Args:
        parts: train, test, and validation if there is one.
        parameters: learned and true ones, if they are known.
        own: metrics of the user's own.

    Raises:
        RelightError: if an own metric fails, or is not defined for a part.
    """
    task = features.task
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}}
    for part, rows in parts.items():
        metrics[part] = score_rows(task, rows, predictions.by_part[part], own, f"the {part} rows")
    metrics["test"] |= _calibration_scores(features, parts["test"], predictions)
    metrics["baseline"] = _baseline_scores(features, parts, own)
    more = {
        "parameters": parameters,
        "references": _reference_scores(params, features, parts, threads, own),
        "intervals": intervals_of_test(params, task, parts["test"], predictions.by_part["test"], own),
        "seeds": _seed_scores(features, parts["test"], predictions.by_seed, own),
        "threshold": _threshold_scores(params, features, parts, predictions.by_part),
        POSITIVE_KEY: features.positive_class,
        OWN_METRICS_KEY: [metric.entry() for metric in own],
    }
    return metrics | {key: value for key, value in more.items() if value}


def score_rows(
    task: Task, rows: LabelledRows, y_pred: np.ndarray, own: Sequence[OwnMetric], must_be_defined_for: str = ""
) -> Scores:
    """Return Relight's scores and those of own metrics that are defined for these rows.

    Args:
        must_be_defined_for: the rows in words, if it is an error that an own score is not defined for them.
    """
    scores = compute_scores(task, rows.target, y_pred, rows.weight)
    return scores | own_scores(own, task, rows.target, y_pred, rows.weight, must_be_defined_for)


def _baseline_scores(features: Features, parts: LabelledParts, own: Sequence[OwnMetric]) -> dict[str, Scores]:
    task, train, n_classes = features.task, parts["train"], len(features.classes or [])
    constants = {
        part: constant_baseline(task, train.target, len(rows.target), n_classes, train.weight)
        for part, rows in parts.items()
    }
    return {part: score_rows(task, rows, constants[part], own) for part, rows in parts.items()}


def _calibration_scores(features: Features, test: LabelledRows, predictions: PartPredictions) -> Scores:
    if features.task not in ("binary", "multiclass"):
        return {}
    curves = {"ece": predictions.by_part["test"], "ece_before": predictions.uncalibrated}
    return {
        name: expected_calibration_error(*confidence_and_truth(test.target, answers), test.weight)
        for name, answers in curves.items()
        if answers is not None
    }


def _reference_scores(
    params: EvaluateParams, features: Features, parts: LabelledParts, threads: int, own: Sequence[OwnMetric]
) -> dict[str, dict[str, Scores]]:
    scores: dict[str, dict[str, Scores]] = {}
    for name in params.references:
        n_classes, validation = len(features.classes or []), parts.get("validation")
        predict = fit_reference(name, features.task, parts["train"], validation, n_classes, threads)
        if predict is not None:
            scores[name] = {
                part: score_rows(features.task, rows, predict(rows.numeric, rows.categories), own)
                for part, rows in parts.items()
                if part != "train"
            }
    return scores


def intervals_of_test(
    params: EvaluateParams, task: Task, test: LabelledRows, y_pred: np.ndarray, own: Sequence[OwnMetric]
) -> dict[str, Any]:
    """Return the bootstrap intervals of the test scores, if they are wanted."""
    if params.bootstrap == 0:
        return {}
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    intervals = bootstrap_intervals(task, test.target, y_pred, test.weight, **drawn)
    intervals |= own_intervals(own, task, test.target, y_pred, test.weight, **drawn)
    return {"test": {name: list(ends) for name, ends in intervals.items()}}


def _seed_scores(
    features: Features, test: LabelledRows, seeds: list[np.ndarray], own: Sequence[OwnMetric]
) -> dict[str, Any]:
    """Return mean and sample deviation over the seeds, of the scores that every seed has."""
    if len(seeds) < 2:
        return {}
    scores = [score_rows(features.task, test, y_pred, own) for y_pred in seeds]
    values = {name: [each[name] for each in scores] for name in scores[0] if all(name in each for each in scores)}
    return {"test": {name: {"mean": float(np.mean(v)), "std": float(np.std(v, ddof=1))} for name, v in values.items()}}


def _threshold_scores(
    params: EvaluateParams, features: Features, parts: LabelledParts, predictions: dict[str, np.ndarray]
) -> Scores:
    """Return the threshold chosen on the validation rows, and the test scores with it."""
    if params.threshold == "none" or features.task != "binary" or "validation" not in parts:
        return {}
    validation, test = parts["validation"], parts["test"]
    value = decision_threshold(params.threshold, validation.target, predictions["validation"][:, 1], validation.weight)
    return {"value": value, **scores_at(value, test.target, predictions["test"][:, 1], test.weight)}


def learned_line(model: nn.Module) -> dict[str, float] | None:
    """Return weight and bias of y = weight * x + bias, in the units of the data; None for another model."""
    if not isinstance(model, TabularModel):
        return _line_of(model)
    line = _line_of(model.network.network) if isinstance(model.network, ConcatFeatures) else None
    if line is None or model.preprocessor.d_numbers != 1 or model.preprocessor.n_levels:
        return None
    match model.preprocessor.scaling:
        case Standardize() as scaling:
            line = _unscaled(line, scaling.shift.item(), scaling.scale.item())
        case nn.Identity():
            pass
        case _:
            return None
    match model.target_transform:
        case TargetTransform(is_log=False) as back:
            scale, mean = back.scale.item(), back.mean.item()
            return {"weight": line["weight"] * scale, "bias": line["bias"] * scale + mean}
        case nn.Identity():
            return line
        case _:
            return None


def _line_of(network: nn.Module) -> dict[str, float] | None:
    match network:
        case LinearParameters():
            return {"weight": network.weights.item(), "bias": network.bias.item()}
        case Linear() if network.linear_layer.weight.numel() == 1:
            return {"weight": network.linear_layer.weight.item(), "bias": network.linear_layer.bias.item()}
        case _:
            return None


def _unscaled(line: dict[str, float], shift: float, scale: float) -> dict[str, float]:
    """Return the line over x, given the line over (x - shift) / scale."""
    weight = line["weight"] / scale
    return {"weight": weight, "bias": line["bias"] - weight * shift}


def query_notes(part: str, target: np.ndarray) -> list[str]:
    """Return how many queries of a part are behind its scores, in whole sentences.

    Args:
        target: (n_rows, 2) relevance and the number of the query.
    """
    scores = query_scores(target, np.zeros(len(target)))
    n_measured, is_alone = int(scores.is_measured.sum()), scores.n_candidates == 1
    alone, equal = int(is_alone.sum()), int((~scores.is_measured & ~is_alone).sum())
    left_out = f"; left out of the scores: {alone} with one candidate, {equal} whose relevances are all equal"
    notes = {
        f"Queries of the {part} part: {len(scores.first_row)}{left_out if alone or equal else ''}.": True,
        f"The {part} part measures {n_measured} queries: its scores are rough.": part == "test"
        and n_measured < MIN_TEST_QUERIES,
    }
    return [sentence for sentence, holds in notes.items() if holds]


def score_notes(
    params: EvaluateParams, features: Features, parts: LabelledParts, fitted: list[str], *, calibrated: bool
) -> list[str]:
    """Return what differs from the settings, and how far the scores reach, in whole sentences.

    Args:
        fitted: the references that were fitted.
        calibrated: whether a temperature was fitted.
    """
    n_test, validated = len(parts["test"].target), "validation" in parts
    skipped = [name for name in params.references if name not in fitted]
    notes = {
        f"The test part has {n_test} rows: its scores are rough.": n_test < MIN_TEST_ROWS
        and features.task != "ranking",
        f"Intervals are of {MAX_BOOTSTRAP_ROWS} of the {n_test} test rows, scaled to all of them.": (
            params.bootstrap > 0 and n_test > MAX_BOOTSTRAP_ROWS
        ),
        f"Importance is measured on {MAX_IMPORTANCE_ROWS} of the {n_test} test rows.": (
            params.importance > 0 and n_test > MAX_IMPORTANCE_ROWS
        ),
        "The probabilities are as the network gave them: no temperature was fitted.": (
            features.task in ("binary", "multiclass") and not calibrated
        ),
        f"No such reference for this target: {', '.join(skipped)}.": bool(skipped),
        "The references were fitted without validation rows: with the usual penalty, and a tenth of the "
        "train rows to stop the trees.": bool(fitted) and not validated,
        "No threshold was chosen: there are no validation rows to choose it on.": (
            params.threshold != "none" and features.task == "binary" and not validated
        ),
    }
    ranked_parts = parts.items() if features.task == "ranking" else ()
    of_queries = [sentence for part, rows in ranked_parts for sentence in query_notes(part, rows.target)]
    return [*of_queries, *(sentence for sentence, holds in notes.items() if holds)]
