"""Git, run as on the command line."""

import os
import subprocess
from collections.abc import Iterable, Sequence

from relight.errors import RunError


def run_git(*arguments: str) -> str:
    """Return what a command prints, without its last line break.

    Raises:
        RunError: if it fails, with Git's message, or if Git is not installed.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise RunError("git: is not installed; install it, because DVC keeps experiments and history in Git") from error
    if done.returncode != 0:
        raise RunError(git_error_text(arguments, done.stderr))
    return os.fsdecode(done.stdout).removesuffix("\n")


def git_or_none(*arguments: str) -> str | None:
    """Return what a command prints, or None if it fails."""
    try:
        return run_git(*arguments)
    except RunError:
        return None


def git_error_text(arguments: Sequence[str], stderr: bytes) -> str:
    """Return the first line of what a failed command wrote to stderr, after the name of the command."""
    message = os.fsdecode(stderr).strip().removeprefix("fatal: ").split("\n")[0]
    return f"git {arguments[0]}: {message}"


def read_files_at(revisions_and_paths: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Read many files of many commits in one process.

    Args:
        revisions_and_paths: pairs of a revision and a path from the current folder.

    Returns:
        the bytes by the pair; pairs that do not exist are left out.
    """
    requests = list(revisions_and_paths)
    names = "".join(f"{revision}:./{path}\n" for revision, path in requests)  # `./`: Git begins at the top without it
    done = subprocess.run(["git", "cat-file", "--batch"], input=os.fsencode(names), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(git_error_text(["cat-file"], done.stderr))
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
