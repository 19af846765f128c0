"""The store of a launch: the processes find one another by the values that they set in it.

It is a `torch.distributed.Store` whose every message is signed, because TCPStore takes values of any size from anybody
who can connect. A connection that does not prove within seconds that it knows the secret is closed; until then no more
than a few bytes of it are read.

Messages are JSON: `[operation, key, ...]` and the answer; values are hexadecimal.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self

from torch.distributed import DistNetworkError, DistStoreError
from torch.distributed.distributed_c10d import Store

from relight.runtime.messages import notify
from relight.train.distributed.secret import SecretError, SignedChannel, next_step

HANDSHAKE_SECONDS = 5
MAX_STRANGERS = 64  # connections at a time that have not proved themselves
MAX_MESSAGE_BYTES = 2**20  # a value of a thousand processes has some 100 KB
_HELLO = b"hello"
_POLL_SECONDS = 0.02


class StoreServer:
    """Answers the clients of a store in threads, until it is closed.

    Args:
        listening: becomes the server's own.
    """

    def __init__(self, listening: socket.socket, secret: str) -> None:
        self._listening, self._secret = listening, secret
        self._values: dict[str, bytes] = {}
        self._changing = threading.Lock()
        self._strangers = threading.BoundedSemaphore(MAX_STRANGERS)
        self._is_closed = self._has_warned = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        with suppress(OSError):  # of a system that does not shut listening sockets down
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def answer(self, operation: str, key: str, argument: Any = None) -> Any:
        """Carry out one operation of a store.

        Args:
            argument: a value as hexadecimal text, or the step of a sum.

        Returns:
            A JSON value; a value of the store as hexadecimal text, None if there is none.

        Raises:
            ValueError: if there is no such operation.
        """
        with self._changing:
            value = self._values.get(key)
            match operation:
                case "get":
                    return None if value is None else value.hex()
                case "check":
                    return value is not None
                case "set":
                    self._values[key] = bytes.fromhex(argument)
                    return None
                case "add":
                    self._values[key] = str(int(value or b"0") + argument).encode()
                    return int(self._values[key])
                case "delete":
                    return self._values.pop(key, None) is not None
        raise ValueError(f"{operation}: is no operation of a store")

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                connection, (host, *_) = self._listening.accept()
            except OSError:  # closed, or too many files are open
                time.sleep(_POLL_SECONDS)
                continue
            if self._strangers.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(connection, str(host)), daemon=True).start()
            else:
                connection.close()

    def _serve(self, connection: socket.socket, host: str) -> None:
        with connection, suppress(OSError):  # it is lost, which the processes themselves report
            if (channel := self._prove(connection, host)) is None:
                return
            with suppress(SecretError, ValueError, TypeError):  # the client is told by the end of the connection
                while True:
                    answer = self.answer(*json.loads(channel.receive(MAX_MESSAGE_BYTES)))
                    channel.send(json.dumps(answer).encode())

    def _prove(self, connection: socket.socket, host: str) -> SignedChannel | None:
        """Return the channel to a client that knows the secret."""
        try:
            until = time.monotonic() + HANDSHAKE_SECONDS
            channel = SignedChannel(connection, self._secret, is_server=True, until=until)
            channel.receive(len(_HELLO))
            channel.send(_HELLO)
        except SecretError:
            self._warn(host)
            return None
        finally:
            self._strangers.release()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        channel.trust()
        return channel

    def _warn(self, host: str) -> None:
        """Say it once: a stranger must not fill the terminal."""
        if not self._has_warned:
            self._has_warned = True
            notify(f"relight launch: {host} was refused, because it does not know the secret of this launch")


class LaunchStore(Store):
    """The client of a `StoreServer`. Its errors are those of torch.distributed.

    Attributes:
        secret: for the processes that this one starts.

    Raises:
        OSError: if nobody answers.
        SecretError: if the other side does not know the secret.
    """

    def __init__(self, connection: socket.socket, secret: str, timeout: timedelta) -> None:
        super().__init__()
        self.secret, self._connection = secret, connection
        self._wait_seconds = timeout.total_seconds()
        self._asking = threading.Lock()
        until = time.monotonic() + HANDSHAKE_SECONDS
        self._channel = SignedChannel(connection, secret, is_server=False, until=until)
        try:
            self._channel.send(_HELLO)
            self._channel.receive(len(_HELLO))
        except (ConnectionError, SecretError) as error:
            raise SecretError(f"refuses this machine: it has another secret; {next_step()}") from error
        self._channel.trust()

    def __del__(self) -> None:
        self._connection.close()

    def set(self, key: str, value: str | bytes) -> None:
        self._ask("set", key, (value.encode() if isinstance(value, str) else value).hex())

    def get(self, key: str) -> bytes:
        value = self._until(lambda: self._ask("get", key), key, self._wait_seconds)
        return bytes.fromhex(value)

    def add(self, key: str, value: int) -> int:
        return int(self._ask("add", key, value))

    def check(self, keys: Sequence[str]) -> bool:
        return all(self._ask("check", key) for key in keys)

    def wait(self, keys: Sequence[str], timeout: timedelta | None = None) -> None:
        seconds = self._wait_seconds if timeout is None else timeout.total_seconds()
        self._until(lambda: self.check(keys) or None, ", ".join(keys), seconds)

    def delete_key(self, key: str) -> bool:
        return bool(self._ask("delete", key))

    def set_timeout(self, timeout: timedelta) -> None:
        self._wait_seconds = timeout.total_seconds()

    def clone(self) -> Self:
        """Return the store itself, because several threads may use it."""
        return self

    def _ask(self, *request: Any) -> Any:
        try:
            with self._asking:
                self._channel.send(json.dumps(request).encode())
                return json.loads(self._channel.receive(MAX_MESSAGE_BYTES))
        except (OSError, SecretError) as error:
            raise DistNetworkError(f"the store of the first process is lost: {error}") from error

    def _until(self, ask: Callable[[], Any], what: str, seconds: float) -> Any:
        until = time.monotonic() + seconds
        while (answer := ask()) is None:
            if time.monotonic() > until:
                raise DistStoreError(f"{what}: was not set within {seconds:g} s")
            time.sleep(_POLL_SECONDS)
        return answer
