"""DVC's objects: files that are named by the MD5 of their bytes, in a cache or on a remote."""

import hashlib
import json
from pathlib import Path

from relight.errors import RunError

FOLDER = ".dir"  # ends the name of an object that lists the files of a folder


def object_path(md5: str) -> Path:
    """Where an object lies in a cache or on a remote."""
    return Path("files", "md5", md5[:2], md5[2:])


def md5_of(path: Path) -> str:
    """Of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def is_intact(cache: Path, md5: str) -> bool:
    """Whether the object is there with the bytes that its name says."""
    path = cache / object_path(md5)
    return path.is_file() and md5_of(path) == md5.removesuffix(FOLDER)


def files_of(cache: Path, md5: str) -> dict[str, str]:
    """The MD5 of each file of a folder, by its path in the folder.

    Raises:
        RunError: when the list is not in the cache, or damaged.
    """
    path = cache / object_path(md5)
    if not is_intact(cache, md5):
        raise RunError(f"{path}: is missing or damaged; delete it if it is there, and run `dvc pull` or `dvc repro`")
    return {item["relpath"]: item["md5"] for item in json.loads(path.read_bytes())}


class HashedCache:
    """A cache of which each object is hashed once, however often it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole: set[str] = set()  # the MD5 of those that were found so

    def holds(self, md5: str) -> bool:
        """Whether the object is there with the bytes that its name says."""
        if md5 not in self.whole and is_intact(self.folder, md5):
            self.whole.add(md5)
        return md5 in self.whole

    def remove_damaged(self, md5: str) -> str | None:
        """Remove the object if it has other bytes than its name says; returns the MD5 of those."""
        path = self.folder / object_path(md5)
        if not path.is_file() or self.holds(md5):
            return None
        found = md5_of(path)
        path.unlink()
        return found
