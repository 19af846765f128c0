"""Series → the tensors of each part, and what the train rows say: all that split writes of a forecast."""

from typing import NamedTuple

import numpy as np
import polars as pl

from relight.domain.features import Features
from relight.domain.parts_report import PartsReport
from relight.domain.schema import STEP, Schema
from relight.domain.series_describing import MOST_LEVELS, describe_series, levels_of
from relight.domain.series_encoding import Arrays, encode_part
from relight.domain.series_parts import assign_series_parts
from relight.domain.splitting import PARTS, TEST, TRAIN, VALIDATION
from relight.errors import InputError
from relight.params.split import SplitParams


class SplitSeries(NamedTuple):
    """
    Attributes:
        parts: the arrays of train, validation and test; without validation rows the test rows stand in for them.
    """

    parts: list[Arrays]
    features: Features
    report: PartsReport


def split_series(params: SplitParams, schema: Schema, rows: pl.DataFrame) -> SplitSeries:
    """
    Raises:
        InputError: for a split that is not by time, or a part without a window.
    """
    assert schema.series is not None
    parts, choice = assign_series_parts(params, rows, schema, STEP)
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
        test_rows_validate=not validated,
        series=described,
    )
    notes = [f"split: {choice}", *_windows(arrays), *_many_levels(rows.filter(parts == TRAIN), schema)]
    counts = {part: int((parts == place).sum()) for place, part in enumerate(PARTS)}
    return SplitSeries(arrays, features, PartsReport(rows=counts, notes=notes))


def _assert_windows(schema: Schema, arrays: list[Arrays], parts: np.ndarray) -> None:
    known = schema.series
    assert known is not None
    problems = [
        f"split: part {part} holds no window: {int((parts == place).sum())} rows, and a window needs "
        f"{f'{known.length} of the past and ' if place == TRAIN else ''}{known.horizon} to foretell with a value; "
        "use a larger share, more rows, or a smaller prepare.sequence.length or horizon"
        for place, (part, found) in enumerate(zip(PARTS, arrays, strict=True))
        if not len(found["origin"])
    ]
    if problems:
        raise InputError(*problems)


def _windows(arrays: list[Arrays]) -> list[str]:
    counts = ", ".join(f"{len(found['origin'])} {part}" for part, found in zip(PARTS, arrays, strict=True))
    return [f"Windows: {counts}; no window's target reaches into another part."]


def _many_levels(train: pl.DataFrame, schema: Schema) -> list[str]:
    counts = {c.name: len(levels_of(train[c.name])) for c in schema.features if c.kind == "categorical"}
    return [
        f"Column '{name}' has {n_levels} levels in the train rows; a forecast reads the {MOST_LEVELS} most frequent."
        for name, n_levels in counts.items()
        if n_levels > MOST_LEVELS
    ]
