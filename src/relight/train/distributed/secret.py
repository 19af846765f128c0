"""The secret that the processes of a launch share, and the messages that they sign with it.

The first machine makes the secret. The others read it from a file of the repository, if they share its folder, or from
RELIGHT_LAUNCH_SECRET; the processes of a machine inherit that variable. It is never an argument, printed or recorded.
"""

import hashlib
import hmac
import os
import secrets
import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relight.errors import InputError
from relight.runtime.processes import SECRET_VARIABLE
from relight.runtime.workspace import SCRATCH_FOLDER, in_repository

MIN_SECRET_LENGTH = 32  # a shorter one could be guessed from a signed message
_HEADER = struct.Struct(">I32s")  # the length of a message, and its HMAC
_N_NONCE = 32


class SecretError(Exception):
    """The other side does not know the secret, or this one does not."""


def make_secret() -> str:
    return secrets.token_hex(32)


def given_secret() -> str | None:
    """Return the secret of the environment; None if there is none.

    Raises:
        InputError: if it is too short.
    """
    secret = os.environ.get(SECRET_VARIABLE, "").strip()
    if secret and len(secret) < MIN_SECRET_LENGTH:
        raise InputError(
            f"{SECRET_VARIABLE}: must have at least {MIN_SECRET_LENGTH} characters, got {len(secret)}; "
            'make one with `python -c "import secrets; print(secrets.token_hex(32))"`'
        )
    return secret or None


def secret_file(port: int) -> Path:
    """Return the file of the launch whose first machine listens at a port; its folder is one that all machines share.

    Raises:
        InputError: outside of a DVC repository.
    """
    return in_repository(SCRATCH_FOLDER) / f"launch-{port}.secret"


@contextmanager
def shared_secret(port: int) -> Iterator[str]:
    """Yield the secret of the environment, or a new one that lies in `secret_file` for the block.

    Raises:
        InputError: if the file cannot be written.
    """
    secret = given_secret()
    if secret is not None:
        yield secret
        return
    file, secret = secret_file(port), make_secret()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # of a launch that was killed
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as opened:
            opened.write(secret)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}; or set {SECRET_VARIABLE}") from error
    try:
        yield secret
    finally:
        file.unlink(missing_ok=True)


def find_secret(port: int) -> str:
    """Return the secret of the environment, or that of the file.

    Raises:
        SecretError: if there is neither.
        InputError: if the file is not only the user's own.
    """
    secret = given_secret()
    if secret is not None:
        return secret
    file = secret_file(port)
    try:
        os.listdir(file.parent)  # so that a network disk asks its server which files there are
        opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}; {next_step()}") from error
    except OSError as error:
        raise SecretError(
            f"this machine does not know the secret of the first one: {file}: {error.strerror}; {next_step()}"
        ) from error
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise InputError(
                f"{file}: must be a file of this user that nobody else may read, got user {status.st_uid} and mode "
                f"{stat.S_IMODE(status.st_mode):o}; remove it and start the first machine again, or "
                f"set {SECRET_VARIABLE}"
            )
        return os.read(opened, 2 * len(make_secret())).decode("ascii", "replace")
    finally:
        os.close(opened)


def next_step() -> str:
    return f"start all machines in one shared folder, as one user, or set {SECRET_VARIABLE} to the same value on all"


class SignedChannel:
    """Messages over a socket, each signed with HMAC-SHA256 (RFC 2104); nothing is encrypted.

    Both sides send a random number; the key is derived from these and the secret. A signature covers the direction, the
    number of the message and its bytes, so that no message of another connection, direction or time is taken.

    Args:
        until: `time.monotonic()` at which the other side must have proved that it knows the secret.

    Raises:
        OSError: if the connection is lost, or silent for too long.
    """

    def __init__(self, connection: socket.socket, secret: str, *, is_server: bool, until: float) -> None:
        self._connection, self._until = connection, until
        own = secrets.token_bytes(_N_NONCE)
        connection.sendall(own)
        other = self._read(_N_NONCE)
        server, client = (own, other) if is_server else (other, own)
        self._key = hmac.digest(secret.encode(), b"relight launch" + server + client, hashlib.sha256)
        self._sends, self._receives = (b"s", b"c") if is_server else (b"c", b"s")
        self._n_sent = self._n_received = 0

    def trust(self) -> None:
        """Wait for messages without limit from now on: the other side has proved itself."""
        self._until = float("inf")
        self._connection.settimeout(None)

    def send(self, message: bytes) -> None:
        signature = self._signature(self._sends, self._n_sent, message)
        self._n_sent += 1
        self._connection.sendall(_HEADER.pack(len(message), signature) + message)

    def receive(self, limit: int) -> bytes:
        """Return the next message.

        Args:
            limit: bytes that are read at most.

        Raises:
            OSError: if the connection is lost.
            SecretError: if the message is longer, or not signed with the secret.
        """
        length, signature = _HEADER.unpack(self._read(_HEADER.size))
        if length > limit:
            raise SecretError(f"a message must have at most {limit} bytes, got {length}")
        message = self._read(length)
        if not hmac.compare_digest(signature, self._signature(self._receives, self._n_received, message)):
            raise SecretError("a message is not signed with the secret of this launch")
        self._n_received += 1
        return message

    def _signature(self, direction: bytes, number: int, message: bytes) -> bytes:
        return hmac.digest(self._key, direction + number.to_bytes(8) + message, hashlib.sha256)

    def _read(self, length: int) -> bytes:
        content = b""
        while len(content) < length:
            if self._until != float("inf"):
                self._connection.settimeout(max(1e-3, self._until - time.monotonic()))
            part = self._connection.recv(length - len(content))
            if not part:
                raise ConnectionResetError("the other side has closed the connection")
            content += part
        return content
