"""The errors that a person is meant to read: what is wrong, where, and what to do next.

RelightError          carries `problems`, one line each; ends the process with `exit_code`
├── InputError        2: params, tables, files or arguments that the person can mend
└── RunError          1: the run itself failed (diverged, disk full, files changed under it)
"""

from collections.abc import Callable


class ColumnError(Exception):
    """A column that cannot be used as it is."""


class ValueMismatchError(ColumnError):
    """A value that does not fit the kind of its column; another kind may be the answer."""


class RelightError(Exception):
    exit_code = 1

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(RelightError):
    exit_code = 2


class RunError(RelightError):
    exit_code = 1


def problems_of(check: Callable[[], object]) -> list[str]:
    """What is wrong by one check, so that others may say theirs, too; empty where nothing is."""
    try:
        check()
    except InputError as error:
        return list(error.problems)
    return []
