"""The surroundings of the pipeline: Git, DVC, the python of the stages, room on the disk."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Command, Finding
from relight.errors import RunError
from relight.repository.git import git_or_none, is_shallow, refused_folder, run_git
from relight.runtime.workspace import DVC_FOLDER, find_root

IDENTITY = {"user.name": "Your Name", "user.email": "you@example.com"}
TEST_BLOCK = b"\0" * 4096  # a full disk does not take it
LEFT_SUFFIX = "-left"  # of a folder that was moved aside
FIRST_COMMIT = (("git", "add", "--all"), ("git", "commit", "-m", "start"))


class GitState(NamedTuple):
    """The Git repository of this folder.

    Attributes:
        n_commits: those that lead to HEAD.
        top: the top folder of the repository.
        is_nested: whether it lies inside the DVC repository of this folder, and is another one than DVC uses.
        missing: the keys of the identity that Git lacks, such as user.name.
    """

    n_commits: int
    is_shallow: bool
    top: str
    is_nested: bool
    missing: tuple[str, ...]


def read_git_state() -> GitState | None:
    """Return the state of the repository; None if there is none, or no Git."""
    try:
        top = run_git("rev-parse", "--show-toplevel")
    except RunError:
        return None
    root = find_root(Path.cwd())
    return GitState(
        n_commits=int(git_or_none("rev-list", "--count", "HEAD") or 0),
        is_shallow=is_shallow(),
        top=top,
        is_nested=root is not None and not root.is_relative_to(top),
        missing=tuple(key for key in IDENTITY if not _is_configured(key)),
    )


def _is_configured(key: str) -> bool:
    variable = f"GIT_COMMITTER_{key.removeprefix('user.').upper()}"
    return bool(os.environ.get(variable) or git_or_none("config", key))


def git_findings(state: GitState) -> list[Finding]:
    """Return a finding for each thing that experiments and their history need of Git and lack."""
    findings = []
    if state.is_nested:
        problem = f"the Git repository of this folder ({state.top}) lies inside the DVC repository"
        reason = "DVC keeps experiments and history in the Git repository around its .dvc, without these files"
        findings += [Finding(problem, reason, note="either remove the inner .git, or move the folder elsewhere")]
    if state.missing:
        problem = f"Git has no {' and no '.join(state.missing)}"
        reason = "`dvc exp run` records each experiment as a commit, which needs an author"
        commands = tuple(("git", "config", "--global", key, IDENTITY[key]) for key in state.missing)
        findings += [Finding(problem, reason, commands)]
    if state.n_commits == 0:
        problem = "the Git repository has no commit yet"
        findings += [Finding(problem, "an experiment needs one to start from", FIRST_COMMIT)]
    if state.is_shallow:
        problem = f"the Git repository is a shallow clone ({state.n_commits} commits)"
        reason = "experiments and results of the commits that are left out can be neither compared nor traced"
        findings += [Finding(problem, reason, (("git", "fetch", "--unshallow"),))]
    return findings


def check_git(state: GitState | None) -> CheckResult:
    """Look at the Git repository."""
    reason = "experiments, comparisons and history are kept in Git"
    if state is None and (folder := refused_folder()):
        problem = f"Git refuses the repository {folder}, because another user owns it (dubious ownership)"
        allow = ("git", "config", "--global", "--add", "safe.directory", folder)
        return CheckResult("Git", "refused", [Finding(problem, reason, (allow,))])
    if state is None:
        finding = Finding("this folder is not in a Git repository", reason, (("git", "init"), *FIRST_COMMIT))
        return CheckResult("Git", "no repository", [finding])
    return CheckResult("Git", f"commits: {state.n_commits}", git_findings(state))


def no_dvc_result(git: GitState | None) -> CheckResult:
    """Return what there is to report without a DVC repository.

    Args:
        git: the Git repository of this folder, in whose top folder the DVC repository is made.
    """
    problem = f"this folder is not in a DVC repository (no folder from here upwards has a {DVC_FOLDER})"
    go = (("cd", git.top),) if git is not None and Path(git.top) != Path.cwd() else ()
    return CheckResult("DVC", "no repository", [Finding(problem, "no stage can run", (*go, ("dvc", "init")))])


def stray_dvc_result(root: Path) -> CheckResult:
    """Return what there is to report on a `.dvc` that no `dvc init` made: an older stage left it in the folder.

    Args:
        root: the folder that it is in.
    """
    stray = os.path.relpath(root / DVC_FOLDER)
    outer = find_root(root.parent)
    problem = f"{stray} has no config: no `dvc init` made it"
    reason = "DVC takes its folder for a repository of its own, without a remote"
    commands: tuple[Command, ...] = (("mv", stray, f"{stray}{LEFT_SUFFIX}"),)
    note = f"delete {stray}{LEFT_SUFFIX} when nothing in it is needed"
    follow_up: tuple[Command, ...] = () if outer else (("dvc", "init"),)
    finding = Finding(problem, reason, commands, is_safe=True, follow_up_commands=follow_up, note=note)
    return CheckResult("DVC", f"repository around it: {outer or 'none'}", [finding])


def python_on_path_prefix() -> str | None:
    """Return the environment (sys.prefix) of the `python` on PATH, which the stages run."""
    python = shutil.which("python")
    if python is None:
        return None
    print_prefix = [python, "-I", "-c", "import sys; print(sys.prefix)"]  # -I: nothing of this folder is imported
    done = subprocess.run(print_prefix, capture_output=True, text=True, check=False)
    return os.path.realpath(done.stdout.strip()) if done.returncode == 0 else None


def python_findings(*, on_path: str | None, here: str, activate: str | None) -> list[Finding]:
    """Return a finding if the stages would run another python than this command.

    Args:
        on_path: the environment (sys.prefix) of the `python` on PATH; None if there is none.
        here: the environment of this command.
        activate: the script that puts this environment first on PATH.
    """
    if on_path == here:
        return []
    problem = "there is no python on PATH" if on_path is None else f"`python` is of {on_path}, this command of {here}"
    command = ("source", activate) if activate is not None else ("conda", "activate", here)
    return [Finding(problem, "the stages run `python`, with other packages or none", (command,))]


def check_python() -> CheckResult:
    """Look at the python that the stages run."""
    on_path, here, script = python_on_path_prefix(), os.path.realpath(sys.prefix), Path(sys.prefix, "bin", "activate")
    findings = python_findings(on_path=on_path, here=here, activate=str(script) if script.exists() else None)
    return CheckResult("python", on_path or "none", findings)


class DiskState(NamedTuple):
    """The disk of the cache.

    Attributes:
        error: the system's message if a file cannot be written.
        free: bytes.
    """

    error: str | None
    free: int


def probe_disk(folder: Path) -> DiskState:
    """Write a file of 4 KB to a folder, or to the one where it would be made, and remove it."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(TEST_BLOCK)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return DiskState(error.strerror, free)
    return DiskState(None, free)


def disk_findings(cache: str, disk: DiskState, needed: int) -> list[Finding]:
    """Return a finding if one more run may not fit.

    Args:
        needed: bytes of all outs in dvc.lock, which one more run may write.
    """
    reason = "the results of a run would be lost, and DVC may still record them and exit with 0"
    look = (("df", "-h", cache),)
    if disk.error is not None:
        return [Finding(f"{cache}: nothing can be written into the cache ({disk.error})", reason, look)]
    if disk.free < needed:
        left = f"{disk.free / 1e6:.1f} MB are left on the disk of the cache, and one run writes {needed / 1e6:.1f} MB"
        return [Finding(f"{cache}: {left}", reason, look)]
    return []


def check_disk(folder: Path, needed: int) -> CheckResult:
    """Look at the disk of the cache."""
    disk = probe_disk(folder)
    can = "can" if disk.error is None else "cannot"
    summary = f"{disk.free / 1e9:.1f} GB free in {folder}, a file {can} be written"
    return CheckResult("disk", summary, disk_findings(str(folder), disk, needed))
