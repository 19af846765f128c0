"""Scores of metrics of the user's own in a comparison: whether two runs measured the same, and their resamples.

The metric is imported from the project, if its files have the bytes that made both scores.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from relight.compare.predictions import RunPredictions
from relight.compare.significance import N_RESAMPLES, ResampledScores, Resamples, blocks_of
from relight.errors import RelightError
from relight.metrics.direction import BUILT_IN, Directions, own_metric_entries
from relight.metrics.forecasts import forecast_counts
from relight.metrics.own import OwnMetric, load_metric
from relight.metrics.own_scores import OwnScorer, own_scores, query_counts
from relight.metrics.roc import check_sample_weight
from relight.own_code.calls import Call
from relight.runtime.nested import flatten_to_text

Json = dict[str, Any]
MAX_RESAMPLED_ROWS = 200_000  # of all runs together: 500 resamples of them take about 20 seconds
VALUE_TOLERANCE = 1e-6  # relative: predictions.csv holds the digits of float32


class OwnBootstrap(NamedTuple):
    """The own scores of the baseline on each resample.

    Attributes:
        metrics: those that were resampled.
        scores: of the baseline.
        reasons: why the others were not, by name.
    """

    metrics: list[OwnMetric]
    scores: ResampledScores
    reasons: dict[str, str]


def incomparable_score(name: str, baseline: Json, candidate: Json, directions: Directions) -> str:
    """Return why two values of a score do not say which model is better; "" if they do.

    Args:
        baseline, candidate: the content of their metrics.json.
        directions: those that all runs agree on.
    """
    if name in BUILT_IN:
        return ""
    here, there = (own_metric_entries(metrics).get(name) for metrics in (candidate, baseline))
    if here is None or there is None:
        return "which direction is better is not known"
    if here["better"] != there["better"]:
        return f"better is {here['better']} here, {there['better']} there"
    if here.get("call") != there.get("call"):
        return f"it is {here.get('call')} here, {there.get('call')} there"
    if here.get("settings") != there.get("settings"):
        return f"its settings are {_settings_text(here)} here, {_settings_text(there)} there"
    if here.get("files") != there.get("files"):
        return f"the code of {here.get('call')} is not the same in both runs"
    return "" if name in directions else "the runs do not agree on which direction is better"


def _settings_text(entry: Json) -> str:
    settings = entry.get("settings")
    texts = flatten_to_text(settings) if isinstance(settings, dict) else {}
    return ", ".join(f"{key}={value}" for key, value in texts.items()) or "none"


def bootstrap_own_scores(metrics: Json, rows: RunPredictions, resamples: Resamples, n_runs: int) -> OwnBootstrap:
    """Return the own scores of the baseline on each resample, and why the others have none.

    Args:
        metrics: the content of its metrics.json.
        n_runs: number of runs that are resampled.
    """
    n_rows = len(rows.y_true) if resamples.indices is None else len(resamples.indices)
    entries = own_metric_entries(metrics)
    if n_runs * n_rows > MAX_RESAMPLED_ROWS:
        return OwnBootstrap([], {}, dict.fromkeys(entries, "it is resampled if fewer runs are named"))
    usable, reasons = [], {}
    for name, entry in entries.items():
        loaded = _load_recorded(name, entry, metrics.get("test", {}), rows)
        if isinstance(loaded, str):
            reasons[name] = loaded
        else:
            usable.append(loaded)
    return OwnBootstrap(usable, *_resampled(usable, rows, resamples, reasons))


def bootstrap_candidate(drawn: OwnBootstrap, rows: RunPredictions, resamples: Resamples) -> OwnBootstrap:
    """Return the own scores of a candidate on the resamples of the baseline."""
    return OwnBootstrap(drawn.metrics, *_resampled(drawn.metrics, rows, resamples, drawn.reasons))


def _load_recorded(name: str, entry: Json, test: Json, rows: RunPredictions) -> OwnMetric | str:
    """Return the metric that made a score, or why it is not known any more."""
    try:
        call = Call.model_validate({"call": entry.get("call"), **(entry.get("settings") or {})})
        metric = load_metric(call, name=name, better=entry["better"], key=name)
        if metric.files != entry.get("files"):
            return f"the code of {call} here is not that of the runs; compare them where it is"
        again = own_scores([metric], rows.task, *_known_rows(rows)).get(name)
    except RelightError as error:
        return error.problems[0]
    except (ValueError, TypeError):
        return "its call in reports/metrics.json is damaged"
    if again is None or not np.isclose(again, test.get(name, np.nan), rtol=VALUE_TOLERANCE, atol=VALUE_TOLERANCE):
        return f"{call} gives {again} for the predictions, and {test.get(name)} was recorded"
    return metric


def _known_rows(rows: RunPredictions) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return y_true, y_pred and weights; of forecasts those that have a true value."""
    if rows.task != "forecast":
        return rows.y_true, rows.y_pred, rows.sample_weight
    has_value = np.isfinite(rows.y_true)
    return rows.y_true[has_value], rows.y_pred[has_value], None


def _resampled(
    metrics: list[OwnMetric], rows: RunPredictions, resamples: Resamples, reasons: dict[str, str]
) -> tuple[ResampledScores, dict[str, str]]:
    scores, more = {}, dict(reasons)
    for metric in metrics:
        try:
            scores[metric.name] = _bootstrap_score(metric, rows, resamples)
        except RelightError as error:
            more[metric.name] = error.problems[0]
    return scores, more


def _bootstrap_score(metric: OwnMetric, rows: RunPredictions, resamples: Resamples) -> np.ndarray:
    """Return the score of each resample, NaN if it is not defined; its distance from the number it should be near."""
    y_true, y_pred, sample_weight = _known_rows(rows)
    weight = check_sample_weight(len(y_true), sample_weight)
    if resamples.indices is not None:
        y_true, y_pred, weight = (array[resamples.indices] for array in (y_true, y_pred, weight))
    scorer = OwnScorer([metric], rows.task, y_true, y_pred, weight)
    weights = _resampled_weights(rows, resamples, weight)
    values = np.array([scorer(each).get(metric.name, np.nan) for each in weights])
    return values if isinstance(metric.better, str) else np.abs(values - metric.better)


def _resampled_weights(rows: RunPredictions, resamples: Resamples, weight: np.ndarray) -> Iterator[np.ndarray]:
    """Yield (n_rows,) for each resample: the weight of each row, times how often it was drawn."""
    if rows.task == "ranking":
        yield from (counts * weight for counts in query_counts(rows.y_true, n_resamples=N_RESAMPLES, seed=0))
    elif rows.task == "forecast":
        blocks = blocks_of(rows)
        assert not isinstance(blocks, str)
        yield from (forecast_counts(blocks, counts) for counts in resamples.counts)
    else:
        yield from resamples.counts
