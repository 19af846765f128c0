"""show: the metrics as a table in the terminal, and where the report is."""

from pathlib import Path

from relight.domain.score_table import score_table
from relight.io.artifacts import read_json


def show(metrics: Path, page: Path) -> str:
    """The text that `make repro` ends with."""
    scores = read_json(metrics)
    table = score_table(scores)
    lines = [_line("", table["heads"]), *(_line(row["name"], row["values"]) for row in table["rows"])]
    for name, pair in scores.get("parameters", {}).items():
        lines.append(f"{name}: learned {pair['learned']:.4f}, true {pair['true']:.4f}")
    return "\n".join([*lines, "", f"Report: {page}", ""])


def _line(name: str, values: list[str]) -> str:
    return f"{name:<12}" + "".join(f"{value:>17}" for value in values)
