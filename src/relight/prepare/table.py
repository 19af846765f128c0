"""A raw table of independent rows → a clean one and its schema; every problem of every column is reported at once.

The first rows (most tables have no others) decide the kinds; the rows then pass in chunks, so that a table
larger than memory can be cleaned.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from relight.data.parquet import write_parquet
from relight.data.prefetch import prefetch
from relight.data.schema import Column, ColumnKind, Schema
from relight.errors import ColumnError, InputError
from relight.prepare.column_plan import (
    ColumnPlan,
    clean_planned,
    feature_names,
    plan_column,
    requested_kind,
    role_problems,
)
from relight.prepare.column_profile import TableProfile
from relight.prepare.own_reader import describe_reader
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.plain.formats import FoundFormat
from relight.prepare.plain.tables import PlainTable, open_plain
from relight.prepare.source import generate_line, true_line
from relight.prepare.target_plan import TargetCleaner
from relight.prepare.targets import query_labels
from relight.prepare.totals import LastRow
from relight.prepare.zones import zone_problems
from relight.runtime.files import write_json

PLANNING_ROWS = 262_144  # this many rows decide the kinds


class CleanTable(NamedTuple):
    """Columns of Float64, Boolean, Datetime and String with nulls for gaps; ignored columns as they came.

    Whole numbers beyond 2**53 are Int64 or UInt64, so that ids keep each digit.
    """

    rows: pl.DataFrame
    schema: Schema


def prepare_table(params: PrepareParams, *, source: Path, table: Path, schema: Path) -> None:
    """Write the clean table and its schema; the rows pass in chunks."""
    content = open_plain(params, source)
    if isinstance(content, LineParams):
        points = generate_line(content, params.target)
        cleaner = TableCleaner(points, params, is_whole=True, truth=true_line(content))
        write_parquet(table, cleaner.clean([points]))
        write_json(schema, cleaner.schema())
    else:
        first = content.head(PLANNING_ROWS)
        cleaner = TableCleaner(first.rows, params, is_whole=first.is_whole)
        write_parquet(table, cleaner.clean([first.rows] if first.is_whole else _chunks(content, cleaner)))
        write_json(schema, with_source(cleaner.schema(), params, content.found))


def _chunks(content: PlainTable, cleaner: "TableCleaner") -> Iterator[pl.DataFrame]:
    """Yield all raw rows; a reader of the user's own stays in its thread, because not all libraries can change it."""
    frames = content.frames(cleaner.types)
    return frames if content.is_own else prefetch(frames)


def with_source(schema: Schema, params: PrepareParams, found: FoundFormat) -> Schema:
    """Return the schema with how the source was read: its texts, and the reader of the user's own if there is one."""
    return schema.model_copy(
        update={
            "reader": None if params.reader is None else describe_reader(params.reader, Path(params.source)),
            "text_format": None if found.format.is_usual else found.format,
            "notes": [*found.notes, *schema.notes],
        }
    )


def clean_table(content: pl.DataFrame | LineParams, params: PrepareParams) -> CleanTable:
    """Clean a whole table.

    Raises:
        InputError: with all that is wrong with the columns.
    """
    if isinstance(content, LineParams):
        raw, truth = generate_line(content, params.target), true_line(content)
    else:
        raw, truth = content, None
    cleaner = TableCleaner(raw, params, is_whole=True, truth=truth)
    rows = pl.concat(cleaner.clean([raw]))
    return CleanTable(rows, cleaner.schema())


