"""What a model is to learn, and how much each row counts: the target, or several that sum to 1, and the weight."""

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
    refuse_quantity,
    resolve_classes,
)

SUM_TOLERANCE = 1e-3


class TargetSchema(NamedTuple):
    task: Task
    classes: list[str] | None


class TargetCleaner:
    """Plans by the first rows, cleans stretch after stretch, and settles the task in the end.

    Each problem is a whole sentence that names the column.
    """

    def __init__(self, params: PrepareParams) -> None:
        self.source, self.weight = params.source, params.weight
        self.targets = target_names(params)
        self.asked = params.task
        self.types: dict[str, type[pl.DataType]] = {}
        self._plan: TargetPlan | None = None
        self._labels: set[str] = set()
        self._has_weight = False

    @property
    def is_distribution(self) -> bool:
        return len(self.targets) > 1

    def plan(self, first: pl.DataFrame, *, is_whole: bool) -> list[str]:
        """Decide by the first rows; returns what is wrong with them. Missing columns are no business of this."""
        problems: list[str] = []
        if self.is_distribution != (self.asked == "distribution") and self.asked != "auto":
            return [_task_problem(self.asked)]
        if all(name in first.columns for name in self.targets):
            if self.is_distribution:
                self._clean_shares(first, 1, problems)
            elif self.asked == "ranking":
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
        """A stretch of the weight, if there is one, and of the target."""
        weight = self._clean_weight(raw, first_row, problems) if self.weight is not None else []
        if self.is_distribution:
            return [*weight, *self._clean_shares(raw, first_row, problems)]
        if self.asked == "ranking":
            return self._clean_relevance(raw, first_row, problems)
        assert self._plan is not None
        name = self.targets[0]
        try:
            values = clean_target_as(self._plan, raw[name], first_row)
            if self._plan.labels is not None:
                self._labels |= set(values.unique())
            if self._plan.labels == "numbers":
                refuse_quantity(self._labels)
        except ColumnError as unclean:
            problems.append(f"{self.source}: target '{name}' {unclean}")
            return []
        return [*weight, values.alias(name)]

    def resolve(self, n_rows: int, problems: list[str]) -> TargetSchema:
        """The task and its classes, once all rows have passed."""
        problems += self._weight_problems()
        if self.is_distribution:
            return TargetSchema("distribution", self.targets)
        if self.asked == "ranking":
            return TargetSchema("ranking", None)
        assert self._plan is not None
        if self._plan.labels is None:
            return TargetSchema("regression", None)
        try:
            return TargetSchema(*resolve_classes(self._plan, self._labels, n_rows))
        except ColumnError as unclean:
            problems.append(f"{self.source}: target '{self.targets[0]}' {unclean}")
            return TargetSchema("multiclass", None)

    def _plan_target(self, raw: pl.Series, is_whole: bool, problems: list[str]) -> None:
        assert self.asked != "distribution"
        assert self.asked != "forecast"
        assert self.asked != "ranking"
        assert self.asked != "similarity"
        try:
            self._plan = plan_target(raw, self.asked)
            if is_whole:
                clean_target(raw, self.asked)
        except ColumnError as unclean:
            problems.append(f"{self.source}: target '{raw.name}' {unclean}")

    def _clean_relevance(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        name = self.targets[0]
        try:
            return [clean_relevance(raw[name], first_row).alias(name)]
        except ColumnError as unclean:
            problems.append(f"{self.source}: target '{name}' {unclean}")
            return []

    def _find_types(self, first: pl.DataFrame) -> None:
        quantities = [*self.targets] if self._plan is None or self._plan.labels is None else []
        for name in (*quantities, self.weight):
            if name in first.columns and (dtype := read_type("numeric", first[name])) is not None:
                self.types[str(name)] = dtype

    def _clean_weight(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        name = str(self.weight)
        try:
            values = _clean_share(raw[name], first_row)
        except ColumnError as unclean:
            problems.append(f"{self.source}: weight '{name}' {unclean}")
            return []
        self._has_weight = self._has_weight or bool((values > 0).any())
        return [values.alias(name)]

    def _weight_problems(self) -> list[str]:
        if self.weight is None or self._has_weight:
            return []
        return [f"{self.source}: weight '{self.weight}' is 0 in every row; some rows must count"]

    def _clean_shares(self, raw: pl.DataFrame, first_row: int, problems: list[str]) -> list[pl.Series]:
        """Float64 columns, one for each class, whose rows sum to 1."""
        shares: list[pl.Series] = []
        for name in self.targets:
            try:
                shares.append(_clean_share(raw[name], first_row).alias(name))
            except ColumnError as unclean:
                problems.append(f"{self.source}: target '{name}' {unclean}")
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
    """Numbers >= 0 without gaps."""
    values = clean_as_kind("numeric", raw, first_row, "a number in every row")
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
