"""DVC's objects: files that are named by the MD5 of their bytes, in a cache or on a remote.

A folder is an object as well: the JSON list of its files, whose name is the MD5 of that list and ends in `.dir`.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

from relight.errors import InputError, RunError, problems_of
from relight.runtime.dependencies import ignored_names, is_ignored

FOLDER_SUFFIX = ".dir"
READ_BYTES = 1 << 20  # of a file at a time
MAX_PATH_BYTES, MAX_NAME_BYTES = 4096, 255  # of Linux and of most disks
MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")

ObjectState = Literal["intact", "damaged", "missing"]


def bytes_md5(content: bytes) -> str:
    """Return the MD5 in hexadecimal digits."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def stream_md5(file: BinaryIO) -> str:
    """Return the MD5 of what is left to read of an open file, here or on a remote."""
    digest = hashlib.md5(usedforsecurity=False)
    while part := file.read(READ_BYTES):
        digest.update(part)
    return digest.hexdigest()


def file_md5(path: Path) -> str:
    """Return the MD5 of the bytes of a file."""
    with open(path, "rb") as file:
        return stream_md5(file)


def folder_md5(files: Iterable[tuple[str, str]]) -> str:
    """Return the name that DVC gives to a folder (dvc-data, `Tree.as_bytes`).

    DVC sorts the list by the path as one text, not by its parts: `b-a` comes before `b/c`.

    Args:
        files: path in the folder and MD5 of each file.
    """
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(files)]
    return bytes_md5(json.dumps(entries, sort_keys=True).encode()) + FOLDER_SUFFIX


def path_md5(path: Path) -> str | None:
    """Return the name that DVC gives to a file or folder as it is now; None if there is neither."""
    if path.is_dir():
        ignored, below = ignored_names(path), [file for file in path.rglob("*") if file.is_file()]
        files = [file for file in below if not is_ignored(file.relative_to(path).parts, ignored)]
        return folder_md5((file.relative_to(path).as_posix(), file_md5(file)) for file in files)
    return file_md5(path) if path.is_file() else None


def assert_md5(md5: Any, source: str) -> str:
    """Return an MD5 that a file names, which anybody may have written: a path in its place would be read, or removed.

    Args:
        source: what names it, for messages.

    Raises:
        InputError: if it is none.
    """
    if not isinstance(md5, str) or MD5.fullmatch(md5) is None:
        raise InputError(
            f"{source}: must name an object by 32 hexadecimal digits, got {md5!r:.80}; it was changed by hand, or by "
            "somebody else: take it from a commit that you trust"
        )
    return md5


def object_path(md5: str) -> Path:
    """Return the path of an object below a cache or a remote.

    Raises:
        InputError: if the name is no MD5.
    """
    assert_md5(md5, "DVC's records")
    return Path("files", "md5", md5[:2], md5[2:])


def is_intact(cache: Path, md5: str) -> bool:
    """Return whether the object is there and its bytes, hashed again, are those of its name."""
    path = cache / object_path(md5)
    return path.is_file() and file_md5(path) == md5.removesuffix(FOLDER_SUFFIX)


def folder_files(cache: Path, md5: str) -> dict[str, str]:
    """Return the MD5 of each file of a folder, by its path in the folder.

    Raises:
        RunError: if the list is not in the cache, or is damaged.
        InputError: if it is no list of files below the folder.
    """
    path = cache / object_path(md5)
    if not is_intact(cache, md5):
        raise RunError(f"{path}: is missing or damaged; delete it if it is there, and run `dvc pull` or `dvc repro`")
    return files_in_list(path.read_bytes(), str(path))


def files_in_list(content: bytes, source: str) -> dict[str, str]:
    """Return the MD5 of each file of a folder, by its path in the folder; anybody may have written the list.

    Args:
        content: the bytes of the list.
        source: its place, for messages.

    Raises:
        InputError: if it is no list of files below the folder.
    """
    try:
        listed = json.loads(content)
        return {_assert_inside(item["relpath"], source): assert_md5(item["md5"], source) for item in listed}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{source}: must be DVC's list of the files of a folder, got something else") from error


def list_problems(cache: Path, md5s: Iterable[str]) -> list[str]:
    """Return why intact lists of folders in a cache must not be checked out: anybody may have written them."""
    intact = (md5 for md5 in sorted(set(md5s)) if md5.endswith(FOLDER_SUFFIX) and is_intact(cache, md5))
    paths = (cache / object_path(md5) for md5 in intact)
    return [problem for path in paths for problem in problems_of(partial(files_in_list, path.read_bytes(), str(path)))]


def _assert_inside(relpath: Any, source: str) -> str:
    """Return the path of a file in a folder, which names neither another place nor the same one in another way.

    Raises:
        InputError: if it does.
    """
    parts = relpath.split("/") if isinstance(relpath, str) else [""]
    is_plain = all(part not in ("", ".", "..") and not set(part) & set("\\\0\r\n") for part in parts)
    if not is_plain or parts[0].endswith(":") or not can_be_path(relpath):
        raise InputError(
            f"{source}: must list files that lie in their folder, got {relpath!r:.80}: `dvc pull` or `dvc checkout` "
            "would write it elsewhere; take dvc.lock from a commit that you trust"
        )
    return str(relpath)


def can_be_path(text: str) -> bool:
    """Return whether a disk can hold it: a name has at most 255 bytes, a path 4096; half a surrogate pair has none."""
    try:
        path = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return b"\0" not in path and len(path) <= MAX_PATH_BYTES and max(map(len, path.split(b"/"))) <= MAX_NAME_BYTES


def object_state(store: Path, md5: str) -> ObjectState:
    """Return the state of an object, hashed again; a folder is as intact as the worst of its files."""
    path = store / object_path(md5)
    if not path.is_file():
        return "missing"
    if not is_intact(store, md5):
        return "damaged"
    if not md5.endswith(FOLDER_SUFFIX):
        return "intact"
    states = {object_state(store, file) for file in folder_files(store, md5).values()}
    return "damaged" if "damaged" in states else "missing" if "missing" in states else "intact"


def folders_containing(store: Path, md5: str) -> list[str]:
    """Return the folders that hold a file with these bytes, as far as their lists are in the store."""
    lists = sorted((store / "files" / "md5").glob(f"*/*{FOLDER_SUFFIX}"))
    return [path.parent.name + path.name for path in lists if md5 in path.read_text(encoding="utf-8", errors="replace")]


def find_with_md5(path: Path, md5: str, cache: Path) -> Path | None:
    """Return the path of a file, or the list of a folder, with these bytes: its own path, else that in the cache."""
    if path_md5(path) == md5:
        return path
    return cache / object_path(md5) if is_intact(cache, md5) else None


class HashedCache:
    """A cache whose objects are hashed once, however often they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.intact: set[str] = set()  # MD5 of the objects that are known to be

    def has_intact(self, md5: str) -> bool:
        """Return whether the object is there and its bytes are those of its name."""
        if md5 not in self.intact and is_intact(self.folder, md5):
            self.intact.add(md5)
        return md5 in self.intact

    def remove_damaged(self, md5: str) -> str | None:
        """Remove the object if its bytes are not those of its name; return their MD5 then."""
        path = self.folder / object_path(md5)
        if not path.is_file() or self.has_intact(md5):
            return None
        actual = file_md5(path)
        path.unlink()
        return actual
