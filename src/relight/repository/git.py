"""What Git says, asked as on the command line."""

import os
import subprocess
from collections.abc import Iterable

from relight.errors import RunError


def run_git(*arguments: str) -> str:
    """What a command prints, without its last line break.

    Raises:
        RunError: with what Git says, when it fails or is not there.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise RunError("git: is not installed; install it, for DVC's experiments and history live in Git") from error
    if done.returncode != 0:
        raise RunError(f"git {arguments[0]}: {_message(done.stderr)}")
    return os.fsdecode(done.stdout).removesuffix("\n")


def read_files_at(revisions_and_paths: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Many files of many commits in one process.

    Args:
        places: pairs of a revision and a path; those that do not exist are left out of the answer.
    """
    requests = list(revisions_and_paths)
    names = "".join(f"{revision}:{path}\n" for revision, path in requests)
    done = subprocess.run(["git", "cat-file", "--batch"], input=os.fsencode(names), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(f"git cat-file: {_message(done.stderr)}")
    contents, at = {}, 0
    for request in requests:
        end = done.stdout.index(b"\n", at)
        head, at = done.stdout[at:end], end + 1
        if head.endswith(b" missing") or head.endswith(b" ambiguous"):
            continue
        size = int(head.rsplit(b" ", 1)[1])
        contents[request] = done.stdout[at : at + size]
        at += size + 1
    return contents


def _message(stderr: bytes) -> str:
    return os.fsdecode(stderr).strip().removeprefix("fatal: ").split("\n")[0]


def git_or_none(*arguments: str) -> str | None:
    try:
        return run_git(*arguments)
    except RunError:
        return None
