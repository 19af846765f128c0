"""What of DVC's objects is on the default remote."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relight.io.objects import FOLDER, State, files_of, is_intact, state_of

Seen = State | Literal["there"]  # there: with the right size; its bytes are checked when it is pulled


class Remote(NamedTuple):
    """
    Attributes:
        name: None where there is no default one.
        problem: why it cannot be asked; "" where it can.
        states: by MD5.
    """

    name: str | None
    problem: str
    states: dict[str, Seen]


def ask_remote(sizes: Mapping[str, int], cache: Path) -> Remote:
    """Look for objects. A remote that is a folder of this machine is hashed again, from others only the size is asked.

    Args:
        sizes: of each object in bytes, by MD5.
        cache: knows which files are in a folder.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    name = None
    try:
        with Repo() as repo:
            name = repo.config["core"].get("remote")
            if not name:
                return Remote(None, "there is no default remote", {})
            remote = repo.cloud.get_remote(name)
            if remote.fs.protocol == "local":
                return Remote(name, "", {md5: state_of(Path(remote.path), md5) for md5 in sizes})
            return Remote(name, "", _seen(remote.odb, sizes, cache))
    except (DvcException, OSError) as error:
        return Remote(name, str(error).split("\n")[0], {})


def _seen(odb: Any, sizes: Mapping[str, int], cache: Path) -> dict[str, Seen]:
    """One question for all objects, and for the files in the folders among them."""
    parts = {md5: [md5, *_files(cache, md5)] for md5 in sizes}
    single = sorted({part for found in parts.values() for part in found})
    infos = odb.fs.info([odb.oid_to_path(md5) for md5 in single], return_exceptions=True)
    lengths = {md5: _length(info) for md5, info in zip(single, infos, strict=True)}
    return {md5: _state(sizes[md5], md5, [lengths[part] for part in found]) for md5, found in parts.items()}


def _files(cache: Path, md5: str) -> list[str]:
    """DVC pushes the list of a folder last: where the list is not here, it stands for its files."""
    return list(files_of(cache, md5).values()) if md5.endswith(FOLDER) and is_intact(cache, md5) else []


def _length(info: Any) -> int | None:
    """Of an object in bytes; None where it is not there."""
    if isinstance(info, FileNotFoundError):
        return None
    if isinstance(info, Exception):
        raise OSError(str(info)) from info
    return int(info["size"])


def _state(size: int, md5: str, lengths: list[int | None]) -> Seen:
    if None in lengths:
        return "missing"
    cut_short = 0 in lengths if md5.endswith(FOLDER) else lengths != [size]
    return "damaged" if cut_short else "there"
