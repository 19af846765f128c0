"""The oddities of the columns, once all rows have passed: gaps, constants, duplicates, ids of rows.

The results do not depend on the chunks in which the rows come, with one exception: that all values differ is
checked within a chunk, and across chunks for one value in 64.
"""

from typing import cast

import polars as pl

MIN_ROWS_FOR_IDS = 20  # fewer rows than this are all different by chance

N_CODES_RANGE = range(3, 21)

MAX_COUNT_OR_GRADE = 20  # few whole numbers up to this one are counts or grades, not codes

_SAMPLING_RATE = 64  # one value in this many, by its hash, is kept to see whether it comes again


class TableProfile:
    """Collects facts on the columns that a model may see, from clean chunks.

    Attributes:
        n_rows: how many have passed.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self._columns: dict[str, _ColumnProfile] = {}
        self._equal_groups: list[list[str]] = []

    def add(self, table: pl.DataFrame) -> None:
        """Add a chunk; the columns are the same each time."""
        if self.n_rows == 0:
            self._columns = {name: _ColumnProfile() for name in table.columns}
            self._equal_groups = _refine_groups([table.columns], table)
        else:
            self._equal_groups = _refine_groups([group for group in self._equal_groups if len(group) > 1], table)
        for column in table:
            self._columns[column.name].add(column, self.n_rows)
        self.n_rows += table.height

    def duplicate_columns(self) -> dict[str, str]:
        """Return the columns that equal an earlier one, and the name of that one; constant columns are left out."""
        groups = [[name for name in group if not self._columns[name].is_constant] for group in self._equal_groups]
        return {name: group[0] for group in groups for name in group[1:]}

    def warnings(self, name: str) -> tuple[str, ...]:
        """Return remarks on a column, which follow "Column 'name' " in a sentence."""
        return self._columns[name].warnings(self.n_rows)


class _ColumnProfile:
    """The facts about one column: its gaps, whether it is constant, whether it may be an id, its few numbers."""

    def __init__(self) -> None:
        self.n_gaps = 0
        self.is_constant = True
        self.has_ids = True
        self.first_value: object = None
        self.sample: set[int] = set()
        self.low, self.high = float("inf"), float("-inf")
        self.numbers: set[float] | None = set()

    def add(self, values: pl.Series, n_before: int) -> None:
        self._find_constant(values, n_before)
        self._find_ids(values)
        self.n_gaps += values.null_count()
        self._find_numbers(values)

    def warnings(self, n_rows: int) -> tuple[str, ...]:
        if self.n_gaps == n_rows:
            return ("has no values at all; it tells the model nothing",)
        if self.is_constant:
            return ("has the same value in every row; it tells the model nothing",)
        if self._name_rows(n_rows):
            return ("has a different value in every row; if it names the row, add it to prepare.ignore",)
        if self.numbers and _look_like_codes(self.numbers):
            return (
                f"has {len(self.numbers)} different whole numbers; "
                "if they are codes, read them as names with prepare.columns (categorical)",
            )
        return ()

    def _find_constant(self, values: pl.Series, n_before: int) -> None:
        if n_before == 0:
            self.first_value = values[0]
        if self.is_constant:
            has_gaps = values.null_count() > 0
            self.is_constant = (
                values.null_count() == len(values) and self.first_value is None
                if has_gaps
                else bool(values.min() == self.first_value and values.max() == self.first_value)
            )

    def _find_ids(self, values: pl.Series) -> None:
        """Keep track of texts or whole numbers that differ in every row."""
        if not self.has_ids:
            return
        may_be_ids = not values.null_count() and (values.dtype == pl.String or _are_whole(values))
        self.has_ids = may_be_ids and values.n_unique() == len(values) and self._are_new(values)
        if self.has_ids and values.dtype.is_numeric():
            low, high = cast(float, values.min()), cast(float, values.max())
            self.low, self.high = min(low, self.low), max(high, self.high)

    def _are_new(self, values: pl.Series) -> bool:
        hashes = values.hash()
        sample = set(hashes.filter(hashes % _SAMPLING_RATE == 0).to_list())
        are_new = self.sample.isdisjoint(sample)
        self.sample |= sample
        return are_new

    def _name_rows(self, n_rows: int) -> bool:
        """Return whether the values name the rows: texts, or numbers without a gap between them, that all differ."""
        has_no_gap = self.low > self.high or self.high - self.low == n_rows - 1
        return self.has_ids and n_rows >= MIN_ROWS_FOR_IDS and has_no_gap

    def _find_numbers(self, values: pl.Series) -> None:
        """Keep the different whole numbers, as long as they are few."""
        if self.numbers is None:
            return
        if not _are_whole(values):
            self.numbers = None
            return
        self.numbers |= set(values.drop_nulls().unique().to_list())
        self.numbers = self.numbers if len(self.numbers) < N_CODES_RANGE.stop else None


def _are_whole(values: pl.Series) -> bool:
    return values.dtype.is_integer() or (values.dtype.is_float() and bool((values == values.round()).all()))


def _look_like_codes(numbers: set[float]) -> bool:
    """Return whether whole numbers are few, with gaps, and larger than counts or grades, such as 20, 30, 190."""
    consecutive = max(numbers) - min(numbers) == len(numbers) - 1
    return len(numbers) in N_CODES_RANGE and not consecutive and max(map(abs, numbers)) > MAX_COUNT_OR_GRADE


def _refine_groups(groups: list[list[str]], table: pl.DataFrame) -> list[list[str]]:
    """Return the groups of columns that are equal in this chunk, out of those that were equal so far."""
    equal: list[list[str]] = []
    for group in groups:
        by_fingerprint: dict[object, list[str]] = {}
        for name in group:
            by_fingerprint.setdefault(_fingerprint(table[name]), []).append(name)
        for names in by_fingerprint.values():
            equal += _equal_groups(names, table)
    return equal


def _fingerprint(values: pl.Series) -> object:
    """Return facts that are quick to find, and the same for equal columns."""
    return (values.dtype.base_type(), values.null_count(), *(values[row] for row in (0, len(values) // 2, -1)))


def _equal_groups(names: list[str], table: pl.DataFrame) -> list[list[str]]:
    groups: list[list[str]] = []
    for name in names:
        group = next((g for g in groups if table[g[0]].equals(table[name])), None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    return groups
