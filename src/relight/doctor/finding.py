"""What `relight doctor` found: one thing, why it matters, and the commands that mend it."""

import shlex
import textwrap
from collections.abc import Iterable
from typing import NamedTuple

Command = tuple[str, ...]


class Finding(NamedTuple):
    """
    Attributes:
        what: what is wrong, and where: a clause that begins with the place.
        why: what comes of it.
        commands: what mends it, in their order.
        is_safe: whether `--fix` may run the commands: nothing that anybody wrote or trained is lost by them.
        then: what is for the person to do after the commands.
        remark: what else the person should know.
    """

    problem: str
    reason: str
    commands: tuple[Command, ...] = ()
    is_safe: bool = False
    follow_up_commands: tuple[Command, ...] = ()
    note: str = ""


class CheckResult(NamedTuple):
    """What was looked at, and what was found there."""

    subject: str
    summary: str
    findings: list[Finding]


def finding_lines(number: int, finding: Finding, width: int) -> list[str]:
    """The lines of one finding, at most so wide; its commands as they are typed, however long."""
    by_itself = "   # --fix does this" if finding.is_safe else ""
    return [
        *_wrapped(f"{number}. {finding.problem}: {finding.reason}", "", width),
        *(f"     {shlex.join(command)}{by_itself}" for command in finding.commands),
        *(f"     {shlex.join(command)}" for command in finding.follow_up_commands),
        *(_wrapped(f"({finding.note})", "   ", width) if finding.note else []),
    ]


def _wrapped(text: str, first: str, width: int) -> list[str]:
    """Paths and refs stay whole."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
    )


def abbreviated(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many there are besides."""
    items = list(names)
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
