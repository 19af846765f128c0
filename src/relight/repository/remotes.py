"""Remotes: which of DVC's objects the default one holds, and why one failed, in a sentence without secrets."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from relight.repository.addresses import without_password
from relight.repository.dvc_command import assert_dvc_installed
from relight.repository.objects import FOLDER_SUFFIX, ObjectState, file_md5, folder_files, is_intact, object_state

RemoteObjectState = ObjectState | Literal["there"]  # there: it has the right size; its bytes are checked when pulled
SECRET_NAME = re.compile(
    r"secret|password|passphrase|token|credential|connection_string|account_key|access_key|sas", re.I
)


class RemoteContents(NamedTuple):
    """The objects on the default remote.

    Attributes:
        name: None if there is no default remote.
        problem: why it cannot be asked; "" if it can.
        states: of each object, by its MD5.
    """

    name: str | None
    problem: str
    states: dict[str, RemoteObjectState]


@contextmanager
def damaged_are_kept(cache: str) -> Iterator[None]:
    """Keep what is damaged in a remote that is a folder: DVC removes it there when it looks whether it exists.

    Args:
        cache: the folder of the objects of the cache, of which only intact ones may stay.
    """
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_objects.errors import ObjectFormatError

    database: Any = LocalHashFileDB
    check = database.check

    def check_only(odb: Any, oid: str, check_hash: bool = True, _info: Any = None) -> Any:
        if odb.path == cache:
            return check(odb, oid, check_hash, _info)
        found, path = check(odb, oid, False, _info), Path(odb.oid_to_path(oid))
        if not odb.is_protected(path) and file_md5(path) != oid.removesuffix(FOLDER_SUFFIX):
            raise ObjectFormatError(f"{path} is damaged")
        return found

    database.check = check_only
    try:
        yield
    finally:
        database.check = check


def query_remote(sizes: Mapping[str, int], cache: Path) -> RemoteContents:
    """Return the states of objects on the default remote.

    The objects of a folder on this machine are hashed again; other remotes are asked only for sizes.

    Args:
        sizes: the bytes of each object, by its MD5.
        cache: holds the lists of the folders' files.
    """
    assert_dvc_installed()
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
    """Ask once for all objects and for the files of the folders among them."""
    parts = {md5: [md5, *_files_of_folder(cache, md5)] for md5 in sizes}
    single = sorted({part for md5s in parts.values() for part in md5s})
    infos = odb.fs.info([odb.oid_to_path(md5) for md5 in single], return_exceptions=True)
    lengths = {md5: _object_size(info) for md5, info in zip(single, infos, strict=True)}
    return {md5: _remote_state(sizes[md5], md5, [lengths[part] for part in md5s]) for md5, md5s in parts.items()}


def _files_of_folder(cache: Path, md5: str) -> list[str]:
    """Return the files of a folder; none if its list is not in the cache.

    The list stands for its files then: DVC pushes it last.
    """
    return list(folder_files(cache, md5).values()) if md5.endswith(FOLDER_SUFFIX) and is_intact(cache, md5) else []


def _object_size(info: Any) -> int | None:
    """Return the bytes of an object; None if it is not there."""
    if isinstance(info, FileNotFoundError):
        return None
    if isinstance(info, Exception):
        raise OSError(str(info)) from info
    return int(info["size"])


def _remote_state(size: int, md5: str, lengths: list[int | None]) -> RemoteObjectState:
    if None in lengths:
        return "missing"
    is_cut_short = 0 in lengths if md5.endswith(FOLDER_SUFFIX) else lengths != [size]
    return "damaged" if is_cut_short else "there"


class RemoteSettings(NamedTuple):
    """A remote, as DVC's config sets it.

    Attributes:
        options: all of its settings; they may hold secrets.
    """

    name: str
    url: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"remote '{self.name}' ({without_password(self.url)})"


class FailureRule(NamedTuple):
    """The explanation of the errors that match a pattern.

    Attributes:
        pattern: matches the error's text; the group `it` is what the error is about.
        problem, fix: may use {it}, and {name} of the remote.
    """

    pattern: str
    problem: str
    fix: str


# The first match counts. The texts of the libraries are those of dvc-s3 3.3 and dvc-ssh 4.3.
FAILURE_RULES = (
    FailureRule(
        r"requires '(?P<it>dvc-\w+)' to be installed",
        "DVC's plug-in for it is not installed",
        "run `pip install {it}`",
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
    """Return one sentence for a person: the cause, and the next step.

    Args:
        remote: the one that was asked; None if only this repository was.
    """
    messages = list(_messages_of(error))
    if remote is None:
        return f"dvc: {_without_secrets(messages[0].partition(': ')[2], {})}"
    kind = remote.url.partition("://")[0] if "://" in remote.url else "local"
    for rule in FAILURE_RULES:
        if match := re.search(rule.pattern, f"{kind} {' '.join(messages)}"):
            it = match.groupdict().get("it") or ""
            problem, fix = rule.problem.format(it=it).strip(), rule.fix.format(it=it, name=remote.name)
            return f"{remote}: {problem}: nothing was fetched; {fix}, then run `relight pull` again"
    return (
        f"{remote}: {_without_secrets(messages[0], remote.options)}: nothing was fetched; "
        f"`dvc remote list` shows the address, and `dvc remote modify {remote.name} url URL` sets it"
    )


def nothing_pushed_message(remote: RemoteSettings) -> str:
    """Return the message for a remote to which nothing has been pushed."""
    return (
        f"{remote}: nothing has been pushed there: nothing was fetched; run `dvc push` in a clone that has the files, "
        f"or set the address where they are with `dvc remote modify {remote.name} url URL`"
    )


def _messages_of(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield " ".join(f"{type(error).__name__}: {error}".split())
        error = error.__cause__ or error.__context__


def _without_secrets(text: str, options: Mapping[str, Any]) -> str:
    """Return the text with `***` for the values of all variables and options with the name of a secret."""
    settings = [*os.environ.items(), *options.items()]
    secrets = {str(value) for name, value in settings if SECRET_NAME.search(name)}
    for value in sorted(secrets, key=len, reverse=True):  # a secret may be a part of another one
        text = text.replace(value, "***") if len(value) > 3 else text
    return without_password(text)
