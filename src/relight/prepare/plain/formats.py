"""How each column of a table writes gaps and numbers, found in its first rows, with remarks for the person."""

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

import polars as pl

from relight.data.text_format import CsvParams, DecimalMark, NumberFormat, TextFormat
from relight.errors import ColumnError, InputError
from relight.prepare.column_plan import target_names
from relight.prepare.columns import TEXT_TYPES
from relight.prepare.csv.dialect import Dialect
from relight.prepare.frames import TableHead
from relight.prepare.params import PrepareParams
from relight.prepare.plain.columns import with_gaps
from relight.prepare.plain.notes import number_notes, target_problems, thousands_notes, word_notes
from relight.prepare.plain.numbers import WrittenNumbers, choose_format, plain_numbers, sentinel_of, take_apart


class FoundFormat(NamedTuple):
    """How the texts of a table are written, and remarks on it in whole sentences."""

    format: TextFormat
    notes: list[str]


class _Columns(NamedTuple):
    """The columns that may be numbers.

    Attributes:
        plain: those whose values are numbers as they are.
        written: those whose values are written otherwise.
        problems: sentences on those that could be read in two ways.
    """

    plain: dict[str, pl.Series]
    written: dict[str, WrittenNumbers]
    problems: list[str]


def find_format(first: TableHead, blank: pl.DataFrame, params: PrepareParams, dialect: Dialect | None) -> FoundFormat:
    """Return how the texts of a table are written.

    Args:
        first: the first rows, as they came.
        blank: the same, with nulls for gaps.
        dialect: of a text table; None for other ones.

    Raises:
        InputError: with all columns whose values could be read in two ways.
    """
    values = {column.name: column for column in blank if _may_be_numbers(column, params)}
    columns = _look_at(values, params)
    decimal = _decimal_of(values, columns, params.csv, dialect)
    numbers = _choose(values, columns, decimal, params)
    problems = [*columns.problems, *target_problems(first.rows, blank, params, numbers)]
    if problems:
        raise InputError(*problems)
    numbers = _with_sentinels(values, columns, numbers, params)
    form = _described(params.csv, dialect, decimal, numbers)
    where = "" if first.is_whole else " of the first rows"
    notes = [*number_notes(first.rows, numbers, where), *word_notes(first.rows, blank, params, numbers, where)]
    if decimal is None and dialect is not None and dialect.separator == ";":
        notes += thousands_notes({name: values[name] for name in columns.plain})
    return FoundFormat(form, notes)


def find_new_format(raw: pl.DataFrame, trained: TextFormat, numeric: Collection[str]) -> TextFormat:
    """Return how new rows are written: in the way of the training, as far as their values fit it.

    Args:
        raw: the first of the new rows, as they came.
        numeric: the columns that are numbers.
    """
    numbers: dict[str, NumberFormat] = {}
    for name in numeric:
        known = trained.numbers.get(name)
        if name in raw.columns and raw[name].dtype in TEXT_TYPES:
            form = _new_format(with_gaps(raw[name], trained.requested.missing), trained, known)
            known = form if form is not None else known
        numbers |= {} if known is None else {name: known}
    return trained.model_copy(update={"numbers": numbers})


def _new_format(values: pl.Series, trained: TextFormat, known: NumberFormat | None) -> NumberFormat | None:
    try:
        written = take_apart(values, CsvParams(), known.unit if known is not None else "")
    except ColumnError:  # the value that does not fit is told when it is cleaned
        return None
    if written is None:
        return None
    missing = list(dict.fromkeys([*(known.missing if known is not None else []), *written.gaps]))
    return choose_format(written, trained.decimal, known).model_copy(update={"missing": missing})


def _may_be_numbers(column: pl.Series, params: PrepareParams) -> bool:
    """Return whether a column is one of numbers, or may be: it is no name by the params."""
    kind = params.columns.get(column.name)
    if column.name in (*params.ignore, params.query) or kind not in (None, "numeric"):
        return False
    if params.sequence is not None and column.name in (params.sequence.symbols, params.sequence.id):
        return False
    is_compared = params.task == "similarity" and kind is None  # by its letters
    return column.dtype.is_numeric() or (column.dtype in TEXT_TYPES and not is_compared)


