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
from relight.doctor.finding import Finding, Look
from relight.repository.dvc import cache_folder
from relight.repository.objects import object_path
from relight.repository.revisions import LockedStage
from relight.runtime.runner import FINISHED

DAYS = 14  # after which an unfinished run is likely to be forgotten
CHECKPOINTS = Path(".dvc/tmp/relight/checkpoints")


def of_checkpoints(*, path: str, n_bytes: int, days: float, is_finished: bool) -> list[Finding]:
    """
    Args:
        days: since they were written.
        is_finished: whether the model was written after them.
    """
    if days <= DAYS:
        return []
    run = "a run that ended well" if is_finished else "a run that never ended"
    what = f"{path}: checkpoints of {run}, {days:.0f} days old ({n_bytes / 1e6:.1f} MB)"
    why = "nobody needs them" if is_finished else "only a `dvc repro` with just its params, data and code goes on there"
    return [Finding(what, why, (("rm", "-r", path),), is_safe=is_finished)]


class Kept(NamedTuple):
    """The checkpoints of one run.

    Attributes:
        days: since something was written there.
        is_finished: whether its model was written after them.
    """

    path: str
    n_bytes: int
    days: float
    is_finished: bool


def kept_checkpoints() -> list[Kept]:
    """Of runs that do not run now."""
    folders = sorted(path for path in CHECKPOINTS.glob("*") if path.is_dir())
    return [_kept(folder) for folder in folders if not _is_held(folder / "lock")]


def _kept(folder: Path) -> Kept:
    stats = [path.stat() for path in folder.iterdir()]
    newest = max([folder.stat().st_mtime, *(stat.st_mtime for stat in stats)])
    days = (time.time() - newest) / 86_400
    return Kept(str(folder), sum(stat.st_size for stat in stats), days, (folder / FINISHED).exists())


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with open(lock, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def look_at_files() -> list[Look]:
    """dvc.lock, the cache and its disk."""
    folder = Path(os.path.relpath(cache_folder()))
    stages = dvc_lock.read_recorded()
    if isinstance(stages, dvc_lock.Broken):
        locked = Look("dvc.lock", "is damaged", [dvc_lock.of_broken(**stages._asdict())])
        return [locked, _look_at_cache(folder, cache.hash_again(folder), []), _look_at_disk(folder, {})]
    hashed = cache.hash_again(folder)
    outs = dvc_lock.outs_of(stages, folder, {damaged.md5 for damaged in hashed.damaged})
    locked = Look("dvc.lock", f"stages: {len(stages)}; cached outs: {len(outs)}", _of_outs(outs, folder))
    return [locked, _look_at_cache(folder, hashed, outs), _look_at_disk(folder, stages)]


def _of_outs(outs: list[dvc_lock.Out], folder: Path) -> list[Finding]:
    gone = [out for out in outs if out.missing]
    if outs and len(gone) == len(outs) and not any(out.here for out in gone):
        return [dvc_lock.of_nothing([out.path for out in gone], has_remote=_has_remote())]
    return [
        dvc_lock.of_out(
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


def _look_at_cache(folder: Path, hashed: cache.Cache, outs: list[dvc_lock.Out]) -> Look:
    found = [_of_object(damaged, outs) for damaged in hashed.damaged]
    temporary = hashed.temporary
    found += cache.of_temporary([one.path for one in temporary], sum(one.size for one in temporary))
    size = f"{hashed.n_objects} objects, {hashed.n_bytes / 1e6:.1f} MB hashed again in {hashed.seconds:.1f} s"
    return Look("cache", f"{folder}: {size}", found)


def _of_object(damaged: cache.Damaged, outs: list[dvc_lock.Out]) -> Finding:
    paths = list(_places(damaged.md5, outs))
    here = {path: dvc_lock.md5_here(Path(path)) for path in paths}
    return cache.of_object(
        path=damaged.path,
        md5=damaged.md5,
        size=damaged.size,
        outs=paths,
        intact=next((path for path, md5 in here.items() if md5 == damaged.md5 and Path(path).is_file()), None),
        spoilt=[path for path, md5 in here.items() if md5 is not None and md5 == damaged.actual],
        has_remote=_has_remote(),
    )


def _places(md5: str, outs: list[dvc_lock.Out]) -> Iterable[str]:
    """Of the workspace, whose content it is."""
    for out in outs:
        if out.md5 == md5:
            yield out.path
        yield from (f"{out.path}/{name}" for name, one in (out.files or {}).items() if one == md5)


def _look_at_disk(folder: Path, stages: dict[str, LockedStage]) -> Look:
    disk = environment.look_at_disk(folder)
    needed = sum(out.size for stage in stages.values() for out in stage.outs.values())
    found = environment.of_disk(cache=str(folder), error=disk.error, free=disk.free, needed=needed)
    return Look("disk", f"{disk.free / 1e9:.1f} GB free for the folder, a file can be written", found)


def look_at_checkpoints() -> Look:
    kept = kept_checkpoints()
    found = [finding for one in kept for finding in of_checkpoints(**one._asdict())]
    return Look("checkpoints", f"runs: {len(kept)}; {sum(one.n_bytes for one in kept) / 1e6:.1f} MB", found)


def _has_remote() -> bool:
    known = settings.read_settings(has_git=False)
    return bool(settings.remotes(known.committed, known.local))
