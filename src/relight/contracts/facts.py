"""The facts that a contract promises, each tried by itself, so that all that fail are said."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from relight.errors import RelightError
from relight.runtime.tracebacks import own_error

Check = Callable[[], str]  # returns the problem; "" if there is none


class SkippedError(Exception):
    """A fact that cannot be tried here, and why."""


class Fact(NamedTuple):
    """A fact that was tried.

    Attributes:
        problem: in a sentence; "" if it holds.
        skipped: why it was not tried; "" if it was.
    """

    name: str
    problem: str = ""
    skipped: str = ""

    def __str__(self) -> str:
        if self.skipped:
            return f"skipped  {self.name}: {self.skipped}"
        return f"fails    {self.name}: {self.problem}" if self.problem else f"holds    {self.name}"


def try_facts(checks: Mapping[str, Check], root: Path, what: str = "") -> list[Fact]:
    """Return the facts in their order, each tried whatever became of the others.

    Args:
        what: the own code with its file and line, to begin each problem with.
    """
    return [_tried(name, check, root, what) for name, check in checks.items()]


def _tried(name: str, check: Check, root: Path, what: str) -> Fact:
    try:
        problem = check()
        return Fact(name, f"{what}: {problem}" if problem and what else problem)
    except SkippedError as reason:
        return Fact(name, skipped=str(reason))
    except RelightError as error:
        return Fact(name, "; ".join(error.problems))
    except Exception as error:  # of own code, or of a library that it calls: the next fact may hold all the same
        own = own_error(error, root)
        return Fact(name, str(own) if own else f"{type(error).__name__}: {str(error).splitlines()[0][:300]}")
