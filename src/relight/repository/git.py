"""Git, run as on the command line, and as if nobody had a config: only what the repository holds makes the answer."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from relight.errors import InputError, RunError

MAX_RECORD_BYTES = 2**25  # of params.yaml, dvc.lock and metrics.json


# What settings of a person would change in an answer, or in what is done; each is as Git has it by default.
SETTINGS = (
    *("color.ui=false", "color.diff=false", "color.status=false", "color.branch=false"),
    *("core.quotePath=true", "core.fsmonitor=false", f"core.hooksPath={os.devnull}", "i18n.logOutputEncoding=UTF-8"),
    *("diff.external=", f"diff.orderFile={os.devnull}", "diff.relative=false", "diff.renames=true"),
    *("diff.ignoreSubmodules=none", "submodule.recurse=false"),
    *("log.date=default", "log.follow=false", "log.showRoot=true", "log.showSignature=false"),
    *("status.branch=false", "status.relativePaths=true", "status.short=false", "status.showStash=false"),
    *("clone.rejectShallow=false", "push.followTags=false", "push.gpgSign=false"),
)
# The same as variables, and those that write what is traced among Git's words.
DROPPED_VARIABLES = (
    *("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_TRACE"),
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"),
)
REFUSED = re.compile(r"dubious ownership in repository at '(.*)'")  # of another user, CVE-2022-24765


def git_command(*arguments: str) -> list[str]:
    """Return the command, with settings that no config of a person can change."""
    return ["git", "--no-pager", *(word for setting in SETTINGS for word in ("-c", setting)), *arguments]


def git_environment() -> dict[str, str]:
    """Return this environment, without variables that change an answer; Git's messages are in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED_VARIABLES)}
    return {**kept, "LC_ALL": "C"}


def git_output(*arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes that a command prints.

    Args:
        environment: by default that of `git_environment`.

    Raises:
        RunError: if it fails, with Git's message, or if Git is not installed.
    """
    environment = git_environment() if environment is None else environment
    try:
        done = subprocess.run(git_command(*arguments), input=stdin, env=environment, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise RunError("git: is not installed; install it, because DVC keeps experiments and history in Git") from error
    if done.returncode != 0:
        raise git_error(arguments, done.stderr)
    return done.stdout


def run_git(*arguments: str) -> str:
    """Return what a command prints, without its last line break.

    Raises:
        RunError: if it fails, with Git's message, or if Git is not installed.
    """
    return os.fsdecode(git_output(*arguments)).removesuffix("\n")


def git_or_none(*arguments: str) -> str | None:
    """Return what a command prints, or None if it fails."""
    try:
        return run_git(*arguments)
    except RunError:
        return None


def git_error(arguments: Sequence[str], stderr: bytes) -> RunError:
    """Return the error of a failed command: all that it wrote to stderr, after the name of the command."""
    first, _, others = os.fsdecode(stderr).strip().removeprefix("fatal: ").removeprefix("error: ").partition("\n")
    return RunError(f"git {_command_name(arguments)}: {first}", said=others)


def _command_name(arguments: Sequence[str]) -> str:
    """Return the first word that is neither an option nor the value of `-C` or `-c`."""
    before = ["", *arguments[:-1]]
    words = (word for word, last in zip(arguments, before, strict=True) if last not in ("-C", "-c"))
    return next((word for word in words if not word.startswith("-")), arguments[0])


def refused_folder() -> str | None:
    """Return the repository around this folder if Git refuses it because another user owns it."""
    try:
        run_git("rev-parse", "--git-dir")
    except RunError as error:
        found = REFUSED.search(str(error))
        return found[1] if found else None
    return None


def is_shallow() -> bool:
    """Return whether the repository lacks older commits, as one of `git clone --depth 1` does."""
    return git_or_none("rev-parse", "--is-shallow-repository") == "true"


def make_sharing_repository(folder: Path, environment: Mapping[str, str]) -> None:
    """Make a repository in a folder with the objects of this one, and no branch: as shallow as this one, and empty.

    `git clone --shared` does it for none that is shallow, and copies branches.

    Raises:
        RunError: with Git's message.
    """
    objects, shallow = (Path(run_git("rev-parse", "--git-path", name)).resolve() for name in ("objects", "shallow"))
    kind = run_git("rev-parse", "--show-object-format")
    git_output("init", "--quiet", "--template=", f"--object-format={kind}", str(folder), environment=environment)
    info = folder / ".git/objects/info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "alternates").write_bytes(os.fsencode(f"{objects}\n"))
    if shallow.is_file():
        shutil.copyfile(shallow, folder / ".git/shallow")


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
    command, environment, pipe = git_command("cat-file", "--batch"), git_environment(), subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        with _asking(child.stdin, os.fsencode(names)):
            contents = dict(_answers(requests, child.stdout, limit))
            errors = child.stderr.read()
    if child.returncode != 0:
        raise git_error(["cat-file"], errors)
    return contents


@contextmanager
def _asking(stdin: IO[bytes], names: bytes) -> Iterator[None]:
    """Write the names in a thread: Git answers before it has read all, so whoever writes cannot be the one who reads.

    The thread has ended, and the pipe is closed, when the context ends: two threads that close one pipe fail.
    """
    thread = threading.Thread(target=_ask, args=(stdin, names), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


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
