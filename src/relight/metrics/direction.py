"""The direction in which a score improves: up, down, or towards a value.

That of a metric of the user's own stands in metrics.json, next to its scores.
"""

from typing import Any, Literal

HIGHER_IS_BETTER = (
    "r2", "accuracy", "auc", "average_precision", "f1", "balanced_accuracy", "precision", "recall", "top_1",
    "ndcg@5", "ndcg@10", "map", "pairwise_accuracy",
    "recall_at_1", "recall_at_5",
)  # fmt: skip
LOWER_IS_BETTER = (
    "mae", "rmse", "median_ae", "mape", "log_loss", "brier", "ece", "ece_before", "kl_divergence", "smape", "mase",
)  # fmt: skip
NOMINAL = {"coverage_80": 0.8}

Better = Literal["higher", "lower"] | float  # a number: the score should be near it
Directions = dict[str, Better]  # by the name of the score
BUILT_IN: Directions = {
    **dict.fromkeys(HIGHER_IS_BETTER, "higher"),
    **dict.fromkeys(LOWER_IS_BETTER, "lower"),
    **NOMINAL,
}
POSITIVE_KEY = "positive"  # of metrics.json: the class that precision, recall, F1 and the threshold are about
OWN_METRICS_KEY = "own_metrics"  # of metrics.json: name, better, call, settings and files of each


def directions_of(*metrics: dict[str, Any]) -> Directions:
    """Return the direction of each score; a score whose directions differ has none.

    Args:
        metrics: the content of one or several metrics.json.
    """
    own: dict[str, set[Better]] = {}
    for content in metrics:
        for name, entry in own_metric_entries(content).items():
            own.setdefault(name, set()).add(entry["better"])
    return {**BUILT_IN, **{name: next(iter(found)) for name, found in own.items() if len(found) == 1}}


def own_metric_entries(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what metrics.json says of each metric of the user's own, by its name; what is no entry is left out."""
    listed = metrics.get(OWN_METRICS_KEY)
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return {
        entry["name"]: entry
        for entry in entries
        if isinstance(entry.get("name"), str) and entry["name"] not in BUILT_IN and is_better(entry.get("better"))
    }


def is_better(value: Any) -> bool:
    """Return whether a value is a direction: higher, lower or a number."""
    return value in ("higher", "lower") or (isinstance(value, int | float) and not isinstance(value, bool))


def as_loss(better: Better, value: float) -> float:
    """Return a number that is smaller the better the score is: -value, or the distance from a nominal value."""
    if isinstance(better, str):
        return -value if better == "higher" else value
    return abs(value - better)


def name_with_direction(name: str, directions: Directions) -> str:
    """Return the score's name with an arrow: "auc ↑", "mae ↓", "coverage_80 → 0.8"; without one if none is known."""
    better = directions.get(name)
    if better is None:
        return name
    if isinstance(better, str):
        return f"{name} {'↑' if better == 'higher' else '↓'}"
    return f"{name} → {better:g}"
