"""What is looked at of files: dvc.lock, the cache, its disk, and checkpoints."""

import os
from collections.abc import Iterable
from pathlib import Path

from relight.domain.doctor import leftovers as of_leftovers
from relight.domain.doctor import objects as of_objects
from relight.domain.doctor import recorded as of_recorded
from relight.domain.doctor import settings as of_settings
from relight.domain.doctor import surroundings as of_surroundings
from relight.domain.doctor.finding import Finding, Look
from relight.io.doctor import leftovers, objects, recorded, settings, surroundings
from relight.io.dvc import cache_folder
from relight.io.lock_file import LockedStage
from relight.io.objects import object_path


def look_at_files() -> list[Look]:
    """dvc.lock, the cache and its disk."""
    cache = Path(os.path.relpath(cache_folder()))
    stages = recorded.read_recorded()
    if isinstance(stages, recorded.Broken):
        locked = Look("dvc.lock", "is damaged", [of_recorded.of_broken(**stages._asdict())])
        return [locked, _look_at_cache(cache, objects.hash_again(cache), []), _look_at_disk(cache, {})]
    hashed = objects.hash_again(cache)
    outs = recorded.outs_of(stages, cache, {damaged.md5 for damaged in hashed.damaged})
    locked = Look("dvc.lock", f"stages: {len(stages)}; cached outs: {len(outs)}", _of_outs(outs, cache))
    return [locked, _look_at_cache(cache, hashed, outs), _look_at_disk(cache, stages)]


def _of_outs(outs: list[recorded.Out], cache: Path) -> list[Finding]:
    gone = [out for out in outs if out.missing]
    if outs and len(gone) == len(outs) and not any(out.here for out in gone):
        return [of_recorded.of_nothing([out.path for out in gone], has_remote=_has_remote())]
    return [
        of_recorded.of_out(
            path=out.path,
            stage=out.stage,
            n_missing=len(out.missing),
            has_list=out.files is not None,
            is_here=out.here == out.md5,
            copy_to=str(cache / object_path(out.md5)) if out.files == {} else None,
            has_remote=_has_remote(),
        )
        for out in gone
    ]


def _look_at_cache(cache: Path, hashed: objects.Cache, outs: list[recorded.Out]) -> Look:
    found = [_of_object(damaged, outs) for damaged in hashed.damaged]
    temporary = hashed.temporary
    found += of_objects.of_temporary([one.path for one in temporary], sum(one.size for one in temporary))
    size = f"{hashed.n_objects} objects, {hashed.n_bytes / 1e6:.1f} MB hashed again in {hashed.seconds:.1f} s"
    return Look("cache", f"{cache}: {size}", found)


def _of_object(damaged: objects.Damaged, outs: list[recorded.Out]) -> Finding:
    paths = list(_places(damaged.md5, outs))
    here = {path: recorded.md5_here(Path(path)) for path in paths}
    return of_objects.of_object(
        path=damaged.path,
        md5=damaged.md5,
        size=damaged.size,
        outs=paths,
        intact=next((path for path, md5 in here.items() if md5 == damaged.md5 and Path(path).is_file()), None),
        spoilt=[path for path, md5 in here.items() if md5 is not None and md5 == damaged.actual],
        has_remote=_has_remote(),
    )


def _places(md5: str, outs: list[recorded.Out]) -> Iterable[str]:
    """Of the workspace, whose content it is."""
    for out in outs:
        if out.md5 == md5:
            yield out.path
        yield from (f"{out.path}/{name}" for name, one in (out.files or {}).items() if one == md5)


def _look_at_disk(cache: Path, stages: dict[str, LockedStage]) -> Look:
    disk = surroundings.look_at_disk(cache)
    needed = sum(out.size for stage in stages.values() for out in stage.outs.values())
    found = of_surroundings.of_disk(cache=str(cache), error=disk.error, free=disk.free, needed=needed)
    return Look("disk", f"{disk.free / 1e9:.1f} GB free for the cache, a file can be written", found)


def look_at_checkpoints() -> Look:
    kept = leftovers.kept_checkpoints()
    found = [finding for one in kept for finding in of_leftovers.of_checkpoints(**one._asdict())]
    return Look("checkpoints", f"runs: {len(kept)}; {sum(one.n_bytes for one in kept) / 1e6:.1f} MB", found)


def _has_remote() -> bool:
    known = settings.read_settings(has_git=False)
    return bool(of_settings.remotes(known.committed, known.local))
