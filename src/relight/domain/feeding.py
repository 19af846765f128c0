"""A clean table → what an exported graph takes: one array for each column, in its raw unit."""

import json
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from relight.domain.features import Features

Feeds = dict[str, np.ndarray]
Facts = dict[str, str]

NO_DATE = -(2**63)  # what NumPy writes for a date that is missing, NaT


class Input(NamedTuple):
    """One column that the graph reads, by the name it has in the table.

    Attributes:
        kind: a number is float32 with NaN for a gap, true is 1; a date is int64, microseconds since
            1970-01-01; a category is a text, "" for a gap.
        levels: those of a category that the train rows have; all others are as a gap.
    """

    name: str
    kind: Literal["number", "date", "category"]
    levels: tuple[str, ...] = ()


def inputs_of(features: Features) -> list[Input]:
    """In the order of `features.columns`."""
    dates = {feature.column for feature in features.numeric if feature.kind == "datetime"}
    levels = {feature.name: tuple(feature.levels) for feature in features.categorical}
    return [
        Input(name, "category", levels[name]) if name in levels else Input(name, "date" if name in dates else "number")
        for name in features.columns
    ]


def feeds(table: pl.DataFrame, inputs: list[Input]) -> Feeds:
    """Each column as (n_rows, 1), under its name."""
    return {column.name: _array(table[column.name], column).reshape(-1, 1) for column in inputs}


def _array(values: pl.Series, column: Input) -> np.ndarray:
    match column.kind:
        case "number":
            return values.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float32)
        case "date":
            return values.cast(pl.Datetime("us")).to_physical().fill_null(NO_DATE).to_numpy()
        case "category":
            return values.fill_null("").to_numpy().astype(np.object_)


def properties_of(features: Features) -> Facts:
    """What an exported file says about itself, each a text."""
    classes = json.dumps(features.classes, ensure_ascii=False)
    return {"format": str(features.format), "task": features.task, "target": features.target, "classes": classes}


def facts_of_series(features: Features) -> Facts:
    """The same of a forecast: what the channels of its inputs are, and how far apart its steps.

    A channel that is 1 where a category has a level and 0 elsewhere is told with both.
    """
    assert features.series is not None
    covariates = features.series.covariates
    past = [features.target, *(covariate.name for covariate in covariates)]
    levels = {c.name: {"column": c.column, "level": c.level} for c in covariates if c.level is not None}
    ahead = [covariate.name for covariate in covariates if covariate.known]
    named = {"past": past, "known": ahead, **({"levels": levels} if levels else {})}
    names = {name: json.dumps(found, ensure_ascii=False) for name, found in named.items()}
    return {**properties_of(features), **names, "step": str(features.series.known.frequency)}


def facts_of_sequences(features: Features) -> Facts:
    """The same of a model of sequences: the numbers of a step, and the levels of its categories from code 1 on."""
    numeric = json.dumps([feature.name for feature in features.numeric], ensure_ascii=False)
    categories = json.dumps([feature.model_dump() for feature in features.categorical], ensure_ascii=False)
    return {**properties_of(features), "numeric": numeric, "categories": categories}
