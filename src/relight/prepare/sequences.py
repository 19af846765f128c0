"""A raw table whose rows make sequences → a clean one: the sequences in order of first appearance, each by time.

Either each row is a step of a sequence (`id` and `time`), or each row is a sequence whose steps are the
characters of a text (`symbols`).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from relight.data.groups import inconsistency_problems, spread_target
from relight.data.schema import Schema, SequenceParams
from relight.data.text_columns import as_labels
from relight.errors import ColumnError, InputError
from relight.prepare.column_plan import feature_names, target_names
from relight.prepare.columns import TEXT_TYPES, clean_column
from relight.prepare.params import PrepareParams
from relight.prepare.table import CleanTable, clean_table
from relight.prepare.targets import clean_target, refuse_gaps, value_task
from relight.runtime.messages import did_you_mean


class _RawSteps(NamedTuple):
    """The sequence and the time of each row.

    Attributes:
        ids, times: (n_rows,) without gaps.
        sequence_index: int64 (n_rows,): which sequence a row belongs to, from 0 in order of first appearance.
    """

    ids: pl.Series
    times: pl.Series
    sequence_index: np.ndarray

    @property
    def first_rows(self) -> np.ndarray:
        """The first row of each sequence, in the order of the file."""
        return np.unique(self.sequence_index, return_index=True)[1]


def clean_sequences(raw: pl.DataFrame, params: PrepareParams) -> CleanTable:
    """Clean a whole table of steps, or of texts whose characters are steps.

    Args:
        raw: CSV as texts.
        params: with a `sequence`.

    Raises:
        InputError: with all that is wrong with the columns.
    """
    assert params.sequence is not None
    problems = _role_problems(params, params.sequence, raw.columns)
    if problems:
        raise InputError(*problems)
    if params.sequence.symbols is not None:
        return _clean_symbols(raw, params, params.sequence.symbols)
    return _clean_steps(raw, params, params.sequence)


class StepOrder(NamedTuple):
    """The order of the rows of sequences.

    Attributes:
        ids: the clean id of each row, in the order of the file.
        order: the rows, int64 (n_rows,), sequence after sequence, each by time.
    """

    ids: pl.Series
    order: np.ndarray


def order_new_steps(raw: pl.DataFrame, sequence: SequenceParams, source: str) -> StepOrder:
    """Return the order of the rows of new sequences.

    Args:
        source: names the table in messages.

    Raises:
        InputError: for a missing column, gaps, and steps of a sequence at the same time.
    """
    names = [str(sequence.id), str(sequence.time)]
    problems = [
        f"{source}: column '{name}' is missing{did_you_mean(name, raw.columns)}"
        for name in names
        if name not in raw.columns
    ]
    steps = None if problems else _read_steps(raw, source, sequence, problems)
    if steps is None:
        raise InputError(*problems)
    order = _step_order(steps)
    if duplicates := _duplicate_time_problems(steps, order):
        raise InputError(*(f"{source}: {problem}" for problem in duplicates))
    return StepOrder(steps.ids, order)


def _role_problems(params: PrepareParams, sequence: SequenceParams, names: list[str]) -> list[str]:
    taken = dict.fromkeys(target_names(params), "the target")
    taken |= {} if params.weight is None else {params.weight: "the weight"}
    taken |= dict.fromkeys(params.columns, "in prepare.columns as well; delete it there")
    problems = []
    for key, name in sequence.model_dump().items():
        if name not in names:
            problems.append(
                f"prepare.sequence.{key}: '{name}' is not a column of {params.table_name}{did_you_mean(name, names)}"
            )
        elif name in taken:
            problems.append(f"prepare.sequence.{key}: must be another column, got '{name}', which is {taken[name]}")
    if params.task == "ranking":
        problems.append("prepare.task: ranking is only for tables of independent rows, got prepare.sequence")
    if params.task == "distribution" or len(target_names(params)) > 1:
        problems.append("prepare.task: a distribution is only for tables of independent rows, got prepare.sequence")
    return problems


def _clean_steps(raw: pl.DataFrame, params: PrepareParams, sequence: SequenceParams) -> CleanTable:
    problems: list[str] = []
    steps = _read_steps(raw, params.source, sequence, problems)
    raw, notes = (raw, []) if steps is None else _with_target_in_each_row(raw, params, steps, problems)
    with_task = params if steps is None else _with_task(raw, params, steps)
    try:
        clean = clean_table(raw, _as_table_params(with_task, [str(sequence.id), str(sequence.time)]))
    except InputError as error:
        said = problems if steps is None else [f"{params.table_name}: {problem}" for problem in problems]
        raise InputError(*said, *error.problems) from error
    if steps is None:
        raise InputError(*problems)
    order, table = _step_order(steps), clean.rows.with_columns(steps.ids, steps.times)
    problems += _duplicate_time_problems(steps, order)
    constant = [*target_names(params), *([params.weight] if params.weight else [])]
    problems += [
        problem for name in constant for problem in inconsistency_problems(table[name], steps.ids, steps.sequence_index)
    ]
    problems = [f"{params.table_name}: {problem}" for problem in problems] or _target_problems(raw, params, steps)
    if problems:
        raise InputError(*problems)
    counts = np.bincount(steps.sequence_index)
    note = f"{raw.height} rows are {len(counts)} sequences of {counts.min()} to {counts.max()} steps."
    return CleanTable(table[order], _sequence_schema(clean.schema, sequence, note, *notes))


def _clean_symbols(raw: pl.DataFrame, params: PrepareParams, symbols: str) -> CleanTable:
    """Clean the texts of symbols; the model reads no other column."""
    if raw[symbols].dtype not in (*TEXT_TYPES, pl.Null):
        raise InputError(f"prepare.sequence.symbols: '{symbols}' must hold texts, got type {raw[symbols].dtype}")
    others = [name for name in feature_names(params, raw.columns) if name != symbols]
    params = params.model_copy(update={"columns": {**params.columns, symbols: "categorical"}})
    clean = clean_table(raw, _as_table_params(params, others))
    try:
        refuse_gaps(clean.rows[symbols], 1)
    except ColumnError as error:
        raise InputError(f"{params.table_name}: column '{symbols}' {error}") from error
    lengths = clean.rows[symbols].str.len_chars().to_numpy()
    note = f"Each row is a sequence of {lengths.min()} to {lengths.max()} characters of '{symbols}'."
    schema = clean.schema.model_copy(update={"notes": []})  # they are remarks on a column of names
    return CleanTable(clean.rows, _sequence_schema(schema, SequenceParams(symbols=symbols), note))


def _sequence_schema(schema: Schema, sequence: SequenceParams, *notes: str) -> Schema:
    return schema.model_copy(update={"sequence": sequence, "notes": [*notes, *schema.notes]})


def _as_table_params(params: PrepareParams, unseen: list[str]) -> PrepareParams:
    """Return the params of a table of independent rows that ignores these columns."""
    ignore = list(dict.fromkeys([*params.ignore, *unseen]))
    columns = {name: kind for name, kind in params.columns.items() if name not in unseen}
    return params.model_copy(update={"sequence": None, "ignore": ignore, "columns": columns})


def _read_steps(raw: pl.DataFrame, source: str, sequence: SequenceParams, problems: list[str]) -> _RawSteps | None:
    ids = _clean_or_none("id", _sequence_ids, raw[str(sequence.id)], source, problems)
    times = _clean_or_none("time", _times, raw[str(sequence.time)], source, problems)
    if ids is None or times is None:
        return None
    names = ids.cast(pl.String)
    sequence_index = names.cast(pl.Enum(names.unique(maintain_order=True))).to_physical().to_numpy()
    return _RawSteps(ids, times, sequence_index.astype(np.int64))


def _clean_or_none(
    key: str, clean: Callable[[pl.Series], pl.Series], raw: pl.Series, source: str, problems: list[str]
) -> pl.Series | None:
    try:
        values = clean(raw)
        refuse_gaps(values, 1)
    except ColumnError as error:
        problems.append(f"{source}: {key} '{raw.name}' {error}")
        return None
    return values.alias(raw.name)


def _sequence_ids(raw: pl.Series) -> pl.Series:
    """Return the ids as they are, without spaces around texts."""
    if raw.dtype in TEXT_TYPES:
        return as_labels(raw)
    return raw.fill_nan(None) if raw.dtype.is_float() else raw


def _times(raw: pl.Series) -> pl.Series:
    """Return the times as numbers or dates."""
    if raw.dtype.is_integer():
        return raw
    cleaned = clean_column(raw)
    if cleaned.kind not in ("numeric", "datetime"):
        shown = cleaned.values.drop_nulls()
        raise ColumnError(f"must hold numbers or dates, got '{str(shown.cast(pl.String)[0])[:40]}'")
    return cleaned.values


def _with_target_in_each_row(
    raw: pl.DataFrame, params: PrepareParams, steps: _RawSteps, problems: list[str]
) -> tuple[pl.DataFrame, list[str]]:
    """Return the table with the target of each sequence in all of its rows, and remarks.

    Args:
        problems: gets that of a sequence with two different targets, or none; then some value stands for it, so that
            the other columns are looked at.
    """
    name = target_names(params)[0]
    if name not in raw.columns:
        return raw, []
    try:
        target, notes = spread_target(raw[name], steps.ids, steps.sequence_index)
    except ColumnError as error:
        problems.append(f"target '{name}' {error}")
        first = raw[name].forward_fill().backward_fill()[steps.first_rows]
        return raw.with_columns(first[steps.sequence_index]), []
    return raw.with_columns(target), notes


def _with_task(raw: pl.DataFrame, params: PrepareParams, steps: _RawSteps) -> PrepareParams:
    """Decide on the task and the positive class by one target for each sequence, not for each step."""
    name = target_names(params)[0]
    if name not in raw.columns:
        return params
    try:
        target = clean_target(raw[name][steps.first_rows], value_task(params.task), params.positive)
    except ColumnError:
        return params  # the check of all rows reports it, with the number of the row
    positive = target.classes[-1] if target.classes is not None and len(target.classes) == 2 else params.positive
    return params.model_copy(update={"task": target.task, "positive": positive})


def _target_problems(raw: pl.DataFrame, params: PrepareParams, steps: _RawSteps) -> list[str]:
    """Return what is wrong with one target for each sequence, such as names of sequences as their classes."""
    name = target_names(params)[0]
    try:
        clean_target(raw[name][steps.first_rows], value_task(params.task), params.positive)
    except ColumnError as error:
        return [f"{params.table_name}: target '{name}', one value for each sequence, {error}"]
    return []


def _step_order(steps: _RawSteps) -> np.ndarray:
    """Sort the rows by sequence and time; rows of the same time keep the order of the file."""
    keys = pl.DataFrame({"sequence": steps.sequence_index, "time": steps.times}).with_row_index()
    return keys.sort("sequence", "time", maintain_order=True)["index"].to_numpy()


def _duplicate_time_problems(steps: _RawSteps, order: np.ndarray) -> list[str]:
    """Return what is wrong if two steps of a sequence have the same time: their order would be unknown."""
    sequence_index, times = steps.sequence_index[order], steps.times[order]
    again = (sequence_index[1:] == sequence_index[:-1]) & (times[1:] == times[:-1]).to_numpy()
    if not again.any():
        return []
    at = int(again.argmax())
    rows, id_, others = order[at : at + 2] + 1, steps.ids[int(order[at])], int(again.sum()) - 1
    more = f", and {others} more {'rows come' if others > 1 else 'row comes'} a second time" if others else ""
    return [
        f"id and time must name each row once, got {steps.ids.name} '{id_}' with "
        f"{steps.times.name} {times[at]} in rows {rows[0]} and {rows[1]}{more}; delete one of them, or correct its time"
    ]
