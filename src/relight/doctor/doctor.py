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
from relight.doctor.environment import check_git, check_python
from relight.doctor.experiments import check_experiments
from relight.doctor.files import check_checkpoints, check_files
from relight.doctor.finding import CheckResult, Finding, abbreviated, finding_lines
from relight.doctor.locks import check_locks, is_within, list_processes
from relight.doctor.queue import check_queue
from relight.doctor.settings import check_settings
from relight.errors import RunError

DVC_FOLDER = Path(".dvc")
MAX_LINE_WIDTH = 120  # columns of a line that is still read with ease


def run_fix(commands: Sequence[tuple[str, ...]]) -> str | None:
    """Run them in their order, up to the first one that fails.

    Returns:
        which one failed, and what it said; None when all are done.
    """
    for command in commands:
        done = subprocess.run(_with_this_dvc(command), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last_line = (done.stderr or done.stdout).strip().split("\n")[-1]
            return f"{shlex.join(command)}: {last_line or f'ended with code {done.returncode}'}"
    return None


def _with_this_dvc(command: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", *command] if command[0] == "dvc" else list(command)


class DoctorReport(NamedTuple):
    """
    Attributes:
        text: for the person.
        problem: one sentence; None where nothing was found.
    """

    text: str
    problem: str | None


def doctor(*, fix: bool) -> DoctorReport:
    """
    Args:
        fix: run the commands of those findings that lose nothing, then look again.
    """
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # `git diff` would write its index
    looks = _run_checks()
    done = _apply_fixes(looks) if fix else []
    if done:
        looks = _run_checks()
    findings = [finding for look in looks for finding in look.findings]
    width = min(shutil.get_terminal_size().columns, MAX_LINE_WIDTH)
    lines = ["looked at", *(f"  {look.subject:<12} {look.summary}" for look in looks), *done, ""]
    if not findings:
        return DoctorReport("\n".join([*lines, "nothing found", ""]), None)
    for number, finding in enumerate(findings, 1):
        lines += finding_lines(number, finding, width)
    return DoctorReport("\n".join([*lines, ""]), _problem_text(findings))


def _problem_text(findings: list[Finding]) -> str:
    n_safe = sum(finding.is_safe for finding in findings)
    by_itself = f"; `relight doctor --fix` mends {n_safe} of them" if n_safe else ""
    return f"doctor: {len(findings)} found: {abbreviated((finding.problem for finding in findings), 2)}{by_itself}"


def _apply_fixes(looks: list[CheckResult]) -> list[str]:
    """What was done: one line for each finding that is safe to mend."""
    lines = []
    for finding in (finding for look in looks for finding in look.findings if finding.is_safe):
        failed = run_fix(finding.commands)
        lines += [f"mended: {finding.problem}" if failed is None else f"not mended: {finding.problem} ({failed})"]
        lines += [f"        {finding.note}"] if finding.note and failed is None else []
    return lines


def _run_checks() -> list[CheckResult]:
    """All looks that are possible here."""
    around = environment.read_git_state()
    has_commit = around is not None and around.commits > 0
    looks = [check_git(around), check_python()]
    if not (DVC_FOLDER / "config").exists():
        return [*looks, CheckResult("DVC", "no repository", [environment.no_dvc_finding()])]
    looks += _check_what_dvc_changes(has_commit)
    return [*looks, check_settings(has_commit), *check_files(), check_checkpoints()]


def _check_what_dvc_changes(has_commit: bool) -> list[CheckResult]:
    """While a dvc runs here, nobody can say what it left."""
    everybody = list_processes()
    running = [one for one in everybody if locks.is_dvc_command(one.words) and is_within(one.folder, Path.cwd())]
    if running:
        pids = ", ".join(str(process.pid) for process in running)
        left_alone = "locks, experiments, queue and temporary folders were left alone"
        return [CheckResult("processes", f"dvc runs here (pid {pids}); {left_alone}", [])]
    of_commits = [check_experiments()] if has_commit else []
    return [check_locks(everybody), *of_commits, check_queue(everybody)]


def raise_for_problem(report: DoctorReport) -> None:
    """
    Raises:
        RunError: where something was found.
    """
    if report.problem is not None:
        raise RunError(report.problem)
