"""Which part each row belongs to. Every method is a pure function of the table, the params, the seed."""

from collections.abc import Callable

import numpy as np
import polars as pl

from relight.domain import texts
from relight.domain.naming import did_you_mean
from relight.domain.schema import Part
from relight.errors import InputError
from relight.params.split import SplitParams

PARTS: tuple[Part, ...] = ("train", "validation", "test")
NAMES = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}

YEAR_FIRST = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"  # texts that sort by time as they stand

Parts = np.ndarray  # (n_rows,) of indices into PARTS


def assign_parts(params: SplitParams, table: pl.DataFrame, target: str) -> Parts:
    """The part of each row, shape (n_rows,), as indices into `PARTS`.

    Raises:
        InputError: a column that is missing or has gaps, a class too small, an empty part.
    """
    if params.column is not None and params.column not in table.columns:
        known = did_you_mean(params.column, table.columns)
        raise InputError(f"split.column: '{params.column}' is not a column{known}")
    parts = _method(params)(params, table, target)
    counts = {part: int((parts == index).sum()) for index, part in enumerate(PARTS)}
    wanted = [part for part in PARTS if params.method != "column" and getattr(params, part) > 0]
    empty = [part for part in (*wanted, "train", "test") if counts[part] == 0]
    if empty:
        shown = ", ".join(f"{part} {count}" for part, count in counts.items())
        raise InputError(f"split: part {empty[0]} gets no rows ({shown}); use more rows, or other fractions")
    return parts


def _method(params: SplitParams) -> Callable[[SplitParams, pl.DataFrame, str], Parts]:
    match params.method:
        case "ordered":
            return _ordered
        case "random":
            return _random
        case "stratified":
            return _stratified
        case "group":
            return _group
        case "time":
            return _time
        case "column":
            return _column


def _ordered(params: SplitParams, table: pl.DataFrame, _target: str) -> Parts:
    return _share_out(np.arange(table.height), params)


def _random(params: SplitParams, table: pl.DataFrame, _target: str) -> Parts:
    return _share_out(np.random.default_rng(params.seed).permutation(table.height), params)


def _stratified(params: SplitParams, table: pl.DataFrame, target: str) -> Parts:
    """Each class is shared out by itself, so that its share is the same in every part."""
    if table[target].dtype.is_numeric():
        raise InputError("split.method: stratified is for classes, and the target is a quantity; use method: random")
    generator = np.random.default_rng(params.seed)
    parts = np.empty(table.height, dtype=np.int64)
    for label in sorted(table[target].unique().to_list()):
        rows = np.flatnonzero((table[target] == label).to_numpy())
        parts[rows] = _share_out(generator.permutation(len(rows)), params)
        if len(np.unique(parts[rows])) < 2 + (params.validation > 0):
            count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
            raise InputError(f"split.method: class '{label}' has {count}, too few for every part; use method: random")
    return parts


def _group(params: SplitParams, table: pl.DataFrame, _target: str) -> Parts:
    """Groups in a random order, whole, until a part is full: no group stands on two sides."""
    groups = _complete(table, params)
    names = sorted(groups.unique().to_list())
    order = np.random.default_rng(params.seed).permutation(len(names))
    sizes = dict(groups.value_counts().iter_rows())
    before, part_of = 0, {}
    for name in (names[index] for index in order):
        middle = (before + sizes[name] / 2) / table.height
        part_of[name] = int(middle >= params.train) + int(middle >= params.train + params.validation)
        before += sizes[name]
    return np.array([part_of[name] for name in groups.to_list()])


def _time(params: SplitParams, table: pl.DataFrame, _target: str) -> Parts:
    """The earliest rows train, the latest test; rows of the same time keep their order."""
    ranks = _moments(_complete(table, params)).rank("dense").to_numpy()
    return _share_out(np.argsort(ranks, kind="stable"), params)


def _moments(column: pl.Series) -> pl.Series:
    """What sorts by time: numbers, dates, and texts of both that sort as they should.

    Raises:
        InputError: for texts such as 31.01.2020, which sort by their day.
    """
    if column.dtype != pl.String:
        return column
    values = texts.tidy(column)
    if bool(texts.are_numbers(values).all()):
        return values.cast(pl.Float64)
    wrong = values.filter(~values.str.contains(YEAR_FIRST))
    if len(wrong):
        raise InputError(
            f"split.column: '{column.name}' must hold numbers, or dates as 2024-01-31, however: '{wrong[0]}'"
        )
    return values


def _column(params: SplitParams, table: pl.DataFrame, _target: str) -> Parts:
    names = _complete(table, params).cast(pl.String).str.to_lowercase()
    wrong = names.filter(~names.is_in(list(NAMES)))
    if len(wrong):
        raise InputError(
            f"split.column: '{params.column}' must hold train, validation (or val, valid) and test, "
            f"however: '{wrong[0]}'"
        )
    return names.replace_strict({name: PARTS.index(part) for name, part in NAMES.items()}).to_numpy()


def _complete(table: pl.DataFrame, params: SplitParams) -> pl.Series:
    column = table[str(params.column)]
    if column.null_count():
        raise InputError(f"split.column: '{params.column}' has {column.null_count()} gaps; fill them in")
    return column


def _share_out(order: np.ndarray, params: SplitParams) -> Parts:
    """The first rows of an order to train, the next to validation, the rest to test."""
    n_rows = len(order)
    train_end = round(params.train * n_rows)
    validation_end = round((params.train + params.validation) * n_rows)
    parts = np.full(n_rows, PARTS.index("test"))
    parts[order[:validation_end]] = PARTS.index("validation")
    parts[order[:train_end]] = PARTS.index("train")
    return parts
