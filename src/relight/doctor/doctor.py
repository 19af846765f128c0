"""Doctor command, running fixes.

Runs the commands that a finding names, just as a person would type them.

doctor: find what kills, full disks and mistakes left in the repository, and name what mends it.

Looks at everything and writes nothing, unless it is told to mend.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from relight.doctor import environment, locks
from relight.doctor.environment import check_git, look_at_python
from relight.doctor.experiments import look_at_experiments
from relight.doctor.files import look_at_checkpoints, look_at_files
from relight.doctor.finding import Finding, Look, listed, text_of
from relight.doctor.locks import is_within, look_at_locks, processes
from relight.doctor.queue import look_at_queue
from relight.doctor.settings import look_at_settings
from relight.errors import RunError

DVC = Path(".dvc")
WIDEST = 120  # columns of a line that is still read with ease


def mend(commands: Sequence[tuple[str, ...]]) -> str | None:
    """Run them in their order, up to the first one that fails.

    Returns:
        which one failed, and what it said; None when all are done.
    """
    for command in commands:
        done = subprocess.run(_with_this_dvc(command), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().split("\n")[-1]
            return f"{shlex.join(command)}: {said or f'ended with code {done.returncode}'}"
    return None


def _with_this_dvc(command: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", *command] if command[0] == "dvc" else list(command)


class Report(NamedTuple):
    """
    Attributes:
        text: for the person.
        problem: one sentence; None where nothing was found.
    """

    text: str
    problem: str | None


def doctor(*, fix: bool) -> Report:
    """
    Args:
        fix: run the commands of those findings that lose nothing, then look again.
    """
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # `git diff` would write its index
    looks = _look()
    done = _mend(looks) if fix else []
    if done:
        looks = _look()
    found = [finding for look in looks for finding in look.findings]
    width = min(shutil.get_terminal_size().columns, WIDEST)
    lines = ["looked at", *(f"  {look.at:<12} {look.seen}" for look in looks), *done, ""]
    if not found:
        return Report("\n".join([*lines, "nothing found", ""]), None)
    for number, finding in enumerate(found, 1):
        lines += text_of(number, finding, width)
    return Report("\n".join([*lines, ""]), _problem(found))


def _problem(found: list[Finding]) -> str:
    n_safe = sum(finding.is_safe for finding in found)
    by_itself = f"; `relight doctor --fix` mends {n_safe} of them" if n_safe else ""
    return f"doctor: {len(found)} found: {listed((finding.what for finding in found), 2)}{by_itself}"


def _mend(looks: list[Look]) -> list[str]:
    """What was done: one line for each finding that is safe to mend."""
    lines = []
    for finding in (finding for look in looks for finding in look.findings if finding.is_safe):
        failed = mend(finding.commands)
        lines += [f"mended: {finding.what}" if failed is None else f"not mended: {finding.what} ({failed})"]
        lines += [f"        {finding.remark}"] if finding.remark and failed is None else []
    return lines


def _look() -> list[Look]:
    """All looks that are possible here."""
    around = environment.look_at_git()
    has_commit = around is not None and around.commits > 0
    looks = [check_git(around), look_at_python()]
    if not (DVC / "config").exists():
        return [*looks, Look("DVC", "no repository", [environment.no_dvc()])]
    looks += _look_at_what_dvc_changes(has_commit)
    return [*looks, look_at_settings(has_commit), *look_at_files(), look_at_checkpoints()]


def _look_at_what_dvc_changes(has_commit: bool) -> list[Look]:
    """While a dvc runs here, nobody can say what it left."""
    everybody = processes()
    running = [one for one in everybody if locks.is_dvc(one.words) and is_within(one.folder, Path.cwd())]
    if running:
        pids = ", ".join(str(process.pid) for process in running)
        left_alone = "locks, experiments, queue and temporary folders were left alone"
        return [Look("processes", f"dvc runs here (pid {pids}); {left_alone}", [])]
    of_commits = [look_at_experiments()] if has_commit else []
    return [look_at_locks(everybody), *of_commits, look_at_queue(everybody)]


def raise_for(report: Report) -> None:
    """
    Raises:
        RunError: where something was found.
    """
    if report.problem is not None:
        raise RunError(report.problem)
