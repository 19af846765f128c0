"""dvc.lock: whether it can be read, and whether the outs that it records are still there.

DVC records an out, and exits with 0, even if a full disk kept the out from the cache.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from relight.doctor.finding import CheckResult, Command, Finding
from relight.errors import InputError
from relight.repository.git import read_files_at, run_git
from relight.repository.objects import FOLDER_SUFFIX, folder_files, is_intact, list_problems, object_path
from relight.repository.recorded_paths import lies_inside, recorded_md5
from relight.repository.revisions import LOCK_PATH, Lock, read_lock
from relight.runtime.messages import abbreviate
from relight.runtime.workspace import repository_root

PIPELINE_FILE = Path("dvc.yaml")


class BrokenLock(NamedTuple):
    """A dvc.lock that cannot be read.

    Attributes:
        has_marks: whether it holds those of a merge.
        is_committed: whether that of HEAD can be read.
    """

    has_marks: bool
    is_committed: bool


class LockedOutput(NamedTuple):
    """An out that dvc.lock records and DVC caches: a file or a folder.

    Attributes:
        files: the MD5 of each file of a folder, by its path; None if the list of the folder is lost.
        missing: the MD5 of each of its objects that is not in the cache.
        here: the MD5 of what is in the workspace; None unless one of its objects is missing or damaged.
    """

    stage: str
    path: str
    md5: str
    size: int
    files: dict[str, str] | None
    missing: tuple[str, ...]
    here: str | None

    @property
    def is_file(self) -> bool:
        """Return whether it is a file and not a folder."""
        return not self.md5.endswith(FOLDER_SUFFIX)


def read_locked_stages() -> Lock | BrokenLock:
    """Return the stages of the dvc.lock in the workspace."""
    path = Path(LOCK_PATH)
    if not path.exists():
        return {}
    text = path.read_bytes()
    try:
        return read_lock(text)
    except InputError:
        return BrokenLock(b"\n<<<<<<< " in b"\n" + text, _is_committed())


def _is_committed() -> bool:
    try:
        read_lock(read_files_at([("HEAD", LOCK_PATH)])["HEAD", LOCK_PATH])
    except (InputError, KeyError):
        return False
    return run_git("ls-files", "--unmerged", LOCK_PATH) == ""


def locked_outputs(stages: Lock, cache: Path, damaged: set[str]) -> list[LockedOutput]:
    """Return all outs that DVC caches, except those outside of the repository.

    Args:
        damaged: the MD5 of each object that is damaged.
    """
    passed_over = {*_uncached_paths(), *outs_elsewhere(stages)}
    outs = [(stage, entry) for stage, locked in stages.items() for entry in locked.outs.values()]
    return [
        _locked_output(stage, _as_argument(entry.path), entry.md5, entry.size, cache, damaged)
        for stage, entry in outs
        if entry.path not in passed_over
    ]


def _as_argument(path: str) -> str:
    """Return the path as no command takes it for an option."""
    return f"./{path}" if path.startswith("-") else path


def outs_elsewhere(stages: Lock) -> list[str]:
    """Return the outs that lie outside of the repository, or follow a link to there: no command may touch them."""
    root = repository_root().resolve()
    return [path for locked in stages.values() for path in locked.outs if not lies_inside(Path(path), root)]


def _locked_output(stage: str, path: str, md5: str, size: int, cache: Path, damaged: set[str]) -> LockedOutput:
    missing = [md5] if not (cache / object_path(md5)).exists() else []
    files: dict[str, str] | None = {}
    if md5.endswith(FOLDER_SUFFIX):
        is_usable = not missing and is_intact(cache, md5) and not list_problems(cache, [md5])  # the cache names others
        files = folder_files(cache, md5) if is_usable else None
        missing += [file for file in (files or {}).values() if not (cache / object_path(file)).exists()]
    is_broken = missing or damaged & {md5, *(files or {}).values()}
    return LockedOutput(stage, path, md5, size, files, tuple(missing), recorded_md5(path) if is_broken else None)


def _uncached_paths() -> set[str]:
    """Return the outs, metrics and plots with `cache: false` in dvc.yaml: Git keeps them."""
    if not PIPELINE_FILE.exists():
        return set()
    stages = (yaml.safe_load(PIPELINE_FILE.read_bytes()) or {}).get("stages") or {}
    entries = [stage.get("do", stage) for stage in stages.values()]  # `do`: of a stage with `foreach`
    items = [item for entry in entries for key in ("outs", "metrics", "plots") for item in entry.get(key) or []]
    return {
        path
        for item in items
        if isinstance(item, dict)
        for path, options in item.items()
        if options and options.get("cache") is False
    }


def broken_lock_finding(lock: BrokenLock) -> Finding:
    """Return the commands for a dvc.lock that cannot be read; which version to keep is the person's choice."""
    reason = "dvc cannot tell which stages are up to date"
    commands: tuple[Command, ...]
    if lock.has_marks:
        commands = (("git", "checkout", "--ours", LOCK_PATH), ("dvc", "repro"), ("git", "add", LOCK_PATH))
        note = "`dvc repro` runs the stages that differ from it"
        return Finding("dvc.lock holds the marks of a merge", reason, commands, note=note)
    restore = ("git", "checkout", "HEAD", LOCK_PATH) if lock.is_committed else ("mv", LOCK_PATH, "dvc.lock.damaged")
    return Finding("dvc.lock is cut short or damaged", reason, (restore, ("dvc", "repro")))


