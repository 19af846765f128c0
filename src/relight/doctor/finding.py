"""A finding of `relight doctor`: a problem, why it matters, and the commands that fix it."""

import shlex
import textwrap
from typing import NamedTuple

Command = tuple[str, ...]


class Finding(NamedTuple):
    """One problem, and what fixes it.

    Attributes:
        problem: a clause that begins with the file, ref or setting that it is about.
        reason: why it matters.
        commands: they fix it, run in this order.
        is_safe: whether `--fix` may run the commands: they lose nothing that a person wrote or a run trained.
        follow_up_commands: for the person to run after the commands.
        note: anything else to know about the commands.
    """

    problem: str
    reason: str
    commands: tuple[Command, ...] = ()
    is_safe: bool = False
    follow_up_commands: tuple[Command, ...] = ()
    note: str = ""


class CheckResult(NamedTuple):
    """One subject that was looked at.

    Attributes:
        subject: what was looked at, in one or two words.
        summary: how much of it there is.
    """

    subject: str
    summary: str
    findings: list[Finding]


def finding_lines(number: int, finding: Finding, width: int) -> list[str]:
    """Return a finding as lines of at most `width` characters; only its commands may be longer."""
    by_itself = "   # --fix does this" if finding.is_safe else ""
    return [
        *_wrapped(f"{number}. {finding.problem}: {finding.reason}", "", width),
        *(f"     {shlex.join(command)}{by_itself}" for command in finding.commands),
        *(f"     {shlex.join(command)}" for command in finding.follow_up_commands),
        *(_wrapped(f"({finding.note})", "   ", width) if finding.note else []),
    ]


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """Return the lines; paths and refs are not broken."""
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent="   ", break_long_words=False, break_on_hyphens=False
    )
