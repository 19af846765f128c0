"""Lock, cache, disk, checkpoints.

Crash checkpoints that nobody has gone on from.

Crash checkpoints of this repository: see io/resume.py, which writes them.

What is looked at of files: dvc.lock, the cache, its disk, and checkpoints.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from relight.doctor import cache, dvc_lock, environment, settings
from relight.doctor.finding import CheckResult, Finding
from relight.repository.dvc import cache_folder
from relight.repository.objects import object_path
from relight.repository.revisions import LockedStage
from relight.runtime.runner import FINISHED_NAME

STALE_AFTER_DAYS = 14  # after which an unfinished run is likely to be forgotten
CHECKPOINTS_FOLDER = Path(".dvc/tmp/relight/checkpoints")


def checkpoint_findings(*, path: str, n_bytes: int, days: float, is_finished: bool) -> list[Finding]:
    """
    Args:
        days: since they were written.
        is_finished: whether the model was written after them.
    """
    if days <= STALE_AFTER_DAYS:
        return []
    run = "a run that ended well" if is_finished else "a run that never ended"
    what = f"{path}: checkpoints of {run}, {days:.0f} days old ({n_bytes / 1e6:.1f} MB)"
    why = "nobody needs them" if is_finished else "only a `dvc repro` with just its params, data and code goes on there"
    return [Finding(what, why, (("rm", "-r", path),), is_safe=is_finished)]


class RunCheckpoints(NamedTuple):
    """The checkpoints of one run.

    Attributes:
        days: since something was written there.
        is_finished: whether its model was written after them.
    """

    path: str
    n_bytes: int
    days: float
    is_finished: bool


def leftover_checkpoints() -> list[RunCheckpoints]:
    """Of runs that do not run now."""
    folders = sorted(path for path in CHECKPOINTS_FOLDER.glob("*") if path.is_dir())
    return [_run_checkpoints(folder) for folder in folders if not _is_held(folder / "lock")]


def _run_checkpoints(folder: Path) -> RunCheckpoints:
    stats = [path.stat() for path in folder.iterdir()]
    newest = max([folder.stat().st_mtime, *(stat.st_mtime for stat in stats)])
    days = (time.time() - newest) / 86_400
    return RunCheckpoints(str(folder), sum(stat.st_size for stat in stats), days, (folder / FINISHED_NAME).exists())


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def check_files() -> list[CheckResult]:
    """dvc.lock, the cache and its disk."""
    folder = Path(os.path.relpath(cache_folder()))
    stages = dvc_lock.read_locked_stages()
    if isinstance(stages, dvc_lock.BrokenLock):
        locked = CheckResult("dvc.lock", "is damaged", [dvc_lock.broken_lock_finding(**stages._asdict())])
        return [locked, _check_cache(folder, cache.rehash_cache(folder), []), _check_disk(folder, {})]
    hashed = cache.rehash_cache(folder)
    outs = dvc_lock.locked_outputs(stages, folder, {damaged.md5 for damaged in hashed.damaged})
    locked = CheckResult("dvc.lock", f"stages: {len(stages)}; cached outs: {len(outs)}", _output_findings(outs, folder))
    return [locked, _check_cache(folder, hashed, outs), _check_disk(folder, stages)]


def _output_findings(outs: list[dvc_lock.LockedOutput], folder: Path) -> list[Finding]:
    gone = [out for out in outs if out.missing]
    if outs and len(gone) == len(outs) and not any(out.here for out in gone):
        return [dvc_lock.nothing_cached_finding([out.path for out in gone], has_remote=_has_remote())]
    return [
        dvc_lock.missing_output_finding(
            path=out.path,
            stage=out.stage,
            n_missing=len(out.missing),
            has_list=out.files is not None,
            is_here=out.here == out.md5,
            copy_to=str(folder / object_path(out.md5)) if out.files == {} else None,
            has_remote=_has_remote(),
        )
        for out in gone
    ]


def _check_cache(folder: Path, hashed: cache.CacheState, outs: list[dvc_lock.LockedOutput]) -> CheckResult:
    findings = [_object_finding(damaged, outs) for damaged in hashed.damaged]
    temporary = hashed.temporary
    findings += cache.temporary_file_findings([one.path for one in temporary], sum(one.size for one in temporary))
    size = f"{hashed.n_objects} objects, {hashed.n_bytes / 1e6:.1f} MB hashed again in {hashed.seconds:.1f} s"
    return CheckResult("cache", f"{folder}: {size}", findings)


def _object_finding(damaged: cache.DamagedObject, outs: list[dvc_lock.LockedOutput]) -> Finding:
    paths = list(_workspace_paths(damaged.md5, outs))
    here = {path: dvc_lock.workspace_md5(Path(path)) for path in paths}
    return cache.damaged_object_finding(
        path=damaged.path,
        md5=damaged.md5,
        size=damaged.size,
        outs=paths,
        intact=next((path for path, md5 in here.items() if md5 == damaged.md5 and Path(path).is_file()), None),
        spoilt=[path for path, md5 in here.items() if md5 is not None and md5 == damaged.actual],
        has_remote=_has_remote(),
    )


def _workspace_paths(md5: str, outs: list[dvc_lock.LockedOutput]) -> Iterable[str]:
    """Of the workspace, whose content it is."""
    for out in outs:
        if out.md5 == md5:
            yield out.path
        yield from (f"{out.path}/{name}" for name, one in (out.files or {}).items() if one == md5)


def _check_disk(folder: Path, stages: dict[str, LockedStage]) -> CheckResult:
    disk = environment.probe_disk(folder)
    needed = sum(out.size for stage in stages.values() for out in stage.outs.values())
    findings = environment.disk_findings(cache=str(folder), error=disk.error, free=disk.free, needed=needed)
    return CheckResult("disk", f"{disk.free / 1e9:.1f} GB free for the folder, a file can be written", findings)


def check_checkpoints() -> CheckResult:
    kept = leftover_checkpoints()
    findings = [finding for one in kept for finding in checkpoint_findings(**one._asdict())]
    return CheckResult("checkpoints", f"runs: {len(kept)}; {sum(one.n_bytes for one in kept) / 1e6:.1f} MB", findings)


def _has_remote() -> bool:
    config = settings.read_dvc_config(has_git=False)
    return bool(settings.remote_names(config.committed, config.local))
