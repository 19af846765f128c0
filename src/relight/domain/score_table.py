"""Metrics as a table for people: a line a score, a column a part, the trivial baseline beside."""

from typing import Any

HIGHER_IS_BETTER = ("r2", "accuracy", "auc")


def score_table(metrics: dict[str, Any]) -> dict[str, Any]:
    """`heads`, and `rows` of name and values, for the terminal and the page alike."""
    parts = [part for part in ("train", "validation", "test") if metrics[part]]
    names = list(dict.fromkeys(name for part in parts for name in sorted(metrics[part])))
    rows = [
        {
            "name": f"{name} {'↑' if name in HIGHER_IS_BETTER else '↓'}",
            "values": [
                *(_shown(metrics[part].get(name)) for part in parts),
                _shown(metrics["baseline"]["test"].get(name)),
            ],
        }
        for name in names
    ]
    return {"heads": [*parts, "baseline (test)"], "rows": rows}


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.1f}"
