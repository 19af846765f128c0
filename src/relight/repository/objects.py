"""DVC's objects: files that are named by the MD5 of their bytes, in a cache or on a remote."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from relight.errors import RunError
from relight.runtime.dependencies import ignored_names, is_ignored

FOLDER_SUFFIX = ".dir"  # ends the name of an object that lists the files of a folder

ObjectState = Literal["intact", "damaged", "missing"]


def object_path(md5: str) -> Path:
    """Where an object lies in a cache or on a remote."""
    return Path("files", "md5", md5[:2], md5[2:])


def file_md5(path: Path) -> str:
    """Of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def is_intact(cache: Path, md5: str) -> bool:
    """Whether the object is there with the bytes that its name says."""
    path = cache / object_path(md5)
    return path.is_file() and file_md5(path) == md5.removesuffix(FOLDER_SUFFIX)


def folder_files(cache: Path, md5: str) -> dict[str, str]:
    """The MD5 of each file of a folder, by its path in the folder.

    Raises:
        RunError: when the list is not in the cache, or damaged.
    """
    path = cache / object_path(md5)
    if not is_intact(cache, md5):
        raise RunError(f"{path}: is missing or damaged; delete it if it is there, and run `dvc pull` or `dvc repro`")
    return {item["relpath"]: item["md5"] for item in json.loads(path.read_bytes())}


def object_state(store: Path, md5: str) -> ObjectState:
    """Of an object, and of a folder's every file: hashed again, whatever the name says."""
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
    """The folders that hold a file of these bytes, as far as their lists are here."""
    lists = sorted((store / "files" / "md5").glob(f"*/*{FOLDER_SUFFIX}"))
    return [path.parent.name + path.name for path in lists if md5 in path.read_text(encoding="utf-8", errors="replace")]


def folder_md5(files: Iterable[tuple[str, str]]) -> str:
    """As DVC names a folder: by the JSON list of its files (dvc-data, `Tree`).

    Args:
        files: the path in the folder, and the MD5 of the bytes.
    """
    entries = [{"md5": md5, "relpath": path} for path, md5 in sorted(files)]
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + FOLDER_SUFFIX


def path_md5(path: Path) -> str | None:
    """Of a file or a folder as it is now; None where there is neither."""
    if path.is_dir():
        ignored, below = ignored_names(), [file for file in path.rglob("*") if file.is_file()]
        files = [file for file in below if not is_ignored(file.relative_to(path).parts, ignored)]
        return folder_md5((file.relative_to(path).as_posix(), file_md5(file)) for file in files)
    return file_md5(path) if path.is_file() else None


def find_with_md5(path: Path, md5: str, cache: Path) -> Path | None:
    """Where a file or the list of a folder lies with these very bytes: in its place, else in the cache."""
    if path_md5(path) == md5:
        return path
    return cache / object_path(md5) if is_intact(cache, md5) else None


class HashedCache:
    """A cache of which each object is hashed once, however often it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.intact: set[str] = set()  # the MD5 of those that were found so

    def has_intact(self, md5: str) -> bool:
        """Whether the object is there with the bytes that its name says."""
        if md5 not in self.intact and is_intact(self.folder, md5):
            self.intact.add(md5)
        return md5 in self.intact

    def remove_damaged(self, md5: str) -> str | None:
        """Remove the object if it has other bytes than its name says; returns the MD5 of those."""
        path = self.folder / object_path(md5)
        if not path.is_file() or self.has_intact(md5):
            return None
        actual = file_md5(path)
        path.unlink()
        return actual
