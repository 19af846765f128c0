"""A split table → its features, as the train rows alone describe them."""

import polars as pl

from relight.domain.features import Features
from relight.domain.schema import Schema
from relight.domain.splitting import PARTS, Parts
from relight.domain.statistics import describe_category, describe_number
from relight.errors import InputError
from relight.params.split import SplitParams


def describe(params: SplitParams, table: pl.DataFrame, schema: Schema, parts: Parts) -> Features:
    """The features, described by the train rows alone. The column that splits is never one of them."""
    train = table.filter(pl.Series(parts == PARTS.index("train")))
    seen = [column for column in schema.features if column.name != params.column]
    if not seen:
        raise InputError(f"split.column: '{params.column}' is the only column that the model could see")
    counts = {part: int((parts == index).sum()) for index, part in enumerate(PARTS)}
    return Features(
        task=schema.task,
        target=schema.target,
        classes=schema.classes,
        numeric=[describe_number(c, train[c.name]) for c in seen if c.kind != "categorical"],
        categorical=[describe_category(c, train[c.name]) for c in seen if c.kind == "categorical"],
        rows=counts,
        test_rows_validate=counts["validation"] == 0,
        notes=_notes(table.select([*(c.name for c in seen), schema.target]), parts),
    )


def _notes(table: pl.DataFrame, parts: Parts) -> list[str]:
    """How many rows stand in more than one part, word for word."""
    sides = table.with_columns(pl.Series("\0part", parts)).group_by(table.columns).agg(
        pl.col("\0part").n_unique().alias("\0sides")
    )
    twins = int((sides["\0sides"] > 1).sum())
    return [f"{twins} rows stand in more than one part; scores may be too good."] if twins else []
