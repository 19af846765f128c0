import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from relight.errors import InputError
from relight.train.distributed.secret import (
    SecretError,
    SignedChannel,
    find_secret,
    given_secret,
    make_secret,
    secret_file,
    shared_secret,
)

SECRET = "0123456789abcdef" * 4
PORT = 29999


@pytest.fixture(autouse=True)
def repository_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RELIGHT_LAUNCH_SECRET", raising=False)
    (tmp_path / ".dvc/tmp/relight").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_machine_makes_a_secret_that_only_its_user_can_read_and_removes_it() -> None:
    before = os.umask(0)
    try:
        with shared_secret(PORT) as secret:
            assert secret_file(PORT) == Path(".dvc/tmp/relight/launch-29999.secret")
            assert secret_file(PORT).stat().st_mode & 0o777 == 0o600
            assert find_secret(PORT) == secret
            assert re.fullmatch("[0-9a-f]{64}", secret)
    finally:
        os.umask(before)
    assert not secret_file(PORT).exists()
    with shared_secret(PORT) as another:
        assert another != secret


def test_a_secret_that_a_killed_launch_left_or_a_planted_link_is_replaced(repository_: Path) -> None:
    victim = repository_ / "victim"
    victim.write_text("mine")
    for plant in (lambda: secret_file(PORT).write_text(SECRET), lambda: secret_file(PORT).symlink_to(victim)):
        plant()
        with shared_secret(PORT) as secret:
            assert find_secret(PORT) == secret != SECRET
    assert victim.read_text() == "mine"


def test_the_secret_of_the_environment_comes_first_and_no_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELIGHT_LAUNCH_SECRET", f"{SECRET}\n")  # as of a file of Kubernetes
    secret_file(PORT).write_text("of another")
    with shared_secret(PORT) as secret:
        assert secret == find_secret(PORT) == SECRET
    assert secret_file(PORT).read_text() == "of another"


def test_a_short_secret_is_refused_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELIGHT_LAUNCH_SECRET", "hunter2")
    said = r"^RELIGHT_LAUNCH_SECRET: must have at least 32 characters, got 7; make one with `python -c .*`$"
    for asks in (given_secret, lambda: find_secret(PORT), lambda: shared_secret(PORT).__enter__()):
        with pytest.raises(InputError, match=said) as refused:
            asks()
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("plant", "error", "said"),
    [
        (lambda _file: None, SecretError, "No such file or directory; start all machines in one shared folder"),
        (lambda file: file.symlink_to("/dev/zero"), SecretError, "does not know the secret of the first one"),
        (lambda file: os.mkfifo(file, 0o600), InputError, "must be a file of this user that nobody else may read"),
        (lambda file: file.mkdir(0o700), InputError, "must be a file of this user"),
        (lambda file: (file.write_text(SECRET), file.chmod(0o640)), InputError, "got user 0|1[0-9]* and mode 640"),
        (lambda file: (file.write_text(SECRET), file.chmod(0o602)), InputError, "and mode 602; remove it and start"),
    ],
)
def test_a_file_that_a_stranger_may_have_written_is_no_secret(
    plant: Callable[[Path], object], error: type[Exception], said: str
) -> None:
    plant(secret_file(PORT))
    with pytest.raises(error, match=said) as refused:
        find_secret(PORT)
    assert "RELIGHT_LAUNCH_SECRET" in str(refused.value)  # the next step
    assert SECRET not in str(refused.value)


def test_of_a_large_file_only_as_much_as_a_secret_is_read() -> None:
    with open(os.open(secret_file(PORT), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.truncate(2**34)
    assert len(find_secret(PORT)) == 128


@pytest.fixture(autouse=True)
def pairs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the pairs of sockets that a test makes."""
    with ExitStack() as opened:
        make = socket.socketpair
        monkeypatch.setattr(socket, "socketpair", lambda: [opened.enter_context(one) for one in make()])
        yield


def channels(secret: str = SECRET, other: str = SECRET) -> tuple[SignedChannel, SignedChannel, socket.socket]:
    """Return a client's channel, the server's, and the socket that the client writes to."""
    one, two = socket.socketpair()
    until, made = time.monotonic() + 5, []
    thread = threading.Thread(target=lambda: made.append(SignedChannel(two, other, is_server=True, until=until)))
    thread.start()
    client = SignedChannel(one, secret, is_server=False, until=until)
    thread.join()
    return client, made[0], one


def test_messages_arrive_as_they_were_sent_in_both_directions() -> None:
    client, server, _ = channels()
    for message in (b"", b"one", b"\0" * 70_000):
        thread = threading.Thread(target=client.send, args=(message,))
        thread.start()
        assert server.receive(70_000) == message
        thread.join()
        server.send(message[:9])
        assert client.receive(9) == message[:9]


def test_a_message_of_another_secret_is_refused() -> None:
    client, server, _ = channels(other=make_secret())
    client.send(b"x")
    with pytest.raises(SecretError, match="not signed with the secret"):
        server.receive(9)


def sent(client: SignedChannel, server_side: socket.socket, message: bytes) -> bytes:
    client.send(message)
    return server_side.recv(1000)


@pytest.mark.parametrize(
    "change",
    [
        lambda first, _second: first + first,  # the same again
        lambda first, second: second + first,  # another order
        lambda first, _second: first[:-1] + bytes([first[-1] ^ 1]),
        lambda first, _second: first[:4] + bytes(32) + first[36:],  # no signature
        lambda first, _second: (len(first) - 36 - 1).to_bytes(4) + first[4:-1],  # a byte less
    ],
)
def test_a_message_that_was_changed_or_repeated_on_its_way_is_refused(change: Callable[[bytes, bytes], bytes]) -> None:
    one, two = socket.socketpair()
    client, server, wire = channels()
    client._connection = one
    first, second = sent(client, two, b"first"), sent(client, two, b"second")
    wire.sendall(change(first, second))
    with pytest.raises(SecretError):
        assert [server.receive(99), server.receive(99)] == [b"first", b"second"]


def test_a_message_of_another_connection_or_direction_is_refused() -> None:
    one, two = socket.socketpair()
    (client, _, _), (_, server, wire) = channels(), channels()
    client._connection = one
    wire.sendall(sent(client, two, b"set"))
    with pytest.raises(SecretError):
        server.receive(9)
    client, server, wire = channels()
    server.send(b"set")
    wire.sendall(wire.recv(1000))  # sent back
    with pytest.raises(SecretError):
        server.receive(9)


@pytest.mark.parametrize("length", [10, 2**20, 2**32 - 1])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(length: int) -> None:
    _, server, wire = channels()
    wire.sendall(length.to_bytes(4) + bytes(32))
    with pytest.raises(SecretError, match=f"must have at most 9 bytes, got {length}"):
        server.receive(9)


def test_who_sends_a_byte_now_and_then_does_not_hold_the_connection() -> None:
    one, two = socket.socketpair()

    def drip() -> None:
        with suppress(OSError):
            for _ in range(100):
                two.send(b"x")
                time.sleep(0.05)

    threading.Thread(target=drip, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        SignedChannel(one, SECRET, is_server=True, until=began + 0.3)
    assert time.monotonic() - began < 2
