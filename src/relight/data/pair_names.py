"""The names of the columns of both sides of a pair: with a mark in front, as `left_name`, or behind, as `name_l`."""

from collections.abc import Sequence

SEPARATORS = "_.- "
USUAL_MARKS = (
    *(("left_", "right_"), ("_left", "_right"), ("l_", "r_"), ("_l", "_r")),
    *(("a_", "b_"), ("_a", "_b"), ("1_", "2_"), ("_1", "_2"), ("x_", "y_"), ("_x", "_y")),
)


def is_suffix(mark: str) -> bool:
    """Return whether a mark stands behind the name: it begins with a separator and ends without one, as `_l` does."""
    return mark[:1] in SEPARATORS and mark[-1:] not in SEPARATORS


def side_column(mark: str, name: str) -> str:
    """Return the column of a side; the name itself for the mark ""."""
    return name + mark if mark and is_suffix(mark) else mark + name


def bare_name(mark: str, column: str) -> str | None:
    """Return the name of a column without the mark of its side; None if it is not of this side."""
    if is_suffix(mark):
        return column.removesuffix(mark) if column.endswith(mark) and column != mark else None
    return column.removeprefix(mark) if column.startswith(mark) and column != mark else None


def shared_names(marks: tuple[str, str], columns: Sequence[str]) -> list[str]:
    """Return the names that both sides have, in the order of the left one."""
    left, right = ([bare_name(mark, column) for column in columns] for mark in marks)
    return [name for name in left if name is not None and name in right]


def find_marks(asked: tuple[str, str], columns: Sequence[str]) -> tuple[str, str]:
    """Return the marks that were asked for; if these are the default and no column has one, the usual ones that most
    columns have."""
    if asked != USUAL_MARKS[0] or any(bare_name(mark, column) is not None for mark in asked for column in columns):
        return asked
    best = max(USUAL_MARKS, key=lambda marks: len(shared_names(marks, columns)))
    return best if shared_names(best, columns) else asked
