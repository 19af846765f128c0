"""Line ends that Git changes on the way into a commit: DVC hashes the bytes of the workspace, a clone has others."""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from relight.repository.git import git_or_none, run_git
from relight.repository.history import committed_entries

MAX_READ_BYTES = 64 << 20  # of a file; Git reads all of it, and a larger one belongs to DVC
SPECIAL = re.compile(r"([\\*?\[])")  # in a pattern of .gitattributes


class ChangedLineEnds(NamedTuple):
    """A file, or a folder with one, whose line ends in a clone are not those of the workspace.

    Attributes:
        path: from the current folder.
        is_tracked: whether Git has the file already.
    """

    path: str
    is_tracked: bool


def find_changed_line_ends(paths: Iterable[str]) -> list[ChangedLineEnds]:
    """Return those of the files, and of the files in the folders, that a clone would hold with other line ends.

    Files that Git ignores, as those that DVC keeps, are left out.

    Args:
        paths: relative to the current folder, which is in a Git repository.

    Raises:
        RunError: outside a Git repository, or without Git.
    """
    asked = [f":(literal){path}" for path in paths]
    if not asked:
        return []
    large = [f":(exclude,literal){path}" for path in _listed("--", *asked) if _is_large(path)]
    by_default = git_or_none("config", "--get", "core.autocrlf") in ("true", "input")
    changed = dict[ChangedLineEnds, None]()
    for line in _listed("--eol", "--", *asked, *large):
        facts, path = line.split("\t", 1)
        index, here, attributes = facts.split(maxsplit=2)
        words = attributes.removeprefix("attr/").split()
        if _is_changed(index.removeprefix("i/"), here.removeprefix("w/"), words, by_default=by_default):
            changed[ChangedLineEnds(path, index != "i/")] = None
    return list(changed)


def _listed(*arguments: str) -> list[str]:
    listed = run_git("ls-files", "-z", "--cached", "--others", "--exclude-standard", *arguments)
    return [item for item in listed.split("\0") if item]


def _is_large(path: str) -> bool:
    return Path(path).is_file() and Path(path).stat().st_size > MAX_READ_BYTES


def _is_changed(index: str, here: str, attributes: list[str], *, by_default: bool) -> bool:
    """Return whether a clone has other line ends, as gitattributes(5) says.

    Args:
        index, here: the line ends in Git's index and in the workspace: lf, crlf, mixed; none or -text without any.
        attributes: as `text=auto eol=lf`; empty without any.
        by_default: whether Git stores a file without attributes with LF.
    """
    if "-text" in attributes or not (attributes or by_default):
        return False
    if "eol=crlf" in attributes:
        return here in ("lf", "mixed")
    is_kept = "text" not in attributes and index in ("crlf", "mixed")  # Git leaves what it has stored so
    return here in ("crlf", "mixed") and not is_kept


def line_ends_note(file: ChangedLineEnds) -> str:
    """Return the note of `relight check` on a file, with the next step."""
    return (
        f"note: {file.path}: Git stores it with other line ends than DVC hashes here, so that each clone would run the "
        f"pipeline again; {keeping_step(file)}\n"
    )


def keeping_step(file: ChangedLineEnds) -> str:
    """Return what to do for Git to keep the bytes of a file."""
    attributes, pattern = _attributes_line(file.path)
    add = f"git add {'--renormalize ' if file.is_tracked else ''}{quote(file.path)}"
    return f"put `{pattern} -text` at the end of {attributes}, then `{add}`"


def _attributes_line(path: str) -> tuple[str, str]:
    """Return the .gitattributes that can name a file or folder, and its pattern in it."""
    folder, name = posixpath.split(path) if path.startswith("../") else ("", path)
    pattern = SPECIAL.sub(r"\\\1", name)
    pattern = f"/{pattern}" if pattern.startswith(("!", "#")) else pattern
    pattern += "/**" if Path(path).is_dir() else ""
    quoted = pattern.replace("\\", "\\\\").replace('"', '\\"')
    needs_quotes = any(sign in pattern for sign in ' \t"')
    return posixpath.join(folder, ".gitattributes"), f'"{quoted}"' if needs_quotes else pattern


def entries_with_other_line_ends(revision: str, entries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the entries that a commit holds with the same text and other line ends.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder; those that the commit holds with other bytes.
    """
    wanted = set(entries)
    if not wanted:
        return set()
    return {entry for change in (_as_crlf, _as_here) for entry in committed_entries(revision, wanted, change)}


def _as_crlf(_path: str, content: bytes) -> bytes:
    return _as_lf(content).replace(b"\n", b"\r\n")


def _as_here(path: str, content: bytes) -> bytes:
    """Return the bytes of the workspace if they are the same text."""
    here = Path(path).read_bytes() if Path(path).is_file() else content
    return here if _as_lf(here) == _as_lf(content) else content


def _as_lf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")
