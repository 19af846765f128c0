"""Time-ordered parts of series.

The parts of series: cut by time, so that nothing that is learned has seen what comes after.

Series → the tensors of each part, and what the train rows say: all that split writes of a forecast.

split, for series: by time, in memory as a whole.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.data.parquet import read_parquet
from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Schema, SeriesSchema
from relight.data.tensors import write_tensors
from relight.errors import InputError
from relight.runtime.files import write_json
from relight.split.assignment import NO_PART, PART_OF_NAME, PARTS, TEST, TRAIN, VALIDATION, PartAssignment
from relight.split.files import SplitFiles
from relight.split.params import SplitParams
from relight.split.report import SplitReport
from relight.split.series_windows import MAX_COVARIATE_LEVELS, Arrays, describe_series, encode_part, frequent_levels


def assign_series_parts(
    params: SplitParams, rows: pl.DataFrame, schema: Schema, step: str
) -> tuple[PartAssignment, str]:
    """The part of each row, int8 (n_rows,), and a sentence on how it was found.

    Args:
        step: the column with the number of each row's step.

    Raises:
        InputError: for a method that is not by time, or a column whose parts do not follow each other in time.
    """
    if params.method not in ("auto", "ordered", "column") or params.folds is not None:
        raise InputError(
            f"split.method: must be auto, ordered or column for a forecast, without folds, got {params.method}"
            f"{' with folds' if params.folds else ''}; the parts of a forecast follow each other in time"
        )
    steps = rows[step].to_numpy()
    named = SPLIT_COLUMN if params.method == "auto" and SPLIT_COLUMN in rows.columns else params.column
    if named is None:
        return _by_time(params, steps), "The parts follow each other in time."
    parts = _by_column(rows, named)
    _assert_time_order(parts, rows, schema.series, steps, named)
    return parts, f"The parts are those of column '{named}'."


def _by_time(params: SplitParams, steps: np.ndarray) -> PartAssignment:
    """All series are cut at the same times."""
    ordered = np.sort(steps)
    ends = [round(share * len(steps)) for share in (params.train, params.train + params.validation)]
    train_end, validation_end = (ordered[min(end, len(steps) - 1)] for end in ends)
    parts = np.full(len(steps), TEST, dtype=np.int8)
    parts[steps < validation_end] = VALIDATION
    parts[steps < train_end] = TRAIN
    return parts


def _by_column(rows: pl.DataFrame, name: str) -> PartAssignment:
    if name not in rows.columns:
        raise InputError(
            f"split.column: '{name}' is not a column that prepare kept; name `split`, or set method to auto"
        )
    labels = rows[name].cast(pl.String).str.to_lowercase()
    parts = labels.replace_strict(PART_OF_NAME, default=NO_PART, return_dtype=pl.Int8).to_numpy()
    if (wrong := labels.filter(parts == NO_PART)).len():
        raise InputError(
            f"split.column: '{name}' must hold train, validation (or val, valid) and test, got '{wrong[0]}'"
        )
    return parts


def _assert_time_order(
    parts: PartAssignment, rows: pl.DataFrame, series_schema: SeriesSchema | None, steps: np.ndarray, name: str
) -> None:
    last = -1
    for part in range(len(PARTS)):
        of_part = steps[parts == part]
        if len(of_part) and of_part.min() <= last:
            time = (
                rows[series_schema.time][int(np.flatnonzero((parts == part) & (steps <= last))[0])]
                if series_schema
                else ""
            )
            raise InputError(
                f"split.column: '{name}' must cut by time, got '{time}' is of part {PARTS[part]}, and a later "
                "time is of the part before; set split.method to ordered"
            )
        last = int(of_part.max()) if len(of_part) else last


class SplitSeries(NamedTuple):
    """
    Attributes:
        parts: the arrays of train, validation and test; without validation rows the test rows stand in for them.
    """

    parts: list[Arrays]
    features: Features
    report: SplitReport


def split_series(params: SplitParams, schema: Schema, rows: pl.DataFrame) -> SplitSeries:
    """
    Raises:
        InputError: for a split that is not by time, or a part without a window.
    """
    assert schema.series is not None
    parts, choice = assign_series_parts(params, rows, schema, STEP_COLUMN)
    described = describe_series(rows, schema, parts)
    validated = bool((parts == VALIDATION).any())
    used = (TRAIN, VALIDATION if validated else TEST, TEST)
    arrays = [encode_part(rows, schema.target, described, parts, part) for part in used]
    _assert_windows(schema, arrays, parts)
    features = Features(
        task="forecast",
        target=schema.target,
        targets=schema.targets,
        weight=None,
        classes=None,
        numeric=[],
        categorical=[],
        target_statistics=None,
        class_counts=None,
        n_train=len(arrays[0]["origin"]),
        validates_on_test=not validated,
        series=described,
    )
    notes = [f"split: {choice}", *_window_notes(arrays), *_many_levels_notes(rows.filter(parts == TRAIN), schema)]
    counts = {part: int((parts == part_index).sum()) for part_index, part in enumerate(PARTS)}
    return SplitSeries(arrays, features, SplitReport(rows=counts, notes=notes))


def _assert_windows(schema: Schema, arrays: list[Arrays], parts: np.ndarray) -> None:
    series_schema = schema.series
    assert series_schema is not None
    problems = [
        f"split: part {part} holds no window: {int((parts == part_index).sum())} rows, and a window needs "
        f"{f'{series_schema.length} of the past and ' if part_index == TRAIN else ''}"
        f"{series_schema.horizon} to predict with a value; use a larger share, more rows, or a smaller "
        "prepare.sequence.length or horizon"
        for part_index, (part, part_arrays) in enumerate(zip(PARTS, arrays, strict=True))
        if not len(part_arrays["origin"])
    ]
    if problems:
        raise InputError(*problems)


def _window_notes(arrays: list[Arrays]) -> list[str]:
    counts = ", ".join(f"{len(part_arrays['origin'])} {part}" for part, part_arrays in zip(PARTS, arrays, strict=True))
    return [f"Windows: {counts}; no window's target reaches into another part."]


def _many_levels_notes(train: pl.DataFrame, schema: Schema) -> list[str]:
    counts = {c.name: len(frequent_levels(train[c.name])) for c in schema.features if c.kind == "categorical"}
    return [
        f"Column '{name}' has {n_levels} levels in the train rows; a forecast reads the {MAX_COVARIATE_LEVELS} most "
        "frequent."
        for name, n_levels in counts.items()
        if n_levels > MAX_COVARIATE_LEVELS
    ]


def split_forecast(params: SplitParams, schema: Schema, table: Path, files: SplitFiles) -> None:
    """Each part with the steps before it that its first windows see."""
    rows = read_parquet(table)
    if rows.height != schema.rows:
        raise InputError(f"{table}: has {rows.height} rows, and its schema says {schema.rows}; run `dvc repro`")
    done = split_series(params, schema, rows)
    for path, arrays in zip(files[:3], done.parts, strict=True):
        write_tensors(path, arrays)
    write_json(files.features, done.features)
    write_json(files.report, done.report)
