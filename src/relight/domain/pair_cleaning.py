"""New pairs, or new records, cleaned as those of the train rows were."""

import polars as pl

from relight.domain.columns import UncleanError, clean_as
from relight.domain.features import Features
from relight.domain.naming import did_you_mean
from relight.domain.schema import Kind
from relight.errors import InputError


def record_kinds(features: Features) -> dict[str, Kind]:
    """The kind of each column of a record, without a prefix; a text that is no number is a name."""
    assert features.pairs
    numbers: dict[str, Kind] = {feature.column: feature.kind for feature in features.numeric}
    names = [*(feature.name for feature in features.categorical), *features.pairs.texts]
    return {**numbers, **{name: "categorical" for name in names if name not in numbers}}


def clean_records(raw: pl.DataFrame, features: Features, prefix: str, where: str, first_row: int = 1) -> pl.DataFrame:
    """The columns of one side of a table, clean and without their prefix; other columns are left out.

    Args:
        prefix: of the side; "" where the columns have none.
        where: stands for the table in messages.

    Raises:
        InputError: with all columns that are missing or hold what does not fit.
    """
    problems, cleaned = [], []
    for name, kind in record_kinds(features).items():
        full = prefix + name
        try:
            if full in raw.columns:
                cleaned.append(clean_as(kind, raw[full], first_row).alias(name))
            else:
                problems.append(f"{where}: column '{full}' is missing{did_you_mean(full, raw.columns)}")
        except UncleanError as unclean:
            problems.append(f"{where}: column '{full}' {unclean}")
    if problems:
        raise InputError(*problems)
    return pl.DataFrame(cleaned)
