"""Damaged cache objects.

Damaged and unfinished files of the cache. A damaged one is put aside, never deleted: it may be the only copy.

Every object of the cache, hashed again: DVC trusts any read-only file by its name.
"""

import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from relight.doctor.finding import Command, Finding
from relight.repository.objects import FOLDER_SUFFIX, file_md5

QUARANTINE = ".dvc/tmp/relight/damaged"
OBJECT_NAME = re.compile(r"[0-9a-f]{30}(\.dir)?$")
N_HASHING_THREADS = 4  # hashing lets the others run


def damaged_object_finding(
    *,
    path: str,
    md5: str,
    size: int,
    outs: Sequence[str],
    intact: str | None,
    spoilt: Sequence[str],
    has_remote: bool,
) -> Finding:
    """
    Args:
        md5: by which DVC knows it.
        outs: files of the present dvc.lock that it is the content of.
        intact: a file of the workspace with the right bytes.
        spoilt: files of the workspace with the bytes of the damaged object.
        has_remote: whether there is one to pull from.
    """
    damage = "is empty" if size == 0 else "is damaged"
    whose = f"the content of {', '.join(outs)}" if outs else "of another run than the last"
    put_aside: list[Command] = [("mkdir", "-p", QUARANTINE), ("mv", path, f"{QUARANTINE}/{md5}")]
    put_aside += [("rm", file) for file in spoilt]
    if intact is not None:
        put_aside += [("cp", intact, path), ("chmod", "444", path)]
    is_needed = intact is None and outs
    again: tuple[Command, ...] = (("dvc", "pull", *outs),) if has_remote else ()
    return Finding(
        f"{path} {damage}: {whose}",
        "DVC trusts its name, checks it out and pushes it without a word",
        tuple(put_aside),
        is_safe=True,
        follow_up_commands=(*again, ("dvc", "repro")) if is_needed else (),
        note="" if intact is None else f"{intact} has the right bytes",
    )


def temporary_file_findings(paths: Sequence[str], n_bytes: int) -> list[Finding]:
    """
    Args:
        paths: of files that a copy into the cache did not finish, an hour ago or earlier.
    """
    if not paths:
        return []
    what = f"the cache holds {len(paths)} unfinished copies ({n_bytes / 1e6:.1f} MB), such as {paths[0]}"
    return [Finding(what, "a kill or a full disk left them, and nothing removes them", (("rm", "-f", *paths),), True)]


class DamagedObject(NamedTuple):
    """
    Attributes:
        md5: the name of the object.
        actual: the MD5 of the bytes that are there; None where they cannot be read.
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
    """
    Attributes:
        seconds: that hashing took.
        temporary: those that are older than an hour.
    """

    n_objects: int
    n_bytes: int
    seconds: float
    damaged: list[DamagedObject]
    temporary: list[TemporaryFile]


def rehash_cache(cache: Path) -> CacheState:
    """Each object, also one that is read-only."""
    start = time.monotonic()
    objects, temporary = [], []
    for path in _files_in(cache):
        if path.name.endswith(".tmp"):
            temporary.append(path)
        elif OBJECT_NAME.match(path.name) and path.parent.parent == cache / "files/md5":
            objects.append(path)
    with ThreadPoolExecutor(max_workers=min(N_HASHING_THREADS, os.cpu_count() or 1)) as pool:
        damaged = [damage for damage in pool.map(_find_damage, objects) if damage is not None]
    return CacheState(
        len(objects),
        sum(path.stat().st_size for path in objects),
        time.monotonic() - start,
        damaged,
        [TemporaryFile(str(path), path.stat().st_size) for path in temporary if _is_old(path)],
    )


def _files_in(folder: Path) -> Iterator[Path]:
    """In an order that does not depend on the disk."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _find_damage(path: Path) -> DamagedObject | None:
    md5 = path.parent.name + path.name
    try:
        actual = file_md5(path)
    except OSError:  # a bad block
        return DamagedObject(str(path), md5, None, path.stat().st_size)
    return (
        None
        if actual == md5.removesuffix(FOLDER_SUFFIX)
        else DamagedObject(str(path), md5, actual, path.stat().st_size)
    )


def _is_old(path: Path, seconds: float = 3600) -> bool:
    return time.time() - path.stat().st_mtime > seconds
