"""The message when a remote fails: one sentence, and no secret."""

import pytest

from relight.repository.addresses import url_secrets, without_password
from relight.repository.remotes import RemoteSettings, explain_remote_error

S3 = RemoteSettings("store", "s3://bucket/x", {"url": "s3://bucket/x", "secret_access_key": "hush-hush"})
SSH = RemoteSettings("store", "ssh://me@host/x", {"password": "hush-hush"})


class LibraryError(Exception):
    """An error of a plug-in's own library: no class that is known here."""


@pytest.mark.parametrize(
    ("remote", "error", "words"),
    [
        (S3, LibraryError("Unable to locate credentials"), "no key for it was found"),
        (S3, PermissionError("An error occurred (403) when calling the HeadObject operation"), "refuses the key"),
        (S3, LibraryError("The request signature we calculated ... (SignatureDoesNotMatch)"), "refuses the key"),
        (
            S3,
            LibraryError("gs is supported, but requires 'dvc-gs' to be installed"),
            "`pip install dvc-gs`",
        ),
        (SSH, LibraryError("Permission denied for user me on host host"), "refuses the key of user 'me'"),
        (SSH, FileNotFoundError(2, "No such file or directory", "/k/id"), "the key file /k/id is not there"),
        (SSH, OSError(111, "Connect call failed ('127.0.0.1', 1)"), "the server cannot be reached: nothing"),
    ],
)
def test_what_a_library_says_becomes_a_cause_and_a_command(
    remote: RemoteSettings, error: Exception, words: str
) -> None:
    said = explain_remote_error(error, remote)
    assert said.startswith(f"remote 'store' ({remote.url}): ")
    assert words in said
    assert "`" in said
    assert "\n" not in said


def test_the_cause_below_counts() -> None:
    error = LibraryError("odd")
    error.__cause__ = ConnectionError("Connection refused")
    assert "the server cannot be reached" in explain_remote_error(error, S3)


def test_an_unknown_error_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-environment")
    said = explain_remote_error(LibraryError("odd\nhush-hush of-the-environment https://me:word@host/x"), S3)
    assert "LibraryError: odd *** *** https://me:***@host/x: nothing was fetched" in said


SECRETS_IN_URLS = {
    "ssh://me:word@host/x": ["word"],
    "ssh://me:12345@host/x": ["12345"],
    "redis://:word@host": ["word"],
    "ssh://me:wo/rd@host/x": ["wo/rd"],
    "ssh://me:wo?rd#@host/x": ["wo?rd#"],
    "https://me:w@rd@host": ["w@rd"],
    "https://me:wo%2Frd@host": ["wo%2Frd"],
    "https://me:100%@host": ["100%"],
    "https://me%3Aword@host/x": ["word"],
    "https://me:word@[::1]:80/x": ["word"],
    "https://some-token@host/x": ["some-token"],
    "https://some-token:@host/x": ["some-token"],
    "https://ghp_0123456789abcdefABCDEF:x-oauth-basic@host": ["x-oauth-basic", "ghp_0123456789abcdefABCDEF"],
    "ssh://ghp_0123456789abcdefABCDEF@host/x": ["ghp_0123456789abcdefABCDEF"],
    "https://host/x?sv=2024&sig=a%2Bb%3D&se=1": ["a%2Bb%3D"],
    "https://host/x?SIG=ab": ["ab"],
    "https://host?token=ab;key=cd": ["ab", "cd"],
    "https://host/x#access_token=ab": ["ab"],
    "https://host/x?X-Amz-Credential=ab&X-Amz-Signature=cd&X-Amz-Date=1": ["ab", "cd"],
    "https://host/x?AWSAccessKeyId=ab&api-key=cd": ["ab", "cd"],
    "postgresql://me@host/db?password=ab": ["ab"],
    "postgresql://host/db?user=me&p%61ssword=ab": ["ab"],
    "mysql://host/db?passwd=ab&charset=utf8": ["ab"],
    "postgresql://host/db?sslpassword=ab&sslkey=/a/file": ["ab"],
    "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dme%3BPWD%3Dab": ["ab"],
    "mysql://me:${X}word@host/db?email=a@b": ["${X}word"],
    "ssh://me@host:22/x": [],
    "ssh://host:22/x@y": [],
    "ssh://host/x:1@y": [],
    "https://host/x?e=a@b&target_session_attrs=any": [],
    "https://[::1]:22/x@y": [],
    "webdavs://me@host/x": [],
    "s3://bucket/a@b": [],
    "sqlite:////tmp/a:b@c.db": [],
    "postgresql://host/db?password=": [],
    "/a/folder:x@y?sig=1": [],
}


@pytest.mark.parametrize(("url", "secrets"), SECRETS_IN_URLS.items())
def test_the_secrets_of_an_address(url: str, secrets: list[str]) -> None:
    assert url_secrets(url) == secrets
    shown = without_password(f"before {url} behind")
    if secrets:
        assert "***" in shown
    else:
        assert shown == f"before {url} behind"
    assert not [secret for secret in secrets if secret in shown]
    assert (shown[:7], shown[-7:]) == ("before ", " behind")


def test_a_password_in_an_address_is_not_shown() -> None:
    assert without_password("webdavs://me:word@host/x") == "webdavs://me:***@host/x"
    assert str(RemoteSettings("a", "ssh://me:word@host:22/x", {})) == "remote 'a' (ssh://me:***@host:22/x)"
    assert without_password("ssh://me@host:22/x") == "ssh://me@host:22/x"
