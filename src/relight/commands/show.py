"""`relight show`: the metrics as a table in the terminal, and the path of the report."""

from pathlib import Path
from typing import Any

from relight.errors import InputError
from relight.plot.score_tables import ScoreTable, positive_text, reference_table, score_table
from relight.runtime.files import read_json
from relight.runtime.messages import pluralize

COLUMN_WIDTH = 17  # unless its head or a value is wider


def show(metrics: Path, page: Path, speed: Path | None) -> str:
    """Return the text that `make repro` ends with.

    Args:
        speed: the figures of the last training on this machine; the file may not exist. None outside of a repository.

    Raises:
        InputError: if the metrics are missing, or are not those that evaluate writes.
    """
    try:
        return "\n".join([*_score_lines(read_json(metrics)), "", *_speed_lines(speed), f"Report: {page}", ""])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{metrics}: must hold the scores that evaluate writes, got something else "
            f"({type(error).__name__}: {error}); run `dvc checkout` or `dvc repro`"
        ) from error


def _score_lines(scores: dict[str, Any]) -> list[str]:
    lines = _table_lines("", score_table(scores))
    references = reference_table(scores, "model")
    if references is not None:
        lines += ["", *_table_lines("test", references)]
    if positive := positive_text(scores):
        lines += ["", positive]
    for name, pair in scores.get("parameters", {}).items():
        lines.append(f"{name}: learned {pair['learned']:.4f}, true {pair['true']:.4f}")
    return lines


def _speed_lines(path: Path | None) -> list[str]:
    if path is None or not path.exists():
        return []
    speed = read_json(path)
    threads = pluralize(speed["threads"], "thread")
    return [
        f"Last training here: {speed['rows_per_second']:,} rows/s, {speed['epochs']} epochs in "
        f"{speed['seconds']:.1f} s on {speed['device']} ({speed['device_name']}), {threads}"
    ]


def _table_lines(corner: str, table: ScoreTable) -> list[str]:
    columns = [[head, *(row["values"][k] for row in table["rows"])] for k, head in enumerate(table["heads"])]
    widths = [max(COLUMN_WIDTH, 2 + max(len(text) for text in column)) for column in columns]
    names = [corner, *(row["name"] for row in table["rows"])]
    first = max(12, 2 + max(len(name) for name in names))
    return [
        f"{name:<{first}}" + "".join(f"{column[k]:>{width}}" for column, width in zip(columns, widths, strict=True))
        for k, name in enumerate(names)
    ]
