"""The place of a source: it, and all that it links to, lies in the repository, or is what DVC linked from its cache.

A stranger may have made the repository, with every link, `.dvc` file and setting in it: no file may be read because it
says so, unless it lies in the repository, or is an object of DVC's cache whose MD5 a `.dvc` file names.
"""

import configparser
import json
import os
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

from relight.errors import InputError
from relight.runtime.pipeline import find_maker
from relight.runtime.strict_yaml import read_yaml
from relight.runtime.workspace import DVC_FOLDER, find_root

SAMPLE_NAMES = ("breast_cancer", "diabetes", "digits")  # the tables that `relight data` writes
POINTER = ".dvc"  # the ending of the file by which DVC tracks a file or folder
SAMPLES = Path("data/raw")
CACHE = DVC_FOLDER / "cache"
MAX_PROBLEMS = 10  # that are listed
PRIVATE_FOLDERS = {".git", DVC_FOLDER.name}  # settings, some with passwords
_MD5 = re.compile(r"([0-9a-f]{2})([0-9a-f]{30})(\.dir)?")


def assert_in_repository(source: Path) -> None:
    """Check that the source is a file or a folder of the repository, with all that lies in it.

    Raises:
        InputError: for a path outside the repository, missing, or no regular file; for a link out of it.
    """
    assert_inside(source)
    if not _exists(source):
        raise InputError(f"{source}: no such file in {Path.cwd()}{_next_step(source)}")
    _assert_stays(source, _root())
    if not source.is_file() and not source.is_dir():
        raise InputError(f"{source}: is not a regular file")


def assert_inside(source: Path) -> None:
    """Check that a path, as it is written, is one in the repository, on which no step leads out of it.

    Raises:
        InputError: if it is not, or if a `..` follows a name: if that is the name of a link, DVC would hash another
            file than the stage would read.
    """
    steps = (os.path.abspath(Path(*source.parts[:n])) for n in range(1, len(source.parts) + 1))
    if source.is_absolute() or not all(Path(step).is_relative_to(_root()) for step in steps):
        raise InputError(f"{source}: must be a path inside the repository; put the table into data/raw/")
    if source != Path(os.path.normpath(source)):
        raise InputError(f"{source}: must have `..` only at its beginning; write {os.path.normpath(source)}")


def assert_stays(path: Path) -> None:
    """Check what a person named, or a file to be written: a stranger may have made the links of a repository.

    Outside of a repository there is nothing to check.

    Raises:
        InputError: for a link out of the repository that the path, as it is written, lies in.
    """
    root = find_root(Path(os.path.abspath(path)).parent)
    if root is not None:
        _assert_stays(path, root)


def is_in_repository(path: Path, root: Path) -> bool:
    """Return whether a file or folder, with links followed, lies in the repository, or is DVC's own link.

    Args:
        root: the top of the repository.
    """
    return _DvcLinks(root).problem(path) == ""


def _assert_stays(path: Path, root: Path) -> None:
    links = _DvcLinks(root)
    problems = [f"{path}: {problem}"] if (problem := links.problem(path)) else []
    if not problems and path.is_dir():
        entries = _odd_entries(path, is_followed=lambda link: not links.problem(link))
        found = ((each, links.problem(each) or _kind_problem(each)) for each in entries)
        problems = list(islice((f"{each}: {problem}" for each, problem in found if problem), MAX_PROBLEMS))
    if problems:
        raise InputError(*problems)


def _kind_problem(path: Path) -> str:
    return "" if path.is_symlink() else "must be a file or a folder, got something else, which may never end; remove it"