def missing_output_finding(out: LockedOutput, cache: Path, *, has_remote: bool) -> Finding:
    """Return how to restore an out that the cache lacks: from the workspace, a remote or a new run."""
    repro = ("dvc", "repro", out.stage)
    if out.here == out.md5:
        problem = f"dvc.lock records {out.path}, and the cache has not got it; only the workspace has"
        reason = "a `dvc push` leaves it out, and the next run of the stage removes it"
        if not out.is_file:
            return Finding(problem, reason, (repro,), note="a full disk causes this, and DVC still exits with 0")
        target = cache / object_path(out.md5)
        copy = (("mkdir", "-p", str(target.parent)), ("cp", out.path, str(target)), ("chmod", "444", str(target)))
        return Finding(problem, reason, copy, is_safe=True)
    count = f"{len(out.missing)} of its files" if out.files is not None and len(out.missing) > 1 else "it"
    problem = f"dvc.lock records {out.path}, and neither cache nor workspace has {count}"
    commands = (("dvc", "pull", out.path), repro) if has_remote else (repro,)
    return Finding(problem, "it can be neither checked out nor pushed", commands)


def _elsewhere_finding(path: str) -> Finding:
    problem = f"dvc.lock records {path}, which lies outside of the repository; it was not looked at"
    reason = "dvc would write and remove it there"
    return Finding(problem, reason, (("git", "log", "-p", "--", LOCK_PATH),), note="the log shows who wrote it")


def nothing_cached_finding(paths: Sequence[str], *, has_remote: bool) -> Finding:
    """Return one finding for all outs, because a fresh clone has none of them."""
    problem = f"dvc.lock records {len(paths)} outs ({abbreviate(paths)}), and neither cache nor workspace has any"
    command = ("dvc", "pull") if has_remote else ("dvc", "repro")
    return Finding(problem, "a fresh clone begins like this", (command,))


def check_lock(stages: Lock | BrokenLock, outs: list[LockedOutput], cache: Path, *, has_remote: bool) -> CheckResult:
    """Look at dvc.lock, and at the outs that it records."""
    if isinstance(stages, BrokenLock):
        return CheckResult("dvc.lock", "is damaged", [broken_lock_finding(stages)])
    findings = [_elsewhere_finding(path) for path in outs_elsewhere(stages)]
    findings += _output_findings(outs, cache, has_remote)
    return CheckResult("dvc.lock", f"stages: {len(stages)}; cached outs: {len(outs)}", findings)


def _output_findings(outs: list[LockedOutput], cache: Path, has_remote: bool) -> list[Finding]:
    gone = [out for out in outs if out.missing]
    if outs and len(gone) == len(outs) and not any(out.here for out in gone):
        return [nothing_cached_finding([out.path for out in gone], has_remote=has_remote)]
    return [missing_output_finding(out, cache, has_remote=has_remote) for out in gone]
