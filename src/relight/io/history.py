"""Where in Git's history a hash was recorded, and which bytes a commit holds."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from relight.io.git import files_at, git
from relight.io.objects import FOLDER, md5_of_folder

LOCK = "dvc.lock"


class Commit(NamedTuple):
    """
    Attributes:
        day: of the author, as 2030-12-31.
    """

    id: str
    day: str
    subject: str


def commits_that_record(md5: str, where: str = "--all") -> list[Commit]:
    """Those that brought a hash into dvc.lock, the newest first.

    A merge counts where the hash is in none of its parents.

    Args:
        where: a revision, for its history alone; else all branches, tags and experiments.
    """
    said = git("log", where, "-c", "-s", "--format=%H%x09%as%x09%s", f"-S{md5}", "--", LOCK)
    found = [Commit(*line.split("\t", 2)) for line in said.splitlines()]
    locks = files_at((commit.id, LOCK) for commit in found)  # others took it out
    return [commit for commit in found if md5.encode() in locks.get((commit.id, LOCK), b"")]


def commit_of(revision: str) -> str:
    """The commit of a branch, a tag, a hash, or of an experiment by its name.

    Raises:
        RunError: when there is none.
    """
    experiments = git("for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{revision}").split()
    return experiments[0] if experiments else git("rev-parse", "--verify", f"{revision}^{{commit}}")


def names_that_record(md5: str) -> list[str]:
    """Branches, tags and experiments whose dvc.lock has a hash as they stand now."""
    refs = git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes", "refs/exps").split()
    locks = files_at((ref, LOCK) for ref in refs)
    return [name for ref in refs if md5.encode() in locks.get((ref, LOCK), b"") and (name := _name(ref))]


def _name(ref: str) -> str:
    """What a person calls it; of DVC's own notes, nothing."""
    _, kind, rest = ref.split("/", 2)
    if kind != "exps":
        return {"heads": "", "remotes": "", "tags": "tag "}[kind] + rest
    parts = rest.split("/")  # two parts of the commit it began at, then its name
    return f"experiment {'/'.join(parts[2:])}" if len(parts[0]) == 2 and len(parts) > 2 else ""


def committed(revision: str, entries: Iterable[tuple[str, str]]) -> set[str]:
    """The paths that a commit holds with these very bytes.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder.
    """
    asked = dict(entries)
    folders = [path for path, md5 in asked.items() if md5.endswith(FOLDER)]
    inside = git("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders).split("\0") if folders else []
    files = [path for path in asked if path not in folders] + [path for path in inside if path]
    held = {path: _md5(content) for (_, path), content in files_at((revision, path) for path in files).items()}
    for folder in folders:
        within = [(path.removeprefix(f"{folder}/"), held[path]) for path in inside if path.startswith(f"{folder}/")]
        held[folder] = md5_of_folder(within)
    return {path for path, md5 in asked.items() if held.get(path) == md5}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
