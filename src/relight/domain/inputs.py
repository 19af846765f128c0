"""What the model sees of a table: each number, and each category with the levels that the train rows have."""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import polars as pl

from relight.domain.features import CategoricalFeature, Inputs, Moment, NumericInput
from relight.domain.moments import have_hours
from relight.domain.schema import Column, Schema
from relight.errors import InputError
from relight.params.split import SplitParams

LEARNED = ("categorical", "datetime")


def columns_to_learn(params: SplitParams, schema: Schema) -> list[str]:
    """The columns that have to be read before any row can be written: categories, and dates for their hours."""
    return [column.name for column in _seen(params, schema) if column.kind in LEARNED]


class Learned(NamedTuple):
    """What train rows say of the columns that have to be read before any row can be written.

    Attributes:
        levels: of each category, in no order.
        hours: of each date, whether some row is not at midnight.
    """

    levels: dict[str, pl.Series]
    hours: dict[str, bool]

    def merge(self, other: "Learned") -> "Learned":
        """Of both sets of rows together."""
        levels = {name: pl.concat([known, other.levels[name]]).unique() for name, known in self.levels.items()}
        return Learned(levels, {name: found or other.hours[name] for name, found in self.hours.items()})


def learn(params: SplitParams, schema: Schema, train: pl.DataFrame) -> Learned:
    """What some train rows say.

    Args:
        train: the `columns_to_learn`; others may be there.
    """
    of_kind = {kind: [column.name for column in _seen(params, schema) if column.kind == kind] for kind in LEARNED}
    levels = {name: train[name].cast(pl.String).drop_nulls().unique() for name in of_kind["categorical"]}
    return Learned(levels, {name: have_hours(train[name]) for name in of_kind["datetime"]})


def find_inputs(params: SplitParams, schema: Schema, learned: Iterable[Learned]) -> Inputs:
    """Levels in the order of texts, of the train rows alone; `hour` only where some train row is not at midnight.

    Args:
        learned: of all train rows, some at a time; not asked for where there is nothing to learn.

    Raises:
        InputError: when the column that splits is the only one that the model could see, or a column has the
            name of a number of a date.
    """
    seen = _seen(params, schema)
    known = reduce(Learned.merge, learned) if columns_to_learn(params, schema) else Learned({}, {})
    numeric = [number for column in seen for number in _numbers(column, known.hours.get(column.name, False))]
    categorical = [CategoricalFeature(name=name, levels=found.sort().to_list()) for name, found in known.levels.items()]
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