class TableCleaner:
    """Decides on the kinds of the columns, cleans chunk after chunk, and describes the table in the end.

    Attributes:
        types: the types that CSV columns may be read as, instead of as texts, for speed.
    """

    def __init__(
        self, first: pl.DataFrame, params: PrepareParams, *, is_whole: bool, truth: dict[str, float] | None = None
    ) -> None:
        """Decide on the kinds by the first rows.

        Args:
            first: the first rows; CSV as texts.
            is_whole: whether there are no others.
            truth: the parameters of a generated line.

        Raises:
            InputError: with all that is wrong with the first rows.
        """
        self._params, self._truth = params, truth
        problems = [*role_problems(params, first.columns), *zone_problems(params.zones)]
        self._plans = self._plan_columns(first, problems)
        self._target_cleaner = TargetCleaner(params)
        problems += self._target_cleaner.plan(first, is_whole=is_whole)
        if not problems and all(plan.kind == "ignored" for plan in self._plans):
            problems.append(f"{params.table_name}: has no column left for the model besides the target")
        if problems:
            raise InputError(*problems)
        self._profile, self._last_row = TableProfile(), LastRow()
        self.types = {plan.name: plan.read_as for plan in self._plans if plan.read_as} | self._target_cleaner.types

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """The kind of each column, decided by the first rows."""
        return {plan.name: plan.kind for plan in self._plans}

    @property
    def notes(self) -> list[str]:
        """Remarks on these choices, in whole sentences."""
        return [f"Column '{plan.name}' {note}." for plan in self._plans for note in plan.notes]

    def clean(self, chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield the clean rows: the columns in their order, then the weight, then the target.

        Raises:
            InputError: with the row of each value that does not fit what the first rows decided.
        """
        seen = [plan.name for plan in self._plans if plan.kind != "ignored"]
        first_row = 1
        for raw in chunks:
            problems: list[str] = []
            columns = [self._clean_column(plan, raw[plan.name], first_row, problems) for plan in self._plans]
            weight_and_target = self._target_cleaner.clean(raw, first_row, problems)
            if problems:
                raise InputError(*problems)
            table = pl.DataFrame([*columns, *weight_and_target])
            self._profile.add(table.select(seen))
            self._last_row.add(table)
            first_row += table.height
            yield table

    def schema(self) -> Schema:
        """Describe the table, once all rows have passed.

        Raises:
            InputError: for a target or a weight that cannot be learned from.
        """
        problems: list[str] = []
        target = self._target_cleaner.resolve(problems)
        totals = self._last_row.problem()
        problems += [f"{self._params.table_name}: {totals}"] if totals is not None else []
        if problems:
            raise InputError(*problems)
        duplicates = {
            name: first for name, first in self._profile.duplicate_columns().items() if name not in self._params.columns
        }
        return Schema(
            rows=self._profile.n_rows,
            target=", ".join(self._target_cleaner.targets),
            targets=self._target_cleaner.targets,
            weight=self._target_cleaner.weight,
            query=self._params.query,
            task=target.task,
            classes=target.classes,
            columns=[self._column(plan, duplicates.get(plan.name)) for plan in self._plans],
            generated=self._truth,
            notes=[f"Column '{plan.name}' {note}." for plan in self._plans for note in self._notes(plan, duplicates)],
        )

    def _plan_columns(self, first: pl.DataFrame, problems: list[str]) -> list[ColumnPlan]:
        plans: list[ColumnPlan] = []
        for name in feature_names(self._params, first.columns):
            try:
                plans.append(plan_column(first[name], requested_kind(self._params, name), self._params.zones.get(name)))
            except ColumnError as error:
                problems.append(f"{self._params.table_name}: column '{name}' {error}")
        return plans

    def _column(self, plan: ColumnPlan, copy_of: str | None) -> Column:
        return Column(name=plan.name, kind="ignored" if copy_of else plan.kind, zone=plan.zone, copy_of=copy_of)

    def _clean_column(self, plan: ColumnPlan, raw: pl.Series, first_row: int, problems: list[str]) -> pl.Series:
        try:
            if plan.name == self._params.query:
                return query_labels(raw, first_row)
            return clean_planned(plan, raw, first_row).alias(plan.name)
        except ColumnError as error:
            problems.append(f"{self._params.table_name}: column '{plan.name}' {error}")
            return raw

    def _notes(self, plan: ColumnPlan, duplicates: dict[str, str]) -> tuple[str, ...]:
        if plan.name in duplicates:
            return (f"is the same as column '{duplicates[plan.name]}' in every row, and is ignored",)
        return (*plan.notes, *(self._profile.warnings(plan.name) if plan.kind != "ignored" else ()))
