"""The parts of series: cut by time, so that nothing that is learned has seen what comes after."""

import numpy as np
import polars as pl

from relight.domain.schema import Schema, SeriesSchema
from relight.domain.split_choice import NAMED
from relight.domain.splitting import LEFT_OUT, NAMES, PARTS, TEST, TRAIN, VALIDATION, Parts
from relight.errors import InputError
from relight.params.split import SplitParams


def assign_series_parts(params: SplitParams, rows: pl.DataFrame, schema: Schema, step: str) -> tuple[Parts, str]:
    """The part of each row, int8 (n_rows,), and a sentence on how it was found.

    Args:
        step: the column with the number of each row's step.

    Raises:
        InputError: for a method that is not by time, or a column whose parts do not follow each other in time.
    """
    if params.method not in ("auto", "ordered", "column") or params.folds is not None:
        raise InputError(
            f"split.method: must be auto, ordered or column for a forecast, without folds, however: {params.method}"
            f"{' with folds' if params.folds else ''}; the parts of a forecast follow each other in time"
        )
    steps = rows[step].to_numpy()
    named = NAMED if params.method == "auto" and NAMED in rows.columns else params.column
    if named is None:
        return _by_time(params, steps), "The parts follow each other in time."
    parts = _by_column(rows, named)
    _assert_in_order(parts, rows, schema.series, steps, named)
    return parts, f"The parts are those of column '{named}'."


def _by_time(params: SplitParams, steps: np.ndarray) -> Parts:
    """All series are cut at the same times."""
    ordered = np.sort(steps)
    ends = [round(share * len(steps)) for share in (params.train, params.train + params.validation)]
    train_end, validation_end = (ordered[min(end, len(steps) - 1)] for end in ends)
    parts = np.full(len(steps), TEST, dtype=np.int8)
    parts[steps < validation_end] = VALIDATION
    parts[steps < train_end] = TRAIN
    return parts


def _by_column(rows: pl.DataFrame, name: str) -> Parts:
    if name not in rows.columns:
        raise InputError(
            f"split.column: '{name}' is not a column that prepare kept; name `split`, or set method to auto"
        )
    labels = rows[name].cast(pl.String).str.to_lowercase()
    parts = labels.replace_strict(NAMES, default=LEFT_OUT, return_dtype=pl.Int8).to_numpy()
    if (wrong := labels.filter(parts == LEFT_OUT)).len():
        raise InputError(
            f"split.column: '{name}' must hold train, validation (or val, valid) and test, however: '{wrong[0]}'"
        )
    return parts


def _assert_in_order(
    parts: Parts, rows: pl.DataFrame, known: SeriesSchema | None, steps: np.ndarray, name: str
) -> None:
    last = -1
    for part in range(len(PARTS)):
        of_part = steps[parts == part]
        if len(of_part) and of_part.min() <= last:
            time = rows[known.time][int(np.flatnonzero((parts == part) & (steps <= last))[0])] if known else ""
            raise InputError(
                f"split.column: '{name}' must cut by time, however: '{time}' is of part {PARTS[part]}, and a later "
                "time is of the part before; set split.method to ordered"
            )
        last = int(of_part.max()) if len(of_part) else last
