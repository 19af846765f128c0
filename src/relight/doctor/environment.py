"""Git, python, disk.

Where the pipeline lives: a Git repository with a commit and an identity, a DVC repository, the right python.

What is around the pipeline: Git, the python of the stages, room on the disk.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Finding
from relight.errors import RunError
from relight.repository.git import run_git

IDENTITY_OPTIONS = {"user.name": "NAME", "user.email": "EMAIL"}
TEST_BLOCK = b"\0" * 4096  # what a full disk does not take


def no_git_finding() -> Finding:
    return Finding(
        "this folder is not in a Git repository",
        "experiments, comparisons and history live in Git",
        (("git", "init"), ("git", "add", "--all"), ("git", "commit", "-m", "start")),
    )


def no_dvc_finding() -> Finding:
    return Finding(
        "this folder is not a DVC repository (it has no .dvc/config)",
        "no stage can run; if the repository lies elsewhere, go to its top folder",
        (("dvc", "init"),),
    )


def git_findings(*, commits: int, is_shallow: bool, top: str | None, missing: tuple[str, ...]) -> list[Finding]:
    """
    Args:
        commits: that lead to HEAD.
        top: the top folder of the repository, where this folder is another.
        missing: of user.name and user.email, those that Git does not know.
    """
    findings = []
    if top is not None:
        findings.append(
            Finding(
                "this folder is not the top of its Git repository",
                "the paths of dvc.yaml and of this command begin there",
                (("cd", top),),
            )
        )
    if missing:
        values = {"user.name": "Your Name", "user.email": "you@example.com"}
        findings.append(
            Finding(
                f"Git has no {' and no '.join(missing)}",
                "`dvc exp run` records each experiment as a commit of somebody",
                tuple(("git", "config", "--global", key, values[key]) for key in missing),
            )
        )
    if commits == 0:
        findings.append(
            Finding(
                "the Git repository has no commit yet",
                "an experiment needs one to start from",
                (("git", "add", "--all"), ("git", "commit", "-m", "start")),
            )
        )
    if is_shallow:
        findings.append(
            Finding(
                f"the Git repository is a shallow clone ({commits} commits)",
                "experiments and results of the commits that are left out can be neither compared nor traced",
                (("git", "fetch", "--unshallow"),),
            )
        )
    return findings


def python_findings(*, on_path: str | None, here: str, activate: str | None) -> list[Finding]:
    """
    Args:
        on_path: the environment (sys.prefix) of the `python` that stages run with; None where there is none.
        here: the environment of this command.
        activate: the script that puts this environment first.
    """
    if on_path == here:
        return []
    what = "there is no python on PATH" if on_path is None else f"`python` is of {on_path}, this command of {here}"
    command = ("source", activate) if activate is not None else ("conda", "activate", here)
    return [Finding(what, "the stages run `python`, with other packages or none", (command,))]


def disk_findings(*, cache: str, error: str | None, free: int, needed: int) -> list[Finding]:
    """
    Args:
        error: what the system says when a few bytes are written there.
        free: bytes.
        needed: bytes of all outs in dvc.lock: what one more run may write.
    """
    why = "a run loses its work there, and DVC may still record it, with exit code 0"
    look = (("df", "-h", cache),)
    if error is not None:
        return [Finding(f"{cache}: nothing can be written into the cache ({error})", why, look)]
    if free < needed:
        left = f"{free / 1e6:.1f} MB are left on the disk of the cache, and one run writes {needed / 1e6:.1f} MB"
        return [Finding(f"{cache}: {left}", why, look)]
    return []


class GitState(NamedTuple):
    """
    Attributes:
        top: its top folder, where this folder is another.
        missing: the keys of an identity that Git does not know.
    """

    commits: int
    is_shallow: bool
    top: str | None
    missing: tuple[str, ...]


class DiskState(NamedTuple):
    error: str | None
    free: int


def read_git_state() -> GitState | None:
    """None where there is no repository, or no Git."""
    try:
        top = run_git("rev-parse", "--show-toplevel")
    except RunError:
        return None
    return GitState(
        commits=_count_commits(),
        is_shallow=run_git("rev-parse", "--is-shallow-repository") == "true",
        top=None if Path(top).resolve() == Path.cwd().resolve() else top,
        missing=tuple(key for key, name in IDENTITY_OPTIONS.items() if not _is_configured(key, name)),
    )


def python_on_path_prefix() -> str | None:
    """The environment (sys.prefix) of the `python` on PATH."""
    python = shutil.which("python")
    if python is None:
        return None
    ask = [python, "-c", "import sys; print(sys.prefix)"]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    return os.path.realpath(done.stdout.strip()) if done.returncode == 0 else None


def own_prefix() -> str:
    return os.path.realpath(sys.prefix)


def activation_script() -> str | None:
    """The script that puts this environment first on PATH."""
    script = Path(sys.prefix, "bin", "activate")
    return str(script) if script.exists() else None


def probe_disk(folder: Path) -> DiskState:
    """Of a folder that may not be there yet. A file of 4 KB is written to it, and removed."""
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


def _count_commits() -> int:
    try:
        return int(run_git("rev-list", "--count", "HEAD"))
    except RunError:  # there is none
        return 0


def _is_configured(key: str, name: str) -> bool:
    if os.environ.get(f"GIT_COMMITTER_{name}"):
        return True
    try:
        return run_git("config", key) != ""
    except RunError:
        return False


def check_git(around: GitState | None) -> CheckResult:
    if around is None:
        return CheckResult("Git", "no repository", [no_git_finding()])
    return CheckResult("Git", f"commits: {around.commits}", git_findings(**around._asdict()))


def check_python() -> CheckResult:
    on_path, here = python_on_path_prefix(), own_prefix()
    findings = python_findings(on_path=on_path, here=here, activate=activation_script())
    return CheckResult("python", on_path or "none", findings)
