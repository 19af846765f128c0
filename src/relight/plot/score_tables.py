"""metrics.json as tables to read: a row per score, a column per part or model, and the trivial baseline."""

from typing import Any

from relight.metrics.direction import (
    POSITIVE_KEY,
    Better,
    Directions,
    as_loss,
    directions_of,
    name_with_direction,
)

ScoreTable = dict[str, Any]  # heads: list[str]; rows: name, values (texts), and in some tables best (an index)


def direction_text(better: str | float) -> str:
    """Return in words which way a score is better.

    Args:
        better: higher, lower, or the best number.
    """
    return f"{better} is better" if isinstance(better, str) else f"best at {better:g}"


def positive_text(metrics: dict[str, Any]) -> str:
    """Return which of two classes the scores are about, in a sentence; "" for other tasks."""
    if POSITIVE_KEY not in metrics:
        return ""
    names = "precision, recall, F1, average precision"
    names += " and the threshold" if "threshold" in metrics else ""
    return f"The positive class, which {names} are about, is '{metrics[POSITIVE_KEY]}'."


def score_table(metrics: dict[str, Any]) -> ScoreTable:
    """Return the scores of each part that has rows, and of the baseline on the test rows."""
    parts = [part for part in ("train", "validation", "test") if metrics[part]]
    columns = {**{part: metrics[part] for part in parts}, "baseline (test)": metrics["baseline"]["test"]}
    names = list(dict.fromkeys(name for part in parts for name in sorted(metrics[part])))
    return _score_columns(names, columns, directions_of(metrics))


def reference_table(metrics: dict[str, Any], model: str) -> ScoreTable | None:
    """Return the test scores of the model with their intervals, of the references, and of the trivial baseline.

    Each row has `best`, the index of its best value, or -1. None without references and intervals.
    """
    references = {name: scores["test"] for name, scores in metrics.get("references", {}).items()}
    intervals = metrics.get("intervals", {}).get("test")
    if not references and not intervals:
        return None
    columns = {model: metrics["test"], **references, "baseline": metrics["baseline"]["test"]}
    compared = {name for scores in (*references.values(), intervals or {}) for name in scores}
    names = [name for name in sorted(metrics["test"]) if name in compared]
    directions = directions_of(metrics)
    table = _score_columns(names, columns, directions)
    for name, row in zip(names, table["rows"], strict=True):
        row["best"] = _best_index(directions.get(name), [scores.get(name) for scores in columns.values()])
    if intervals:
        table["heads"].insert(1, "95 % interval")
        for name, row in zip(names, table["rows"], strict=True):
            row["values"].insert(1, _interval(intervals.get(name)))
            row["best"] += row["best"] > 0
    return table


def threshold_table(metrics: dict[str, Any]) -> ScoreTable | None:
    """Return the test scores of the decision at 0.5 and at the threshold chosen on the validation rows, or None."""
    if "threshold" not in metrics:
        return None
    chosen = metrics["threshold"]
    names = [name for name in sorted(chosen) if name != "value"]
    columns = {"at 0.5": metrics["test"], f"at {chosen['value']:.4g}": chosen}
    return _score_columns(names, columns, directions_of(metrics))


def seeds_table(metrics: dict[str, Any]) -> ScoreTable | None:
    """Return the mean and standard deviation of the test scores of the single seeds; None with one seed."""
    if "seeds" not in metrics:
        return None
    scores = metrics["seeds"]["test"]
    columns = {name: {score: values[name] for score, values in scores.items()} for name in ("mean", "std")}
    return _score_columns(sorted(scores), columns, directions_of(metrics))


def _interval(ends: list[float] | None) -> str:
    return "–" if ends is None else f"{_value_text(ends[0])} to {_value_text(ends[1])}"


def _value_text(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.1f}"


def _score_columns(names: list[str], columns: dict[str, dict[str, float]], directions: Directions) -> ScoreTable:
    rows = [
        {
            "name": name_with_direction(name, directions),
            "values": [_value_text(scores.get(name)) for scores in columns.values()],
        }
        for name in names
    ]
    return {"heads": list(columns), "rows": rows}


def _best_index(better: Better | None, values: list[float | None]) -> int:
    """Return the index of the best value, of equal ones the first; -1 if no direction is known."""
    if better is None:
        return -1
    losses = [(as_loss(better, value), index) for index, value in enumerate(values) if value is not None]
    return min(losses)[1]
