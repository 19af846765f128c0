"""Columns that number the rows: the index of a data frame, as pandas, Polars and R write it into a file.

An index without a name is `__index_level_0__` in a Parquet file of pandas, a first column without a name in a CSV, and
`Unnamed: 0` once pandas has read and written that CSV again. The order of the rows may tell the target.
"""

import re

import polars as pl

_PANDAS_INDEX = re.compile(r"__index_level_[0-9]+__")
_NAMELESS = re.compile(r"Unnamed: 0(\.[0-9]+)*")
_NEXT_STEP = "prepare.columns reads it all the same"
MAX_RESTART_SHARE = 0.2  # of the rows: each file of a folder may count from its own start


def with_index_name(names: list[str]) -> list[str]:
    """Return names of columns with `Unnamed: 0` (as in pandas) for the first one, if it is empty and others follow."""
    if len(names) < 2 or names[0] != "":
        return names
    candidates = ("Unnamed: 0", *(f"Unnamed: 0.{k}" for k in range(1, len(names) + 1)))
    return [next(name for name in candidates if name not in names), *names[1:]]


def index_note(raw: pl.Series) -> str | None:
    """Return why a column is left out as an index, in words that follow "Column 'name' "; None for another column."""
    if _PANDAS_INDEX.fullmatch(raw.name):
        return f"is the index of a pandas frame, and is left out; {_NEXT_STEP}"
    if _NAMELESS.fullmatch(raw.name) and _number_rows(raw):
        return f"has no name and numbers the rows, and is left out; {_NEXT_STEP}"
    return None


def nameless_note(name: str) -> str | None:
    """Return a remark on a column without a name that is no index, which follows "Column 'name' "."""
    return "has no name of its own; give it one in the file" if _NAMELESS.fullmatch(name) else None


def _number_rows(raw: pl.Series) -> bool:
    """Return whether the values are whole numbers that differ in every row, or rise and start again now and then."""
    numbers = raw.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    if numbers.null_count() or not bool((numbers == numbers.round()).all()):
        return False
    if numbers.n_unique() == len(numbers):
        return True
    falls = numbers.diff().drop_nulls() <= 0
    starts = numbers[1:].filter(falls) == numbers[0]
    return bool(starts.all()) and float(falls.mean() or 0) <= MAX_RESTART_SHARE  # type: ignore[arg-type]
