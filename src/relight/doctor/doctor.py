"""`relight doctor`: find what kills, full disks and mistakes left in the repository, and name the commands that fix it.

It writes nothing unless it is asked to run the safe ones.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from relight.doctor.cache import check_cache, rehash_cache
from relight.doctor.checkpoints import check_checkpoints
from relight.doctor.dvc_lock import BrokenLock, LockedOutput, check_lock, locked_outputs, read_locked_stages
from relight.doctor.environment import (
    check_disk,
    check_git,
    check_python,
    no_dvc_result,
    read_git_state,
    stray_dvc_result,
)
from relight.doctor.experiments import check_experiments
from relight.doctor.finding import CheckResult, Command, Finding, finding_lines
from relight.doctor.locks import check_locks, is_dvc_command, is_within, list_processes
from relight.doctor.queue import check_queue
from relight.doctor.settings import COMMITTED_CONFIG, check_line_ends, check_settings, read_dvc_config, remote_names
from relight.doctor.surroundings import check_folders, check_surroundings
from relight.errors import RunError
from relight.repository.dvc_command import cache_folder, dvc_command, environment_of_dvc
from relight.repository.recorded_paths import lies_inside
from relight.runtime.messages import abbreviate
from relight.runtime.workspace import find_root, repository_root

FILE_COMMANDS = ("chmod", "cp", "mkdir", "mv", "rm")
MAX_LINE_WIDTH = 120  # columns; longer lines are hard to read


class DoctorReport(NamedTuple):
    """The findings as text, and as one sentence.

    Attributes:
        text: for the person.
        problem: one sentence; None if nothing was found.
    """

    text: str
    problem: str | None


def doctor(*, fix: bool) -> DoctorReport:
    """Look at everything.

    Args:
        fix: run the commands of the findings that lose nothing, then look again.
    """
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"  # `git diff` would write its index
    results = _run_checks()
    done = _apply_fixes(results) if fix else []
    if done:
        results = _run_checks()
    found = [finding for result in results for finding in result.findings]
    # What is safe comes first: it may copy a file that the `dvc repro` of another finding replaces.
    findings = sorted(found, key=lambda finding: not finding.is_safe)
    width = min(shutil.get_terminal_size().columns, MAX_LINE_WIDTH)
    lines = ["looked at", *(f"  {result.subject:<12} {result.summary}" for result in results), *done, ""]
    if not findings:
        return DoctorReport("\n".join([*lines, "nothing found", ""]), None)
    for number, finding in enumerate(findings, 1):
        lines += finding_lines(number, finding, width)
    return DoctorReport("\n".join([*lines, ""]), _problem_text(findings))


def raise_for_problem(report: DoctorReport) -> None:
    """Raise the problem of the report.

    Raises:
        RunError: if something was found.
    """
    if report.problem is not None:
        raise RunError(report.problem)


def _problem_text(findings: list[Finding]) -> str:
    n_safe = sum(finding.is_safe for finding in findings)
    by_itself = f"; `relight doctor --fix` fixes {n_safe} of them" if n_safe else ""
    return f"doctor: {len(findings)} found: {abbreviate((finding.problem for finding in findings), 2)}{by_itself}"


def _run_checks() -> list[CheckResult]:
    """Return the results of all checks that are possible here."""
    git = read_git_state()
    has_commit = git is not None and git.n_commits > 0
    results = [check_git(git), check_python()]
    root = find_root(Path.cwd())
    if root is None:
        return [*results, no_dvc_result(git)]
    if not (root / COMMITTED_CONFIG).exists():
        return [*results, stray_dvc_result(root)]
    surroundings = check_surroundings(root)
    if surroundings.findings:
        return [*results, surroundings]
    config = read_dvc_config(has_commit=has_commit)
    return [
        *results,
        surroundings,
        check_folders(root),
        *_check_what_dvc_changes(has_commit),
        check_settings(config),
        *_check_files(has_remote=bool(remote_names(config)), has_git=git is not None),
        check_checkpoints(),
    ]


def _check_what_dvc_changes(has_commit: bool) -> list[CheckResult]:
    """Look at what a dvc writes while it runs; not while one runs here, because it is half done then."""
    processes = list_processes()
    running = [one for one in processes if is_dvc_command(one.words) and is_within(one.folder, repository_root())]
    if running:
        pids = ", ".join(str(process.pid) for process in running)
        skipped = "locks, experiments, queue and temporary folders were not looked at"
        return [CheckResult("processes", f"dvc runs here (pid {pids}); {skipped}", [])]
    experiments = [check_experiments()] if has_commit else []
    return [check_locks(processes), *experiments, check_queue(processes)]


def _check_files(*, has_remote: bool, has_git: bool) -> list[CheckResult]:
    """Look at dvc.lock, what it names, the cache and its disk."""
    folder = Path(os.path.relpath(cache_folder()))
    stages, cache = read_locked_stages(), rehash_cache(folder)
    outs, needed = list[LockedOutput](), 0
    if not isinstance(stages, BrokenLock):
        outs = locked_outputs(stages, folder, {damaged.md5 for damaged in cache.damaged})
        needed = sum(out.size for stage in stages.values() for out in stage.outs.values())
    return [
        check_lock(stages, outs, folder, has_remote=has_remote),
        check_cache(folder, cache, outs, has_remote=has_remote),
        check_disk(folder, needed),
        *([check_line_ends(stages)] if has_git and not isinstance(stages, BrokenLock) else []),
    ]


def _apply_fixes(results: list[CheckResult]) -> list[str]:
    """Run the commands of each safe finding; return a line for each."""
    lines = []
    places = _places()
    for finding in (finding for result in results for finding in result.findings if finding.is_safe):
        failure = place_problem(finding.commands, places) or run_fix(finding.commands)
        lines.append(f"fixed: {finding.problem}" if failure is None else f"not fixed: {finding.problem} ({failure})")
        lines += [f"       {finding.note}"] if finding.note and failure is None else []
    return lines


def _places() -> list[Path]:
    """Return the folders in which a fix may change files: the repository, and the objects of its cache."""
    root = find_root(Path.cwd())
    places = [] if root is None else [root.resolve()]
    with suppress(RunError):  # DVC refuses what it takes for no repository; there are no objects to change then
        places.append((cache_folder() / "files/md5").resolve())
    return places


def place_problem(commands: Sequence[Command], places: Sequence[Path]) -> str | None:
    """Return what a command would change outside of the places; a clone may hold a link where DVC has a folder."""
    paths = [word for command in commands if command[0] in FILE_COMMANDS for word in command[1:] if word[:1] != "-"]
    away = next((path for path in paths if not any(lies_inside(Path(path), place) for place in places)), None)
    return None if away is None else f"{away} lies outside of the repository, or follows a link to there"


def run_fix(commands: Sequence[Command]) -> str | None:
    """Run the commands in their order, up to the first one that fails.

    Returns:
        the one that failed, and its message; None if none did.
    """
    for command in commands:
        words = dvc_command(*command[1:]) if command[0] == "dvc" else command
        done = subprocess.run(words, env=environment_of_dvc(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last_line = (done.stderr or done.stdout).strip().split("\n")[-1]
            return f"{shlex.join(command)}: {last_line or f'ended with code {done.returncode}'}"
    return None
