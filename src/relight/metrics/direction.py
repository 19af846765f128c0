"""The direction in which a score improves: up, down, or towards a value."""

HIGHER_IS_BETTER = (
    "r2", "accuracy", "auc", "average_precision", "f1", "balanced_accuracy", "precision", "recall", "top_1",
    "ndcg@5", "ndcg@10", "map", "pairwise_accuracy",
    "recall_at_1", "recall_at_5",
)  # fmt: skip

NOMINAL = {"coverage_80": 0.8}


def as_loss(name: str, value: float) -> float:
    """Return a number that is smaller the better the score is: -value, or the distance from a nominal value."""
    if name in NOMINAL:
        return abs(value - NOMINAL[name])
    return -value if name in HIGHER_IS_BETTER else value


def name_with_direction(name: str) -> str:
    """Return the score's name with an arrow: "auc ↑", "mae ↓", "coverage_80 → 0.8"."""
    if name in NOMINAL:
        return f"{name} → {NOMINAL[name]:g}"
    return f"{name} {'↑' if name in HIGHER_IS_BETTER else '↓'}"