def _odd_entries(folder: Path, is_followed: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield all links in a folder, those in folders that they link to as well, and what is neither file nor folder.

    A large folder has none of them, and is listed as fast as the system does it.

    Args:
        is_followed: whether a link to a folder may be.
    """
    unread, seen = [folder], {os.path.realpath(folder)}
    while unread:
        for entry in _entries(unread.pop()):
            path = Path(entry.path)
            if entry.is_symlink():
                yield path
                target = os.path.realpath(path)
                if target not in seen and os.path.isdir(target) and is_followed(path):
                    seen.add(target)
                    unread.append(path)
            elif entry.is_dir():
                unread.append(path)
            elif not entry.is_file():
                yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error


class _DvcLinks:
    """The links of one repository, and which of them DVC has made (cache.type symlink)."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._listed: dict[str, dict[str, str]] = {}  # by the MD5 of the list of a folder

    @cached_property
    def _cache(self) -> Path:
        return Path(os.path.realpath(configured_cache(self.root)))  # only links out of the repository need it

    def problem(self, path: Path) -> str:
        """Return why a file or folder, with links followed, must not be read; "" if it may be."""
        target = Path(os.path.realpath(path))
        if target.is_relative_to(self.root):
            inside = target.relative_to(self.root)
            is_private = not inside.is_relative_to(CACHE) and bool({*inside.parts[:1]} & PRIVATE_FOLDERS)
            return f"must be data, got {inside}, which may hold passwords" if is_private else ""
        if path.is_symlink() and any(target in self._objects(md5) for md5 in self._md5s(path)):
            return ""
        return f"is a link out of the repository, to {target}; put the file itself in its place"

    def _md5s(self, path: Path) -> Iterator[str]:
        """Yield the MD5 that the `.dvc` file of a link, or of a folder above it, names for it."""
        place = Path(os.path.realpath(path.parent), path.name)
        for above in (place, *place.parents):
            if above == self.root or not above.is_relative_to(self.root):
                return
            for out in self._tracked(above.with_name(above.name + POINTER), above.name):
                md5 = out if above == place else self._list(out).get(place.relative_to(above).as_posix())
                if md5 is not None:
                    yield md5

    def _tracked(self, pointer: Path, name: str) -> list[str]:
        """Return the MD5s that a `.dvc` file names for its output."""
        try:
            outs = read_yaml(pointer).value.get("outs") if self._is_own_file(pointer) else None
        except InputError:
            return []
        return [_text(out, "md5") for out in outs if _text(out, "path") == name] if isinstance(outs, list) else []

    def _is_own_file(self, path: Path) -> bool:
        """Return whether it is a file of the repository itself, and no link."""
        return path.is_file() and Path(os.path.realpath(path)) == path

    def _list(self, md5: str) -> dict[str, str]:
        """Return the MD5 of each file of a folder by its path in it; empty if the cache has no list of it."""
        if md5 not in self._listed:
            content = next((path.read_bytes() for path in self._objects(md5) if self._is_own_file(path)), b"[]")
            try:
                self._listed[md5] = {_text(one, "relpath"): _text(one, "md5") for one in json.loads(content)}
            except (ValueError, TypeError, RecursionError):
                self._listed[md5] = {}
        return self._listed[md5]

    def _objects(self, md5: str) -> list[Path]:
        """Return the path of an object in the cache, of DVC 3 and of DVC 2; none for what is no MD5."""
        match = _MD5.fullmatch(md5)
        if match is None:
            return []
        name = match[2] + (match[3] or "")
        return [self._cache / "files" / "md5" / match[1] / name, self._cache / match[1] / name]


def _text(entry: Any, key: str) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def configured_cache(root: Path) -> Path:
    """Return the folder of DVC's cache, by the settings that DVC reads, the last of which counts."""
    return configured_folder(root, "cache", "dir") or root / CACHE


def configured_folder(root: Path, section: str, key: str) -> Path | None:
    """Return the folder that DVC's settings name, the last of which counts; None if none does."""
    folder = None
    for file in config_files(root):
        settings = configparser.ConfigParser(strict=False, interpolation=None)
        try:
            settings.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        value = settings.get(section, key, fallback="").strip("\"'")
        folder = file.parent / os.path.expanduser(value) if value else folder
    return folder


def config_files(root: Path) -> list[Path]:
    """Return the files of DVC's settings, in the order in which it reads them; no link of a stranger is followed."""
    user = os.path.join(os.path.expanduser(os.environ.get("XDG_CONFIG_HOME") or "~/.config"), "dvc")
    system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or "/etc/xdg/dvc"
    files = [Path(system, "config"), Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or user, "config")]
    own = [path for name in ("config", "config.local") if not (path := root / DVC_FOLDER / name).is_symlink()]
    return [*files, *own]


def _root() -> Path:
    """Return the top of the repository; outside of one, the current folder."""
    return find_root(Path.cwd()) or Path.cwd()


def _exists(source: Path) -> bool:
    try:
        return source.exists()
    except OSError as error:  # a name that is too long, a folder without permission
        raise InputError(f"{source}: cannot be read: {error.strerror}") from error


def _next_step(source: Path) -> str:
    if any(place.with_name(place.name + POINTER).is_file() for place in (source, *source.parents) if place.name):
        return f"; run `dvc pull {quote(str(source))}`"
    if maker := find_maker(source.as_posix()):
        return f"; the stage {maker} writes it: run `dvc repro`"
    if source.stem in SAMPLE_NAMES and source.suffix == ".csv":
        name = f" {source.stem}" if source.parent == SAMPLES else ""  # without it the sample goes to prepare.source
        return f"; run `relight data{name}` for one of the sample tables, or correct prepare.source"
    return "; put the table there, or correct prepare.source"
