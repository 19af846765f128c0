"""Remote contents and failures.

What of DVC's objects is on the default remote.

Why a remote gave nothing: one sentence for a person, without a secret.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relight.repository.objects import FOLDER_SUFFIX, ObjectState, folder_files, is_intact, object_state

RemoteObjectState = (
    ObjectState | Literal["there"]
)  # there: with the right size; its bytes are checked when it is pulled
SECRET_NAME = re.compile(
    r"secret|password|passphrase|token|credential|connection_string|account_key|access_key|sas", re.I
)


class RemoteContents(NamedTuple):
    """
    Attributes:
        name: None where there is no default one.
        problem: why it cannot be asked; "" where it can.
        states: by MD5.
    """

    name: str | None
    problem: str
    states: dict[str, RemoteObjectState]


def query_remote(sizes: Mapping[str, int], cache: Path) -> RemoteContents:
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
                return RemoteContents(None, "there is no default remote", {})
            remote = repo.cloud.get_remote(name)
            if remote.fs.protocol == "local":
                return RemoteContents(name, "", {md5: object_state(Path(remote.path), md5) for md5 in sizes})
            return RemoteContents(name, "", _object_states(remote.odb, sizes, cache))
    except (DvcException, OSError) as error:
        return RemoteContents(name, str(error).split("\n")[0], {})


def _object_states(odb: Any, sizes: Mapping[str, int], cache: Path) -> dict[str, RemoteObjectState]:
    """One question for all objects, and for the files in the folders among them."""
    parts = {md5: [md5, *_files_of_folder(cache, md5)] for md5 in sizes}
    single = sorted({part for md5s in parts.values() for part in md5s})
    infos = odb.fs.info([odb.oid_to_path(md5) for md5 in single], return_exceptions=True)
    lengths = {md5: _object_size(info) for md5, info in zip(single, infos, strict=True)}
    return {md5: _remote_state(sizes[md5], md5, [lengths[part] for part in md5s]) for md5, md5s in parts.items()}


def _files_of_folder(cache: Path, md5: str) -> list[str]:
    """DVC pushes the list of a folder last: where the list is not here, it stands for its files."""
    return list(folder_files(cache, md5).values()) if md5.endswith(FOLDER_SUFFIX) and is_intact(cache, md5) else []


def _object_size(info: Any) -> int | None:
    """Of an object in bytes; None where it is not there."""
    if isinstance(info, FileNotFoundError):
        return None
    if isinstance(info, Exception):
        raise OSError(str(info)) from info
    return int(info["size"])


def _remote_state(size: int, md5: str, lengths: list[int | None]) -> RemoteObjectState:
    if None in lengths:
        return "missing"
    cut_short = 0 in lengths if md5.endswith(FOLDER_SUFFIX) else lengths != [size]
    return "damaged" if cut_short else "there"


class RemoteSettings(NamedTuple):
    """
    Attributes:
        options: all of its settings; they may hold secrets.
    """

    name: str
    url: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"remote '{self.name}' ({without_password(self.url)})"


class FailureRule(NamedTuple):
    """
    Attributes:
        said: what one of the errors says; `(?P<it>...)` is what it says it about.
        what, mend: may name {it}, and {name} of the remote.
    """

    pattern: str
    problem: str
    fix: str


# The first that fits. What the libraries say was seen with dvc-s3 3.3 and dvc-ssh 4.3.
FAILURE_RULES = (
    FailureRule(
        r"requires '(?P<it>dvc-\w+)' to be installed",
        "DVC's plug-in for it is not installed",
        "run `pip install -c constraints.txt {it}`",
    ),
    FailureRule(
        r"Unable to locate credentials|Partial credentials",
        "no key for it was found",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment",
    ),
    FailureRule(
        r"NoSuchBucket|bucket does not exist",
        "the bucket is not there",
        "make it, or name another one with `dvc remote modify {name} url URL`",
    ),
    FailureRule(
        r"Forbidden|AccessDenied|Access Denied|SignatureDoesNotMatch|InvalidAccessKeyId|\b40[13]\b",
        "the server refuses the key",
        "check the key in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or the one that "
        "`dvc remote modify --local {name} ...` has set",
    ),
    FailureRule(
        r"Permission denied for user (?P<it>\S+)",
        "the SSH server refuses the key of user '{it}'",
        "run `ssh-add KEYFILE`, or `dvc remote modify --local {name} keyfile KEYFILE`",
    ),
    FailureRule(
        r"^ssh.*No such file or directory: '(?P<it>[^']+)'",
        "the key file {it} is not there",
        "name yours with `dvc remote modify --local {name} keyfile KEYFILE`",
    ),
    FailureRule(
        r"Could not connect to the endpoint URL: (?P<it>\S+)|Connect call failed|Connection refused|"
        r"Name or service not known|nodename nor servname|Temporary failure in name resolution|"
        r"Connection (?:lost|closed|reset)|[Tt]imed? ?out|No route to host|Network is unreachable|Multiple exceptions",
        "the server cannot be reached {it}",
        "start it, or correct its address with `dvc remote modify {name} url URL` (of an S3 server: AWS_ENDPOINT_URL)",
    ),
)


def explain_remote_error(error: BaseException, remote: RemoteSettings | None) -> str:
    """
    Args:
        remote: the one that was asked; None where only this repository was.
    """
    messages = list(_messages_of(error))
    if remote is None:
        return f"dvc: {_without_secrets(messages[0].partition(': ')[2], {})}"
    kind = remote.url.partition("://")[0] if "://" in remote.url else "local"
    for rule in FAILURE_RULES:
        if match := re.search(rule.pattern, f"{kind} {' '.join(messages)}"):
            it = match.groupdict().get("it") or ""
            what, mend = rule.problem.format(it=it).strip(), rule.fix.format(it=it, name=remote.name)
            return f"{remote}: {what}: nothing was fetched; {mend}, then run `relight pull` again"
    return (
        f"{remote}: {_without_secrets(messages[0], remote.options)}: nothing was fetched; "
        f"`dvc remote list` shows the address, and docs/sharing.md how to set it"
    )


def nothing_pushed_message(remote: RemoteSettings) -> str:
    return (
        f"{remote}: nothing has been pushed there: nothing was fetched; run `dvc push` in a clone that has the files, "
        f"or name the place where they lie with `dvc remote modify {remote.name} url URL`"
    )


def without_password(url: str) -> str:
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", url)


def _messages_of(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield " ".join(f"{type(error).__name__}: {error}".split())
        error = error.__cause__ or error.__context__


def _without_secrets(text: str, options: Mapping[str, Any]) -> str:
    """The text without the values of anything that is named like a secret."""
    named_values = [*os.environ.items(), *options.items()]
    for value in sorted(
        {str(value) for name, value in named_values if SECRET_NAME.search(name)}, key=len, reverse=True
    ):
        text = text.replace(value, "***") if len(value) > 3 else text
    return without_password(text)
