"""Cleans the target (one column, or several of shares that sum to 1) and the weight of each row, chunk by chunk."""

from collections import Counter
from typing import NamedTuple

import polars as pl

from relight.data.schema import Task
from relight.errors import ColumnError
from relight.prepare.column_plan import read_type, target_names
from relight.prepare.columns import clean_as_kind
from relight.prepare.params import PrepareParams
from relight.prepare.targets import (
    TargetPlan,
    clean_relevance,
    clean_target,
    clean_target_as,
    plan_target,
    refuse_gaps,
    refuse_positive,
    refuse_quantity,
    resolve_classes,
    value_task,
)

SUM_TOLERANCE = 1e-3


class TargetSchema(NamedTuple):
    """The task, and the classes in their order; None for tasks without classes."""

    task: Task
    classes: list[str] | None


class TargetCleaner:
    """Plans by the first rows, cleans chunk after chunk, and decides on the task in the end.

    Each problem is a whole sentence that names the column.

    Attributes:
        targets: the columns of the target.
        types: the types that CSV columns may be read as, instead of as texts, for speed.
    """

    def __init__(self, params: PrepareParams) -> None:
        self.source, self.weight, self._kinds = params.source, params.weight, params.columns
        self.targets = target_names(params)
        self.requested_task, self.positive = params.task, params.positive
        self.types: dict[str, type[pl.DataType]] = {}
        self._plan: TargetPlan | None = None
        self._labels: Counter[str] = Counter()
        self._has_weight = False

    @property
    def is_distribution(self) -> bool:
        return len(self.targets) > 1

    def plan(self, first: pl.DataFrame, *, is_whole: bool) -> list[str]:
        """Decide by the first rows, and return what is wrong with them; missing columns are reported elsewhere."""
        problems: list[str] = []
        if self.is_distribution != (self.requested_task == "distribution") and self.requested_task != "auto":
            return [_task_problem(self.requested_task)]
        if all(name in first.columns for name in self.targets):
            if self.is_distribution:
                self._clean_shares(first, 1, problems)
            elif self.requested_task == "ranking":
                self._clean_relevance(first, 1, problems)
            else:
                self._plan_target(first[self.targets[0]], is_whole, problems)
        if self.weight in first.columns and self.weight not in self.targets:
            self._clean_weight(first, 1, problems)
            if is_whole and not problems:
                problems += self._weight_problems()
        self._find_types(first)
        return problems

    def clean(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        """Return a chunk of the weight, if there is one, and of the target; `problems` gets what is wrong with it."""
        weight = self._clean_weight(raw, first_row, problems) if self.weight is not None else []
        if self.is_distribution:
            return [*weight, *self._clean_shares(raw, first_row, problems)]
        if self.requested_task == "ranking":
            return self._clean_relevance(raw, first_row, problems)
        assert self._plan is not None
        name = self.targets[0]
        try:
            values = clean_target_as(self._plan, raw[name], first_row)
            if self._plan.labels is not None:
                self._labels.update(dict(values.value_counts().iter_rows()))
            if self._plan.labels == "numbers":
                refuse_quantity(self._labels)
        except ColumnError as error:
            problems.append(f"{self.source}: target '{name}' {error}")
            return []
        return [*weight, values.alias(name)]

    def resolve(self, problems: list[str]) -> TargetSchema:
        """Return the task and its classes, once all rows have passed."""
        problems += self._weight_problems()
        if self.is_distribution:
            return TargetSchema("distribution", self.targets)
        if self.requested_task == "ranking":
            return TargetSchema("ranking", None)
        assert self._plan is not None
        if self._plan.labels is None:
            problems += self._kind_problems()
            return TargetSchema("regression", None)
        try:
            return TargetSchema(*resolve_classes(self._plan, self._labels, self.positive))
        except ColumnError as error:
            problems.append(f"{self.source}: target '{self.targets[0]}' {error}")
            return TargetSchema("multiclass", None)

    def _kind_problems(self) -> list[str]:
        if self._kinds.get(self.targets[0]) != "categorical":
            return []
        return [
            f"prepare.columns: '{self.targets[0]}' is the target, and holds quantities; set prepare.task to multiclass "
            "if they are classes"
        ]

    def _plan_target(self, raw: pl.Series, is_whole: bool, problems: list[str]) -> None:
        task = value_task(self.requested_task)
        try:
            self._plan = plan_target(raw, task)
            if is_whole:
                clean_target(raw, task, self.positive)
            elif self._plan.labels is None:
                refuse_positive(self.positive)
        except ColumnError as error:
            problems.append(f"{self.source}: target '{raw.name}' {error}")

    def _clean_relevance(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        name = self.targets[0]
        try:
            return [clean_relevance(raw[name], first_row).alias(name)]
        except ColumnError as error:
            problems.append(f"{self.source}: target '{name}' {error}")
            return []

    def _find_types(self, first: pl.DataFrame) -> None:
        quantities = [*self.targets] if self._plan is None or self._plan.labels is None else []
        for name in (*quantities, self.weight):
            if name in first.columns and read_type("numeric", first[name]) is not None:
                self.types[str(name)] = pl.Float64

    def _clean_weight(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        name = str(self.weight)
        try:
            values = _clean_share(raw[name], first_row)
        except ColumnError as error:
            problems.append(f"{self.source}: weight '{name}' {error}")
            return []
        self._has_weight = self._has_weight or bool((values > 0).any())
        return [values.alias(name)]

    def _weight_problems(self) -> list[str]:
        if self.weight is None or self._has_weight:
            return []
        return [f"{self.source}: weight '{self.weight}' is 0 in every row; some rows must count"]

    def _clean_shares(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        """Return Float64 columns, one for each class, whose rows sum to 1."""
        shares: list[pl.Series] = []
        for name in self.targets:
            try:
                shares.append(_clean_share(raw[name], first_row).alias(name))
            except ColumnError as error:
                problems.append(f"{self.source}: target '{name}' {error}")
        if len(shares) == len(self.targets):
            problems += self._sum_problems(pl.DataFrame(shares), first_row)
        return shares

    def _sum_problems(self, shares: pl.DataFrame, first_row: int) -> list[str]:
        totals = shares.sum_horizontal()
        wrong = (totals - 1).abs() > SUM_TOLERANCE
        if not wrong.any():
            return []
        at = int(wrong.arg_max() or 0)
        return [
            f"{self.source}: the targets {', '.join(self.targets)} must sum to 1 in each row, "
            f"got {totals[at]:g} in row {first_row + at}"
        ]


def _clean_share(raw: pl.Series, first_row: int) -> pl.Series:
    """Return numbers >= 0 without gaps.

    Raises:
        ColumnError: for gaps, and for the first value that is no such number.
    """
    values = clean_as_kind("numeric", raw, first_row, "a number in every row").cast(pl.Float64)
    refuse_gaps(values, first_row)
    negative = values < 0
    if negative.any():
        at = int(negative.arg_max() or 0)
        raise ColumnError(f"row {first_row + at} must be >= 0, got {values[at]:g}")
    return values


def _task_problem(requested: str) -> str:
    if requested == "distribution":
        return "prepare.task: distribution needs a list as prepare.target, with a column of shares for each class"
    return f"prepare.task: must be auto or distribution with several target columns, got {requested}"
