"""split, for series; all of them are in memory.

The parts are cut by time, so that nothing that is learned has seen what comes after it.
"""

import numpy as np
import polars as pl

from relight.data.features import Features
from relight.data.schema import SPLIT_COLUMN, STEP_COLUMN, Schema, SeriesSchema
from relight.data.series_features import SeriesFeatures
from relight.data.tensors import Arrays
from relight.errors import InputError
from relight.split.assignment import (
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    PartAssignment,
    count_parts,
    has_validation,
    parts_in_column,
    parts_to_write,
    validation_note,
)
from relight.split.files import Split
from relight.split.offsets import merged_series_notes
from relight.split.params import SplitParams
from relight.split.report import SplitReport
from relight.split.series_windows import MAX_COVARIATE_LEVELS, describe_series, encode_part, frequent_levels


def split_series(params: SplitParams, schema: Schema, series: SeriesSchema, rows: pl.DataFrame) -> Split:
    """Return the arrays of each part, the features and the report.

    Args:
        rows: as prepare wrote them: on their grid, series after series.

    Raises:
        InputError: for a split that is not by time, or a part without a window.
    """
    parts, choice = assign_series_parts(params, rows, series)
    described = describe_series(rows, schema, series, parts)
    arrays = [encode_part(rows, schema.target, described, parts, part) for part in parts_to_write(parts)]
    _assert_windows(series, arrays, parts)
    features = _features(schema, described, len(arrays[0]["origin"]), validates_on_test=not has_validation(parts))
    train, numbers = rows.filter(parts == TRAIN), [c.name for c in schema.features if c.kind == "numeric"]
    notes = [f"split: {choice}", *_window_notes(arrays), *_many_levels_notes(train, schema)]
    notes += merged_series_notes(train, [schema.target, *numbers])
    return Split(arrays, features, SplitReport(rows=count_parts(parts), notes=notes))


def assign_series_parts(params: SplitParams, rows: pl.DataFrame, series: SeriesSchema) -> tuple[PartAssignment, str]:
    """Return the part of each row, int8 (n_rows,), and a sentence on how it was found.

    Raises:
        InputError: for a method that is not by time, or a column whose parts do not follow each other in time.
    """
    if params.method not in ("auto", "ordered", "column") or params.folds is not None:
        raise InputError(
            f"split.method: must be auto, ordered or column for a forecast, without folds, got {params.method}"
            f"{' with folds' if params.folds else ''}; the parts of a forecast follow each other in time"
        )
    steps = rows[STEP_COLUMN].to_numpy()
    column = SPLIT_COLUMN if params.method == "auto" and SPLIT_COLUMN in rows.columns else params.column
    if column is None:
        return _by_time(params, steps), "The parts follow each other in time."
    parts = _by_column(rows, column)
    choice = f"The parts are those of column '{column}'."
    if params.validation > 0 and not has_validation(parts):
        parts = _with_latest_for_validation(params, steps, parts)
        choice += f" {validation_note(column, parts, 'the latest of them')}" if has_validation(parts) else ""
    _assert_time_order(parts, rows[series.time], steps, column)
    return parts, choice


def _by_time(params: SplitParams, steps: np.ndarray) -> PartAssignment:
    """Cut all series at the same times."""
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
            f"split.column: '{name}' is not a column of the prepared table; name `split`, or set method to auto"
        )
    return parts_in_column(rows[name])


def _with_latest_for_validation(params: SplitParams, steps: np.ndarray, parts: PartAssignment) -> PartAssignment:
    """Return the parts with the latest train rows as validation rows."""
    ordered = np.sort(steps[parts == TRAIN])
    first = round(params.train / (params.train + params.validation) * len(ordered))
    is_validation = (parts == TRAIN) & (steps >= ordered[min(first, len(ordered) - 1)]) if len(ordered) else False
    return np.where(is_validation, np.int8(VALIDATION), parts)


def _assert_time_order(parts: PartAssignment, times: pl.Series, steps: np.ndarray, column: str) -> None:
    last = -1
    for part in range(len(PARTS)):
        part_steps = steps[parts == part]
        if len(part_steps) and part_steps.min() <= last:
            time = times[int(np.flatnonzero((parts == part) & (steps <= last))[0])]
            raise InputError(
                f"split.column: '{column}' must cut by time, got '{time}' in part {PARTS[part]} and a later "
                "time in the part before; set split.method to ordered"
            )
        last = int(part_steps.max()) if len(part_steps) else last


def _assert_windows(series: SeriesSchema, arrays: list[Arrays], parts: PartAssignment) -> None:
    problems = []
    for index, (part, part_arrays) in enumerate(zip(PARTS, arrays, strict=True)):
        if not len(part_arrays["origin"]):
            past = f"{series.length} of the past and " if index == TRAIN else ""
            problems.append(
                f"split: part {part} must hold a window, got {int((parts == index).sum())} rows; a window needs "
                f"{past}{series.horizon} to predict with a value: use a larger share, more rows, or a smaller "
                "prepare.sequence.length or horizon"
            )
    if problems:
        raise InputError(*problems)


def _features(schema: Schema, series: SeriesFeatures, n_train: int, *, validates_on_test: bool) -> Features:
    return Features(
        task="forecast",
        target=schema.target,
        targets=schema.targets,
        weight=None,
        classes=None,
        numeric=[],
        categorical=[],
        target_statistics=None,
        class_counts=None,
        n_train=n_train,
        validates_on_test=validates_on_test,
        series=series,
        reader=schema.reader,
        text_format=schema.text_format,
    )


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
