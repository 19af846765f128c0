"""Everything that is said of a model's answers in numbers: the content of metrics.json."""

from typing import Any, NamedTuple

import numpy as np

from relight.domain.calibration import confidence_and_truth, expected_calibration_error
from relight.domain.features import Features
from relight.domain.intervals import bootstrap_intervals
from relight.domain.labelled import LabelledRows
from relight.domain.metrics import Scores, scores_of
from relight.domain.references import fit_reference
from relight.domain.thresholds import best_threshold, scores_at
from relight.domain.trivial import trivial_answers
from relight.params.evaluate import EvaluateParams

Parts = dict[str, LabelledRows]


class Said(NamedTuple):
    """What a model says, in answers as `domain.answers` gives them.

    Attributes:
        parts: of the rows of each part.
        uncalibrated: of the test rows before its temperature was fitted; None where it has none.
        seeds: of the test rows by each seed alone; empty with one seed.
    """

    parts: dict[str, np.ndarray]
    uncalibrated: np.ndarray | None
    seeds: list[np.ndarray]


def judge(
    params: EvaluateParams, features: Features, parts: Parts, said: Said, parameters: dict[str, Any], threads: int
) -> dict[str, Any]:
    """The scores of every part beside those of trivial and other models; keys only where there is something to say.

    Args:
        parts: train, test, and validation where there is one.
        parameters: learned beside true, where they are known.
    """
    task = features.task
    metrics: dict[str, Any] = {"train": {}, "validation": {}, "test": {}}
    for part, rows in parts.items():
        metrics[part] = scores_of(task, rows.target, said.parts[part], rows.weight)
    metrics["test"] |= _calibration(features, parts["test"], said)
    metrics["baseline"] = _baseline(features, parts)
    more = {
        "parameters": parameters,
        "references": _references(params, features, parts, threads),
        "intervals": _intervals(params, features, parts["test"], said.parts["test"]),
        "seeds": _seeds(features, parts["test"], said.seeds),
        "threshold": _threshold(params, features, parts, said.parts),
    }
    return metrics | {key: value for key, value in more.items() if value}


def _baseline(features: Features, parts: Parts) -> dict[str, Scores]:
    task, train, n_classes = features.task, parts["train"], len(features.classes or [])
    said = {
        part: trivial_answers(task, train.target, len(rows.target), n_classes, train.weight)
        for part, rows in parts.items()
    }
    return {part: scores_of(task, rows.target, said[part], rows.weight) for part, rows in parts.items()}


def _calibration(features: Features, test: LabelledRows, said: Said) -> Scores:
    if features.task not in ("binary", "multiclass"):
        return {}
    curves = {"ece": said.parts["test"], "ece_before": said.uncalibrated}
    return {
        name: expected_calibration_error(*confidence_and_truth(test.target, answers), test.weight)
        for name, answers in curves.items()
        if answers is not None
    }


def _references(params: EvaluateParams, features: Features, parts: Parts, threads: int) -> dict[str, dict[str, Scores]]:
    found: dict[str, dict[str, Scores]] = {}
    for name in params.references:
        n_classes, validation = len(features.classes or []), parts.get("validation")
        says = fit_reference(name, features.task, parts["train"], validation, n_classes, threads)
        if says is not None:
            found[name] = {
                part: scores_of(features.task, rows.target, says(rows.numeric, rows.categories), rows.weight)
                for part, rows in parts.items()
                if part != "train"
            }
    return found


def _intervals(params: EvaluateParams, features: Features, test: LabelledRows, said: np.ndarray) -> dict[str, Any]:
    if params.bootstrap == 0:
        return {}
    drawn = {"n_resamples": params.bootstrap, "seed": params.seed}
    intervals = bootstrap_intervals(features.task, test.target, said, test.weight, **drawn)
    return {"test": {name: list(ends) for name, ends in intervals.items()}}


def _seeds(features: Features, test: LabelledRows, seeds: list[np.ndarray]) -> dict[str, Any]:
    """Mean and sample deviation over the seeds of the scores that every seed has."""
    if len(seeds) < 2:
        return {}
    scores = [scores_of(features.task, test.target, said, test.weight) for said in seeds]
    values = {name: [each[name] for each in scores] for name in scores[0] if all(name in each for each in scores)}
    return {"test": {name: {"mean": float(np.mean(v)), "std": float(np.std(v, ddof=1))} for name, v in values.items()}}


def _threshold(params: EvaluateParams, features: Features, parts: Parts, said: dict[str, np.ndarray]) -> Scores:
    """The threshold chosen on the validation rows, and the test rows' scores with it."""
    if params.threshold == "none" or features.task != "binary" or "validation" not in parts:
        return {}
    validation, test = parts["validation"], parts["test"]
    value = best_threshold(params.threshold, validation.target, said["validation"][:, 1], validation.weight)
    return {"value": value, **scores_at(value, test.target, said["test"][:, 1], test.weight)}
