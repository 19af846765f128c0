"""The message when a remote fails: one sentence, and no secret."""

import pytest

from relight.repository.remotes import RemoteSettings, explain_remote_error, without_password

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


def test_a_password_in_an_address_is_not_shown() -> None:
    assert without_password("webdavs://me:word@host/x") == "webdavs://me:***@host/x"
    assert str(RemoteSettings("a", "ssh://me:word@host:22/x", {})) == "remote 'a' (ssh://me:***@host:22/x)"
    assert without_password("ssh://me@host:22/x") == "ssh://me@host:22/x"
