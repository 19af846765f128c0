"""The cache, hashed again: DVC trusts any read-only file by its name, so that it does not see damage.

A damaged object is moved aside and never deleted, because it may be the only copy.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from relight.doctor.dvc_lock import LockedOutput
from relight.doctor.finding import CheckResult, Command, Finding
from relight.repository.objects import FOLDER_SUFFIX, file_md5, list_problems, object_path
from relight.repository.recorded_paths import recorded_md5
from relight.runtime.workspace import scratch_folder

QUARANTINE_NAME = "damaged"  # in the scratch folder
PREFIX_NAME = re.compile(r"[0-9a-f]{2}")  # of the folder of an object
OBJECT_NAME = re.compile(r"[0-9a-f]{30}(\.dir)?")
TEMPORARY_NAME = re.compile(r"([0-9a-f]{30}(\.dir)?)?\.[\w-]{22}\.tmp")  # dvc_objects.fs.utils.tmp_fname
N_HASHING_THREADS = 4  # hashing releases the interpreter lock
TEMPORARY_SECONDS = 3600  # a copy into the cache is finished by then


class DamagedObject(NamedTuple):
    """An object whose bytes are not those of its name.

    Attributes:
        md5: the name of the object.
        actual: the MD5 of its bytes; None if they cannot be read.
        size: bytes.
    """

    path: str
    md5: str
    actual: str | None
    size: int


class TemporaryFile(NamedTuple):
    """A file that a copy into the cache did not finish."""

    path: str
    size: int


class CacheState(NamedTuple):
    """The cache, hashed again.

    Attributes:
        seconds: the time that hashing took.
        temporary: those that are older than an hour.
        bad_lists: lists of folders that name other places, with what is wrong; their bytes are those of their names.
    """

    n_objects: int
    n_bytes: int
    seconds: float
    damaged: list[DamagedObject]
    temporary: list[TemporaryFile]
    bad_lists: dict[str, str]


def rehash_cache(cache: Path) -> CacheState:
    """Hash every object again, also the read-only ones."""
    start = time.monotonic()
    objects, temporary = [], []
    for path in _files_in(cache):
        if TEMPORARY_NAME.fullmatch(path.name) and _is_own(path):
            temporary.append(path)
        elif OBJECT_NAME.fullmatch(path.name):
            objects.append(path)
    with ThreadPoolExecutor(max_workers=min(N_HASHING_THREADS, os.cpu_count() or 1)) as pool:
        damaged = [damage for damage in pool.map(_find_damage, objects) if damage is not None]
    return CacheState(
        len(objects),
        sum(path.stat().st_size for path in objects),
        time.monotonic() - start,
        damaged,
        [TemporaryFile(str(path), path.stat().st_size) for path in temporary if _is_old(path)],
        {md5: problem for path in objects for md5 in [_md5_of(path)] for problem in list_problems(cache, [md5])},
    )


def _files_in(cache: Path) -> Iterator[Path]:
    """Yield the files where DVC puts objects, in an order that does not depend on the disk; no link is followed.

    The folder of the cache stands in .dvc/config, which anybody may have written: it may be somebody's home.
    """
    prefixes = cache / "files/md5"
    if prefixes.is_dir() and not any(folder.is_symlink() for folder in (prefixes, prefixes.parent)):
        folders = sorted(folder for folder in prefixes.iterdir() if PREFIX_NAME.fullmatch(folder.name))
        for folder in (folder for folder in folders if folder.is_dir() and not folder.is_symlink()):
            yield from sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def _is_own(path: Path) -> bool:
    return path.stat().st_uid == os.getuid()


def _md5_of(path: Path) -> str:
    return path.parent.name + path.name


def _find_damage(path: Path) -> DamagedObject | None:
    md5 = _md5_of(path)
    try:
        actual = file_md5(path)
    except OSError:  # a bad block
        return DamagedObject(str(path), md5, None, path.stat().st_size)
    if actual == md5.removesuffix(FOLDER_SUFFIX):
        return None
    return DamagedObject(str(path), md5, actual, path.stat().st_size)


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > TEMPORARY_SECONDS


def damaged_object_finding(
    damaged: DamagedObject, *, outs: Sequence[str], intact: str | None, spoilt: Sequence[str], has_remote: bool
) -> Finding:
    """Return how to move the object aside, and how to restore it from the workspace, a remote or a new run.

    Args:
        outs: files of the present dvc.lock whose content it is.
        intact: a file of the workspace with the right bytes.
        spoilt: files of the workspace with the damaged bytes.
        has_remote: whether there is one to pull from.
    """
    path = damaged.path
    damage = "is empty" if damaged.size == 0 else "is damaged"
    owner = f"the content of {', '.join(outs)}" if outs else "it belongs to another run than the last one here"
    quarantine = str(scratch_folder() / QUARANTINE_NAME)
    commands: list[Command] = [("mkdir", "-p", quarantine), ("mv", path, f"{quarantine}/{damaged.md5}")]
    commands += [("rm", file) for file in spoilt]
    if intact is not None:
        commands += [("cp", intact, path), ("chmod", "444", path)]
    is_lost = intact is None and outs
    pull: tuple[Command, ...] = (("dvc", "pull", *outs),) if has_remote else ()
    return Finding(
        f"{path} {damage}: {owner}",
        "DVC does not hash it again, so that it would be checked out and pushed silently",
        tuple(commands),
        is_safe=True,
        follow_up_commands=(*pull, ("dvc", "repro")) if is_lost else (),
        note="" if intact is None else f"{intact} has the right bytes",
    )


def temporary_file_findings(files: Sequence[TemporaryFile]) -> list[Finding]:
    """Return one finding for all unfinished copies."""
    if not files:
        return []
    megabytes = sum(file.size for file in files) / 1e6
    problem = f"the cache holds {len(files)} unfinished copies ({megabytes:.1f} MB), such as {files[0].path}"
    remove = ("rm", "-f", *(file.path for file in files))
    return [Finding(problem, "a kill or a full disk left them, and nothing removes them", (remove,), is_safe=True)]


def bad_list_findings(cache: Path, lists: Mapping[str, str]) -> list[Finding]:
    """Return how to move each list of a folder aside by which `dvc checkout` would write elsewhere."""
    quarantine = str(scratch_folder() / QUARANTINE_NAME)
    reason = "somebody has written it by hand, and `dvc checkout` or `dvc pull` would follow it"
    return [
        Finding(
            problem,
            reason,
            (("mkdir", "-p", quarantine), ("mv", str(cache / object_path(md5)), f"{quarantine}/{md5}")),
            is_safe=True,
            note="ask who wrote dvc.lock, or the .dvc file, that names it",
        )
        for md5, problem in lists.items()
    ]


def check_cache(folder: Path, state: CacheState, outs: list[LockedOutput], *, has_remote: bool) -> CheckResult:
    """Look at the objects and at the unfinished copies.

    Args:
        outs: of the present dvc.lock.
    """
    findings = [_object_finding(damaged, outs, has_remote) for damaged in state.damaged]
    findings += temporary_file_findings(state.temporary) + bad_list_findings(folder, state.bad_lists)
    size = f"{state.n_objects} objects, {state.n_bytes / 1e6:.1f} MB hashed again in {state.seconds:.1f} s"
    return CheckResult("cache", f"{folder}: {size}", findings)


def _object_finding(damaged: DamagedObject, outs: list[LockedOutput], has_remote: bool) -> Finding:
    paths = list(_workspace_paths(damaged.md5, outs))
    md5s = {path: recorded_md5(path) for path in paths}
    return damaged_object_finding(
        damaged,
        outs=paths,
        intact=next((path for path, md5 in md5s.items() if md5 == damaged.md5 and Path(path).is_file()), None),
        spoilt=[path for path, md5 in md5s.items() if md5 is not None and md5 == damaged.actual],
        has_remote=has_remote,
    )


def _workspace_paths(md5: str, outs: list[LockedOutput]) -> Iterator[str]:
    """Yield the outs, and the files of folders, whose content is recorded with this MD5."""
    for out in outs:
        if out.md5 == md5:
            yield out.path
        yield from (f"{out.path}/{name}" for name, file in (out.files or {}).items() if file == md5)
