"""Where in Git's history a hash was recorded, and which bytes a commit holds."""

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from relight.io.experiments import PLACE
from relight.io.git import files_at, git
from relight.io.objects import FOLDER, md5_of_folder

LOCK = "dvc.lock"
EXPERIMENT = "experiment "
_OUTS = re.compile(rb"^    outs:\n((?:    [- ] .*\n)*)", re.MULTILINE)  # a hundred times as fast as reading the YAML


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
    found = _log(where, "-c", "-s", f"-S{md5}")
    holding = _holding([commit.id for commit in found], md5)  # others took it out
    return [commit for commit in found if commit.id in holding]


def last_run_that_records(md5: str) -> Commit | None:
    """The last commit before HEAD, or HEAD, that changed dvc.lock, where the hash is in it still.

    What made it then, with the code of that commit, may be another run than the first, to the same bytes.
    """
    last, found = _log("HEAD", "-1"), commits_that_record(md5, "HEAD")
    holding = _holding([commit.id for commit in (*last, *found)], md5)
    return last[0] if last and last[0].id in holding else None


def _log(*arguments: str) -> list[Commit]:
    said = git("log", *arguments, "--format=%H%x09%as%x09%s", "--", LOCK)
    return [Commit(*line.split("\t", 2)) for line in said.splitlines()]


def names_that_record(md5: str) -> list[str]:
    """Branches, tags and experiments whose dvc.lock, as they stand now, has a hash among what the stages wrote."""
    refs = git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes", "refs/exps").split()
    holding = _holding(refs, md5)
    names = [name for ref in refs if ref in holding and (name := _name(ref))]
    return sorted(names, key=lambda name: name.startswith(EXPERIMENT))  # there may be hundreds of them


def _holding(revisions: list[str], md5: str) -> set[str]:
    """Those in whose dvc.lock a stage wrote the hash; if none did, those in which one read it."""
    locks = files_at((revision, LOCK) for revision in revisions)
    read = {revision for (revision, _), lock in locks.items() if md5.encode() in lock}
    wrote = {
        revision for revision in read if any(md5.encode() in outs for outs in _OUTS.findall(locks[revision, LOCK]))
    }
    return wrote or read


def _name(ref: str) -> str:
    """What a person calls it; of DVC's own notes, nothing."""
    _, kind, rest = ref.split("/", 2)
    if kind != "exps":
        return {"heads": "", "remotes": "", "tags": "tag "}[kind] + rest
    place = PLACE.fullmatch(ref)
    return EXPERIMENT + place[3] if place else ""


def committed(revision: str, entries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that a commit holds with these very bytes.

    Args:
        entries: pairs of a path and the MD5 of a file, or of a folder.
    """
    asked = set(entries)
    folders = sorted({path for path, md5 in asked if md5.endswith(FOLDER)})
    said = git("ls-tree", "-r", "-z", "--name-only", revision, "--", *folders) if folders else ""
    inside = [path for path in said.split("\0") if path]
    files = [path for path, md5 in asked if not md5.endswith(FOLDER)]
    contents = files_at((revision, path) for path in {*files, *inside})
    held = {path: _md5(content) for (_, path), content in contents.items()}
    for folder in folders:
        within = [(path.removeprefix(f"{folder}/"), held[path]) for path in inside if path.startswith(f"{folder}/")]
        held[folder] = md5_of_folder(within)
    return {(path, md5) for path, md5 in asked if held.get(path) == md5}


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
