"""A raw table → a clean one, and what it is: every problem of every column at once.

The kinds are settled by the first rows (of most tables all there are); the rows then pass in stretches,
so that a table larger than memory can be cleaned.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import polars as pl

from relight.data.schema import Column, Kind, Schema
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
from relight.prepare.params import LineParams, PrepareParams
from relight.prepare.source import generate_line, true_line
from relight.prepare.target_plan import TargetCleaner
from relight.prepare.targets import query_labels

PLANNING_ROWS = 262_144  # the kinds are settled by so many rows


class CleanTable(NamedTuple):
    """Columns of Float64, Boolean, Datetime and String with nulls for gaps; ignored columns as they came."""

    rows: pl.DataFrame
    schema: Schema


def clean_table(content: pl.DataFrame | LineParams, params: PrepareParams) -> CleanTable:
    """Clean a whole table.

    Raises:
        InputError: with all that is wrong with the columns.
    """
    if isinstance(content, LineParams):
        raw, truth = generate_line(content, params.target), true_line(content)
    else:
        raw, truth = content, None
    cleaning = TableCleaner(raw, params, is_whole=True, truth=truth)
    rows = pl.concat(cleaning.clean([raw]))
    return CleanTable(rows, cleaning.schema())


class TableCleaner:
    """Settles the kinds of the columns, cleans stretch after stretch, and says in the end what the table is.

    Attributes:
        types: as which CSV columns may be read instead of as texts, for speed.
    """

    def __init__(
        self, first: pl.DataFrame, params: PrepareParams, *, is_whole: bool, truth: dict[str, float] | None = None
    ) -> None:
        """
        Args:
            first: the first rows; CSV as texts.
            is_whole: whether there are no others.
            truth: the parameters of a generated line.

        Raises:
            InputError: with all that is wrong with the first rows.
        """
        self._params, self._truth = params, truth
        problems = role_problems(params, first.columns)
        self._plans = self._plan_columns(first, problems)
        self._target_cleaner = TargetCleaner(params)
        problems += self._target_cleaner.plan(first, is_whole=is_whole)
        if not problems and all(plan.kind == "ignored" for plan in self._plans):
            problems.append(f"{params.source}: has no column left for the model besides the target")
        if problems:
            raise InputError(*problems)
        self._profile = TableProfile()
        self.types = {plan.name: plan.read_as for plan in self._plans if plan.read_as} | self._target_cleaner.types

    @property
    def kinds(self) -> dict[str, Kind]:
        """As the first rows have settled them."""
        return {plan.name: plan.kind for plan in self._plans}

    @property
    def notes(self) -> list[str]:
        """What a person should know of these choices."""
        return [f"Column '{plan.name}' {note}." for plan in self._plans for note in plan.notes]

    def clean(self, stretches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The rows, clean: the columns in their order, then the weight, then the target.

        Raises:
            InputError: with the row of each value that does not fit what was settled by the first rows.
        """
        seen = [plan.name for plan in self._plans if plan.kind != "ignored"]
        first_row = 1
        for raw in stretches:
            problems: list[str] = []
            columns = [self._clean_column(plan, raw[plan.name], first_row, problems) for plan in self._plans]
            outcome = self._target_cleaner.clean(raw, first_row, problems)
            if problems:
                raise InputError(*problems)
            table = pl.DataFrame([*columns, *outcome])
            self._profile.add(table.select(seen))
            first_row += table.height
            yield table

    def schema(self) -> Schema:
        """What the table is, once all rows have passed.

        Raises:
            InputError: for a target or a weight that cannot be learned from.
        """
        problems: list[str] = []
        settled = self._target_cleaner.resolve(self._profile.n_rows, problems)
        if problems:
            raise InputError(*problems)
        twins = {
            name: twin for name, twin in self._profile.duplicate_columns().items() if name not in self._params.columns
        }
        return Schema(
            rows=self._profile.n_rows,
            target=", ".join(self._target_cleaner.targets),
            targets=self._target_cleaner.targets,
            weight=self._target_cleaner.weight,
            query=self._params.query,
            task=settled.task,
            classes=settled.classes,
            columns=[Column(name=p.name, kind="ignored" if p.name in twins else p.kind) for p in self._plans],
            generated=self._truth,
            notes=[f"Column '{plan.name}' {note}." for plan in self._plans for note in self._notes(plan, twins)],
        )

    def _plan_columns(self, first: pl.DataFrame, problems: list[str]) -> list[ColumnPlan]:
        plans: list[ColumnPlan] = []
        for name in feature_names(self._params, first.columns):
            try:
                plans.append(plan_column(first[name], requested_kind(self._params, name)))
            except ColumnError as unclean:
                problems.append(f"{self._params.source}: column '{name}' {unclean}")
        return plans

    def _clean_column(self, plan: ColumnPlan, raw: pl.Series, first_row: int, problems: list[str]) -> pl.Series:
        try:
            if plan.name == self._params.query:
                return query_labels(raw, first_row)
            return clean_planned(plan, raw, first_row).alias(plan.name)
        except ColumnError as unclean:
            problems.append(f"{self._params.source}: column '{plan.name}' {unclean}")
            return raw

    def _notes(self, plan: ColumnPlan, twins: dict[str, str]) -> tuple[str, ...]:
        if plan.name in twins:
            return (f"is the same as column '{twins[plan.name]}' in every row, and is ignored",)
        return (*plan.notes, *(self._profile.warnings(plan.name) if plan.kind != "ignored" else ()))
