"""Errors with a message for the user: what is wrong, where, and what to do next.

RelightError          carries `problems`, one line each; ends the process with `exit_code`
├── InputError        2: params, tables, files or arguments that the user can fix
└── RunError          1: the run itself failed (diverged, disk full, files changed during it)
"""

from collections.abc import Callable


class ColumnError(Exception):
    """A column that cannot be used as it is."""


class ValueMismatchError(ColumnError):
    """A value that does not fit the kind of its column; the column may be of another kind."""


class RelightError(Exception):
    """The problems that a person is told about, a line for each.

    Args:
        said: further lines of another program, which are kept as they are.
    """

    exit_code = 1

    def __init__(self, *problems: str, said: str = "") -> None:
        super().__init__("\n".join([*problems, *([said] if said else [])]))
        self.problems, self.said = problems, said


class InputError(RelightError):
    exit_code = 2


class RunError(RelightError):
    exit_code = 1


def problems_of(check: Callable[[], object]) -> list[str]:
    """Return the problems that a check raises, so that those of several checks can be reported at once."""
    try:
        check()
    except InputError as error:
        return list(error.problems)
    return []
