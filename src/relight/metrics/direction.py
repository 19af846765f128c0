"""Which way a score is better: up, down, or towards a value."""

HIGHER_IS_BETTER = (
    "r2", "accuracy", "auc", "average_precision", "f1", "balanced_accuracy", "precision", "recall", "top_1",
    "ndcg@5", "ndcg@10", "map", "pairwise_accuracy",
    "recall_at_1", "recall_at_5",
)  # fmt: skip

MEANT = {"coverage_80": 0.8}


def shortfall(name: str, value: float) -> float:
    """What is smaller where the score is better."""
    if name in MEANT:
        return abs(value - MEANT[name])
    return -value if name in HIGHER_IS_BETTER else value


def with_direction(name: str) -> str:
    """The score with the way that is better."""
    if name in MEANT:
        return f"{name} → {MEANT[name]:g}"
    return f"{name} {'↑' if name in HIGHER_IS_BETTER else '↓'}"
