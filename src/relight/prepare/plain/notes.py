"""What a person is told of texts that were read as gaps or as numbers."""

import json
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from relight.data.text_columns import MIN_TYPE_SHARE, are_booleans, are_dates, are_mostly_numbers
from relight.data.text_format import NumberFormat
from relight.prepare.column_plan import target_names
from relight.prepare.columns import TEXT_TYPES
from relight.prepare.params import PrepareParams
from relight.prepare.plain.columns import numbers_of
from relight.prepare.targets import MAX_NUMERIC_CLASSES
from relight.runtime.messages import abbreviate, pluralize

_AMOUNT = (
    r"^[^0-9A-Za-z]{0,3}[0-9].*[^0-9.]|^[^0-9A-Za-z.+-]{1,3} ?[0-9]"  # a number with something before or behind it
)


def target_problems(
    rows: pl.DataFrame, blank: pl.DataFrame, params: PrepareParams, numeric: Collection[str]
) -> list[str]:
    """Return which classes would be read as gaps.

    Args:
        rows: as they came.
        blank: the same, with nulls for gaps.
        numeric: columns that are numbers, however they are written.
    """
    problems = []
    for name in target_names(params):
        if name in numeric:
            continue
        if (few := _amounts_problem(blank, name, params)) is not None:
            problems.append(few)
        is_here = name in rows.columns and params.task != "regression"
        found = _words_of(rows[name], blank[name], params.csv.missing) if is_here else []
        if found and not _are_no_names(blank[name]):
            kept = json.dumps([word for word in params.csv.missing if word not in found])
            problems.append(
                f"{params.table_name}: target '{name}' has {_rows_of(rows[name], found)}, which means a gap; if it is "
                f"a class, write `csv: {{missing: {kept}}}` in prepare, or else delete these rows"
            )
    return problems


def _amounts_problem(blank: pl.DataFrame, name: str, params: PrepareParams) -> str | None:
    """Return that a target has amounts with words, too many for classes; None for another target."""
    if name not in blank.columns or blank[name].dtype != pl.String or params.task not in ("auto", "regression"):
        return None
    different = blank[name].drop_nulls().unique(maintain_order=True)
    amounts = different.filter(different.str.contains(_AMOUNT))
    if len(different) <= MAX_NUMERIC_CLASSES or len(amounts) < MIN_TYPE_SHARE * len(different):
        return None
    return (
        f"{params.table_name}: target '{name}' has {len(different)} different values such as '{amounts[0]}', too many "
        "for classes, and they are no numbers; write only the number, in one unit, in each row"
    )


def number_notes(rows: pl.DataFrame, numbers: Mapping[str, NumberFormat], where: str) -> list[str]:
    """Return how the numbers of each column are written, if otherwise than 1234.5.

    Args:
        where: the rows that were looked at, in words that follow `in 12 rows`.
    """
    notes = []
    for name, form in numbers.items():
        marks = [f"with the unit '{form.unit}'"] * bool(form.unit)
        marks += [f"with '{form.decimal}' before decimals"] * (form.decimal == ",")
        marks += [f"with '{form.thousands}' between thousands"] * bool(form.thousands)
        found = _words_of(rows[name], None, form.missing)
        said = [f"is read as numbers {' and '.join(marks)}"] if marks else []
        said += [f"has {_rows_of(rows[name], found)}{where}, read as gaps"] if found else []
        notes += [f"Column '{name}' {' and '.join(said)}."] if said else []
    return notes


def thousands_notes(columns: Mapping[str, pl.Series]) -> list[str]:
    """Return which columns of plain numbers, all of them such as 1.234, may be thousands instead of decimals."""
    notes = []
    for name, values in columns.items():
        shown = values.filter(values.str.contains(".", literal=True)) if values.dtype == pl.String else values.clear()
        if len(shown) and bool(shown.str.contains(r"^[+-]?[1-9][0-9]{0,2}\.[0-9]{3}$").all()):
            notes.append(
                f"Column '{name}' has numbers such as {shown[0]}, read with decimals; if the point stands between "
                'thousands, write `csv: {decimal: ","}` in prepare.'
            )
    return notes


def word_notes(
    rows: pl.DataFrame, blank: pl.DataFrame, params: PrepareParams, numeric: Collection[str], where: str
) -> list[str]:
    """Return how many names of each column became gaps.

    Args:
        rows: as they came.
        blank: the same, with nulls for gaps.
        numeric: columns that are numbers.
        where: the rows that were looked at, in words that follow `in 12 rows`.
    """
    notes = []
    skipped = {*params.ignore, *target_names(params), *numeric}
    for column in rows:
        is_skipped = (
            column.name in skipped or column.dtype not in TEXT_TYPES or params.columns.get(column.name) == "ignore"
        )
        found = [] if is_skipped else _words_of(column, blank[column.name], params.csv.missing)
        if found and not _are_no_names(blank[column.name]):
            notes.append(
                f"Column '{column.name}' has {_rows_of(column, found)}{where}, read as gaps; a name among them must be "
                "left out of prepare.csv.missing."
            )
    return notes


def _are_no_names(values: pl.Series) -> bool:
    return values.null_count() == len(values) or are_mostly_numbers(values) or are_booleans(values) or are_dates(values)


def _words_of(column: pl.Series, blank: pl.Series | None, words: Sequence[str]) -> list[str]:
    """Return which words, besides an empty text, stand in a column of texts; numbers in one of numbers.

    Args:
        blank: the column with nulls for the words, if it is known.
    """
    if blank is not None and blank.null_count() == column.null_count():
        return []
    if column.dtype not in TEXT_TYPES:
        is_number = column.dtype.is_numeric()
        return [word for word in words if is_number and any((column == gap).any() for gap in numbers_of([word]))]
    texts = column.cast(pl.String).str.strip_chars()
    there = set(texts.filter(texts.is_in([word for word in words if word])).unique().to_list())
    return [word for word in words if word in there]


def _rows_of(column: pl.Series, words: Sequence[str]) -> str:
    """Return the words and their rows, as `'NA' in 12 rows`."""
    if column.dtype in TEXT_TYPES:
        n_rows = int(column.cast(pl.String).str.strip_chars().is_in(words).sum() or 0)
    else:
        n_rows = int(column.cast(pl.Float64).is_in(numbers_of(words)).sum() or 0)
    shown = [f"'{word}'" for word in words]
    return f"{abbreviate(shown)} in {pluralize(n_rows, 'row')}"
