"""A split table → its features, as the train rows alone describe them."""

import polars as pl
from pydantic import BaseModel, ConfigDict

from relight.domain.features import Features
from relight.domain.schema import Part, Schema
from relight.domain.splitting import PARTS, Parts
from relight.domain.statistics import describe_category, describe_number, mean_and_std
from relight.errors import InputError
from relight.params.split import SplitParams


class PartsReport(BaseModel):
    """What a person should know of the split; the model never reads it, for it depends on the test rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: dict[Part, int]
    notes: list[str]


def describe(params: SplitParams, table: pl.DataFrame, schema: Schema, parts: Parts) -> Features:
    """The features, described by the train rows alone. The column that splits is never one of them."""
    train = table.filter(pl.Series(parts == PARTS.index("train")))
    seen = [column for column in schema.features if column.name != params.column]
    if not seen:
        raise InputError(f"split.column: '{params.column}' is the only column that the model could see")
    target_mean, target_std = mean_and_std(train[schema.target]) if schema.classes is None else (0.0, 1.0)
    return Features(
        task=schema.task,
        target=schema.target,
        classes=schema.classes,
        numeric=[describe_number(c, train[c.name]) for c in seen if c.kind != "categorical"],
        categorical=[describe_category(c, train[c.name]) for c in seen if c.kind == "categorical"],
        target_mean=target_mean,
        target_std=target_std,
        n_train=train.height,
        test_rows_validate=not bool((parts == PARTS.index("validation")).any()),
    )


def report_parts(table: pl.DataFrame, features: Features, parts: Parts) -> PartsReport:
    """The sizes of the parts, and what may make their scores misleading."""
    return PartsReport(
        rows={part: int((parts == index).sum()) for index, part in enumerate(PARTS)},
        notes=[*_twins(table, features, parts), *_untaught(table, features, parts)],
    )


def _twins(table: pl.DataFrame, features: Features, parts: Parts) -> list[str]:
    """Different rows that stand in more than one part, word for word."""
    sides = (
        table.select([*features.names, features.target])
        .with_columns(pl.Series("\0part", parts))
        .group_by([*features.names, features.target])
        .agg(pl.col("\0part").n_unique().alias("\0sides"))
    )
    twins = int((sides["\0sides"] > 1).sum())
    return [f"Rows that stand in more than one part: {twins}; scores may be too good."] if twins else []


def _untaught(table: pl.DataFrame, features: Features, parts: Parts) -> list[str]:
    """Classes that the train rows do not show."""
    taught = set(table[features.target].filter(pl.Series(parts == PARTS.index("train"))))
    untaught = [label for label in features.classes or [] if label not in taught]
    return [f"Class '{label}' has no train rows; the model cannot learn it." for label in untaught]
