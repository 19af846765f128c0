"""Why a remote gave nothing: one sentence for a person, without a secret."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

SECRET = re.compile(r"secret|password|passphrase|token|credential|connection_string|account_key|access_key|sas", re.I)


class Remote(NamedTuple):
    """
    Attributes:
        options: all of its settings; they may hold secrets.
    """

    name: str
    url: str
    options: Mapping[str, Any]

    def __str__(self) -> str:
        return f"remote '{self.name}' ({without_password(self.url)})"


class Rule(NamedTuple):
    """
    Attributes:
        said: what one of the errors says; `(?P<it>...)` is what it says it about.
        what, mend: may name {it}, and {name} of the remote.
    """

    said: str
    what: str
    mend: str


# The first that fits. What the libraries say was seen with dvc-s3 3.3 and dvc-ssh 4.3.
RULES = (
    Rule(
        r"requires '(?P<it>dvc-\w+)' to be installed",
        "DVC's plug-in for it is not installed",
        "run `pip install -c constraints.txt {it}`",
    ),
    Rule(
        r"Unable to locate credentials|Partial credentials",
        "no key for it was found",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment",
    ),
    Rule(
        r"NoSuchBucket|bucket does not exist",
        "the bucket is not there",
        "make it, or name another one with `dvc remote modify {name} url URL`",
    ),
    Rule(
        r"Forbidden|AccessDenied|Access Denied|SignatureDoesNotMatch|InvalidAccessKeyId|\b40[13]\b",
        "the server refuses the key",
        "check the key in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), or the one that "
        "`dvc remote modify --local {name} ...` has set",
    ),
    Rule(
        r"Permission denied for user (?P<it>\S+)",
        "the SSH server refuses the key of user '{it}'",
        "run `ssh-add KEYFILE`, or `dvc remote modify --local {name} keyfile KEYFILE`",
    ),
    Rule(
        r"^ssh.*No such file or directory: '(?P<it>[^']+)'",
        "the key file {it} is not there",
        "name yours with `dvc remote modify --local {name} keyfile KEYFILE`",
    ),
    Rule(
        r"Could not connect to the endpoint URL: (?P<it>\S+)|Connect call failed|Connection refused|"
        r"Name or service not known|nodename nor servname|Temporary failure in name resolution|"
        r"Connection (?:lost|closed|reset)|[Tt]imed? ?out|No route to host|Network is unreachable|Multiple exceptions",
        "the server cannot be reached {it}",
        "start it, or correct its address with `dvc remote modify {name} url URL` (of an S3 server: AWS_ENDPOINT_URL)",
    ),
)


def explain(error: BaseException, remote: Remote | None) -> str:
    """
    Args:
        remote: the one that was asked; None where only this repository was.
    """
    said = list(_all_that_is_said(error))
    if remote is None:
        return f"dvc: {_hidden(said[0].partition(': ')[2], {})}"
    kind = remote.url.partition("://")[0] if "://" in remote.url else "local"
    for rule in RULES:
        if found := re.search(rule.said, f"{kind} {' '.join(said)}"):
            it = found.groupdict().get("it") or ""
            what, mend = rule.what.format(it=it).strip(), rule.mend.format(it=it, name=remote.name)
            return f"{remote}: {what}: nothing was fetched; {mend}, then run `relight pull` again"
    return (
        f"{remote}: {_hidden(said[0], remote.options)}: nothing was fetched; "
        f"`dvc remote list` shows the address, and docs/sharing.md how to set it"
    )


def nothing_there(remote: Remote) -> str:
    return (
        f"{remote}: nothing has been pushed there: nothing was fetched; run `dvc push` in a clone that has the files, "
        f"or name the place where they lie with `dvc remote modify {remote.name} url URL`"
    )


def without_password(url: str) -> str:
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", url)


def _all_that_is_said(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield " ".join(f"{type(error).__name__}: {error}".split())
        error = error.__cause__ or error.__context__


def _hidden(text: str, options: Mapping[str, Any]) -> str:
    """The text without the values of anything that is named like a secret."""
    known = [*os.environ.items(), *options.items()]
    for value in sorted({str(value) for name, value in known if SECRET.search(name)}, key=len, reverse=True):
        text = text.replace(value, "***") if len(value) > 3 else text
    return without_password(text)
