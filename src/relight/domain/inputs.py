"""What the model sees of a table: each number, and each category with the levels that the train rows have."""

from collections.abc import Iterable, Iterator

import polars as pl

from relight.domain.features import CategoricalFeature, Inputs, Moment, NumericInput
from relight.domain.moments import have_hours
from relight.domain.schema import Column, Schema
from relight.domain.splitting import TRAIN, Parts
from relight.errors import InputError
from relight.params.split import SplitParams


def columns_to_learn(params: SplitParams, schema: Schema) -> list[str]:
    """The columns that have to be read before any row can be written: categories, and dates for their hours."""
    return [column.name for column in _seen(params, schema) if column.kind in ("categorical", "datetime")]


def find_inputs(params: SplitParams, schema: Schema, parts: Parts, chunks: Iterable[pl.DataFrame]) -> Inputs:
    """Levels in the order of texts, of the train rows alone; `hour` only where some train row is not at midnight.

    Args:
        chunks: the `columns_to_learn` (others may be there) of all rows in order.

    Raises:
        InputError: when the column that splits is the only one that the model could see, or a column has the
            name of a number of a date.
    """
    seen, names = _seen(params, schema), columns_to_learn(params, schema)
    levels = {column.name: pl.Series(dtype=pl.String) for column in seen if column.kind == "categorical"}
    hours = {column.name: False for column in seen if column.kind == "datetime"}
    for train in train_rows(chunks, parts, names) if names else ():
        for name, known in levels.items():
            levels[name] = pl.concat([known, train[name].cast(pl.String).drop_nulls().unique()]).unique()
        for name, found in hours.items():
            hours[name] = found or have_hours(train[name])
    numeric = [number for column in seen for number in _numbers(column, hours.get(column.name, False))]
    categorical = [CategoricalFeature(name=name, levels=known.sort().to_list()) for name, known in levels.items()]
    _assert_names_differ(numeric, schema)
    return Inputs(numeric, categorical)


def _seen(params: SplitParams, schema: Schema) -> list[Column]:
    """The column of a group, of a time or of a part is no feature: its values in the test rows are, by the very
    split, ones that no train row has (the times of a split by time lie beyond the train range)."""
    seen = [column for column in schema.features if column.name != params.column]
    if not seen:
        raise InputError(f"split.column: '{params.column}' is the only column that the model could see")
    return seen


def _assert_names_differ(numeric: list[NumericInput], schema: Schema) -> None:
    names = {column.name for column in schema.columns}
    taken = [number for number in numeric if number.moment is not None and number.name in names]
    if taken:
        raise InputError(
            *(f"column '{n.name}' has the name of the {n.moment} of the date '{n.column}'; rename it" for n in taken)
        )


def train_rows(chunks: Iterable[pl.DataFrame], parts: Parts, names: list[str]) -> Iterator[pl.DataFrame]:
    start = 0
    for chunk in chunks:
        yield chunk.select(names).filter(pl.Series(parts[start : start + chunk.height] == TRAIN))
        start += chunk.height


def _numbers(column: Column, has_hours: bool) -> list[NumericInput]:
    match column.kind:
        case "numeric" | "boolean":
            return [NumericInput(name=column.name, column=column.name, kind=column.kind)]
        case "datetime":
            hour: list[Moment] = ["hour"] if has_hours else []
            moments: list[Moment] = ["year", "month", "weekday", *hour, "elapsed"]
            return [
                NumericInput(name=f"{column.name}.{moment}", column=column.name, kind="datetime", moment=moment)
                for moment in moments
            ]
        case "categorical" | "ignored":
            return []