def _look_at(blank: Mapping[str, pl.Series], params: PrepareParams) -> _Columns:
    columns = _Columns({}, {}, [])
    for name, values in blank.items():
        numbers = values.cast(pl.Float64, strict=False)
        if numbers.null_count() == values.null_count():
            columns.plain[name] = numbers
            continue
        try:
            written = take_apart(values, params.csv)
        except ColumnError as error:
            columns.problems.append(_problem(name, error, params))
            continue
        columns.written.update({} if written is None else {name: written})
    return columns


def _decimal_of(
    blank: Mapping[str, pl.Series], columns: _Columns, csv: CsvParams, dialect: Dialect | None
) -> str | None:
    """Return the mark that most columns leave no doubt about, or the one of English if commas separate the values."""
    if csv.decimal != "auto":
        return csv.decimal
    certain = [next(iter(marks)) for w in columns.written.values() if len(marks := w.decimals) == 1]
    if certain:
        return max(sorted(set(certain)), key=certain.count)
    if dialect is not None and dialect.separator == ",":
        return "."
    is_doubtful = any(len(written.decimals) > 1 for written in columns.written.values())
    return "." if is_doubtful and any(_has_point(blank[name]) for name in columns.plain) else None


def _has_point(values: pl.Series) -> bool:
    return values.dtype == pl.String and bool(values.str.contains(".", literal=True).any())


def _choose(
    blank: Mapping[str, pl.Series], columns: _Columns, decimal: str | None, params: PrepareParams
) -> dict[str, NumberFormat]:
    """Return the format of each column that is written in another way; `columns.problems` gets what is in doubt."""
    written = dict(columns.written)
    for name in columns.plain:
        if decimal == "," and _has_point(blank[name]):  # in such a table, 1.234 is 1234
            try:
                groups = take_apart(blank[name], params.csv.model_copy(update={"decimal": ","}))
            except ColumnError as error:
                columns.problems.extend([_problem(name, error, params)] if params.csv.decimal == "," else [])
                continue
            written |= {} if groups is None else {name: groups}
    numbers: dict[str, NumberFormat] = {}
    for name, values in written.items():
        try:
            numbers[name] = choose_format(values, decimal)
        except ColumnError as error:
            columns.problems.append(_problem(name, error, params))
    return numbers


def _with_sentinels(
    blank: Mapping[str, pl.Series], columns: _Columns, numbers: Mapping[str, NumberFormat], params: PrepareParams
) -> dict[str, NumberFormat]:
    """Return the formats, with -999 or alike as a gap in the columns that the params do not call numeric."""
    added: dict[str, NumberFormat] = {}
    for name, values in blank.items():
        form = numbers.get(name)
        plain = columns.plain.get(name) if form is None else plain_numbers(values, form).cast(pl.Float64, strict=False)
        sentinel = None if plain is None or name in params.columns else sentinel_of(plain)
        if sentinel is not None and name not in target_names(params):
            form = NumberFormat() if form is None else form
            form = form.model_copy(update={"missing": [*form.missing, f"{sentinel:.0f}"]})
        added |= {} if form is None else {name: form}
    return added


def _described(
    csv: CsvParams, dialect: Dialect | None, decimal: str | None, numbers: dict[str, NumberFormat]
) -> TextFormat:
    mark: DecimalMark = "," if decimal == "," else "."
    if dialect is None:
        return TextFormat(requested=csv, decimal=mark, numbers=numbers)
    return TextFormat(
        requested=csv,
        separator=dialect.separator,
        encoding=dialect.encoding,
        header=dialect.n_before + 1 if dialect.has_names else 0,
        left_out=dialect.left_out,
        decimal=mark,
        numbers=numbers,
    )


def _problem(name: str, error: ColumnError, params: PrepareParams) -> str:
    is_target = name in target_names(params)
    kind = "" if is_target else f"; or, if it holds names, say so: prepare.columns: {{{json.dumps(name)}: categorical}}"
    return f"{params.table_name}: {'target' if is_target else 'column'} '{name}' {error}{kind}"
