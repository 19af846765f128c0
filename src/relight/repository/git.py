"""Git, run as on the command line."""

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO

from relight.errors import InputError, RunError

MAX_RECORD_BYTES = 2**25  # of params.yaml, dvc.lock and metrics.json


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


def read_files_at(
    revisions_and_paths: Iterable[tuple[str, str]], limit: int = MAX_RECORD_BYTES
) -> dict[tuple[str, str], bytes]:
    """Read many files of many commits in one process.

    Args:
        revisions_and_paths: pairs of a revision and a path from the current folder.
        limit: bytes of a file; Git packs a gigabyte of zeros into a megabyte.

    Returns:
        the bytes by the pair; pairs that do not exist are left out.

    Raises:
        InputError: for a larger file.
    """
    requests = [request for request in revisions_and_paths if "\n" not in "".join(request)]  # no name of ours has one
    names = "".join(f"{revision}:./{path}\n" for revision, path in requests)  # `./`: Git begins at the top without it
    pipe = subprocess.PIPE
    with subprocess.Popen(["git", "cat-file", "--batch"], stdin=pipe, stdout=pipe, stderr=pipe) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        # Git answers before it has read all names: whoever writes them must not be the one who reads the answers.
        threading.Thread(target=_ask, args=(child.stdin, os.fsencode(names)), daemon=True).start()
        contents = dict(_answers(requests, child.stdout, limit))
        errors = child.stderr.read()
    if child.returncode != 0:
        raise RunError(git_error_text(["cat-file"], errors))
    return contents


def _ask(stdin: IO[bytes], names: bytes) -> None:
    with suppress(OSError), stdin:  # Git has failed, and says why
        stdin.write(names)


def _answers(
    requests: Iterable[tuple[str, str]], output: IO[bytes], limit: int
) -> Iterator[tuple[tuple[str, str], bytes]]:
    """Yield what `git cat-file --batch` answers: a line with the size, the bytes and a line break for each."""
    for revision, path in requests:
        head = output.readline()
        if head.endswith((b" missing\n", b" ambiguous\n")):
            continue
        size = int(head.rsplit(b" ", 1)[1]) if head else 0
        if size > limit:
            output.close()  # Git ends then
            raise InputError(f"{path} of {revision}: must have at most {limit:,} bytes, got {size:,}")
        if head:  # otherwise Git has failed, and says why
            yield (revision, path), output.read(size + 1)[:-1]
