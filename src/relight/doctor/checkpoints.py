"""Checkpoints of unfinished runs that have not been continued; `train/checkpoints.py` writes them."""

import time
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import CheckResult, Finding
from relight.runtime.lifetime import is_locked
from relight.runtime.runner import CHECKPOINTS_NAME, FINISHED_NAME
from relight.runtime.workspace import scratch_folder

STALE_AFTER_DAYS = 14  # an unfinished run is likely to be forgotten by then


class RunCheckpoints(NamedTuple):
    """The checkpoints of one run.

    Attributes:
        days: since something was last written there.
        is_finished: whether the model of the run was written after them.
    """

    path: str
    n_bytes: int
    days: float
    is_finished: bool


def leftover_checkpoints() -> list[RunCheckpoints]:
    """Return the checkpoints of this model's runs that are not running now."""
    folders = sorted(path for path in (scratch_folder() / CHECKPOINTS_NAME).glob("*") if path.is_dir())
    return [_run_checkpoints(folder) for folder in folders if not is_locked(folder / "lock")]


def _run_checkpoints(folder: Path) -> RunCheckpoints:
    stats = [path.stat() for path in folder.iterdir()]
    newest = max([folder.stat().st_mtime, *(stat.st_mtime for stat in stats)])
    days = (time.time() - newest) / 86_400
    return RunCheckpoints(str(folder), sum(stat.st_size for stat in stats), days, (folder / FINISHED_NAME).exists())


def checkpoint_findings(run: RunCheckpoints) -> list[Finding]:
    """Return a finding if the checkpoints are old; only those of a finished run are safe to delete."""
    if run.days <= STALE_AFTER_DAYS:
        return []
    end = "a run that ended well" if run.is_finished else "a run that never ended"
    problem = f"{run.path}: checkpoints of {end}, {run.days:.0f} days old ({run.n_bytes / 1e6:.1f} MB)"
    reason = (
        "they are not needed any more"
        if run.is_finished
        else "only a `dvc repro` with the same params, data and code would continue it"
    )
    return [Finding(problem, reason, (("rm", "-r", run.path),), is_safe=run.is_finished)]


def check_checkpoints() -> CheckResult:
    """Look at the checkpoints of all runs in this folder."""
    runs = leftover_checkpoints()
    findings = [finding for run in runs for finding in checkpoint_findings(run)]
    return CheckResult("checkpoints", f"runs: {len(runs)}; {sum(run.n_bytes for run in runs) / 1e6:.1f} MB", findings)
