import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from torch.distributed import DistNetworkError, DistStoreError, TCPStore

from relight.errors import InputError, RunError
from relight.runtime.processes import Address, LaunchRequest
from relight.train.distributed import lending, rendezvous, store
from relight.train.distributed.secret import SecretError, SignedChannel, secret_file
from relight.train.distributed.store import MAX_MESSAGE_BYTES, MAX_STRANGERS, LaunchStore, StoreServer

SECRET = "0123456789abcdef" * 4


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def server(listening: socket.socket) -> Iterator[StoreServer]:
    opened = StoreServer(listening, SECRET)
    yield opened
    opened.close()


def client(listening: socket.socket, secret: str = SECRET) -> LaunchStore:
    return LaunchStore(connected(listening), secret, timedelta(seconds=0.3))


def connected(listening: socket.socket) -> socket.socket:
    return socket.create_connection(listening.getsockname(), timeout=5)


@pytest.mark.usefixtures("server")
def test_what_one_process_sets_another_gets(listening: socket.socket) -> None:
    one, other = client(listening), client(listening)
    one.set("a", "text")
    one.set("b", bytes(range(256)))
    assert (other.get("a"), other.get("b")) == (b"text", bytes(range(256)))
    assert [one.add("n", 2), other.add("n", 0), other.add("n", -1)] == [2, 2, 1]
    assert other.get("n") == b"1"
    assert other.check(["a", "b"])
    assert not other.check(["a", "none"])
    assert (one.delete_key("a"), one.delete_key("a"), other.check(["a"])) == (True, False, False)
    threading.Timer(0.1, one.set, ("late", "x")).start()
    other.wait(["b", "late"], timedelta(seconds=20))
    for asks in (lambda: one.get("none"), lambda: one.wait(["none"])):
        with pytest.raises(DistStoreError, match=r"^none: was not set within 0.3 s$"):
            asks()


def with_another_secret(listening: socket.socket) -> None:
    client(listening, "f" * 64).set("training 1", "/evil")


def with_no_secret(listening: socket.socket) -> None:
    client(listening, "").set("training 1", "/evil")


def as_torch(listening: socket.socket) -> None:
    host, port = listening.getsockname()
    stranger = TCPStore(host, port, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=1))
    stranger.set("training 1", "/evil")


def with_much(listening: socket.socket) -> None:
    with connected(listening) as connection:
        for _ in range(300):
            connection.sendall(bytes(2**20))
    pytest.fail("300 MB were read")


def with_a_long_message(listening: socket.socket) -> None:
    with connected(listening) as connection:
        connection.sendall(bytes(32) + (2**32 - 1).to_bytes(4) + bytes(32))
        while connection.recv(1000):
            pass
        raise ConnectionResetError


def with_a_message_and_no_signature(listening: socket.socket) -> None:
    with connected(listening) as connection:
        connection.sendall(bytes(32) + (5).to_bytes(4) + bytes(32) + b"hello")
        while connection.recv(1000):
            pass
        raise ConnectionResetError


STRANGERS = [
    with_another_secret, with_no_secret, as_torch, with_much, with_a_long_message, with_a_message_and_no_signature,
]  # fmt: skip


@pytest.mark.parametrize("tries", STRANGERS)
def test_a_stranger_changes_nothing_and_is_cut_off(
    tries: Callable[[socket.socket], None], listening: socket.socket, server: StoreServer
) -> None:
    before = client(listening)
    before.set("training 1", ".")
    with pytest.raises((OSError, SecretError, RuntimeError)):
        tries(listening)
    assert before.get("training 1") == b"."
    assert client(listening).get("training 1") == b"."
    assert server._values == {"training 1": b"."}


def test_the_first_machine_says_once_who_was_refused(
    listening: socket.socket, server: StoreServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        with pytest.raises(SecretError, match="refuses this machine: it has another secret; start all machines"):
            client(listening, "f" * 64)
    said = "relight launch: 127.0.0.1 was refused, because it does not know the secret of this launch\n"
    assert capsys.readouterr().err == said
    assert server._has_warned


def test_many_that_say_nothing_keep_nobody_out(
    listening: socket.socket, server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "HANDSHAKE_SECONDS", 1.0)
    silent = [connected(listening) for _ in range(MAX_STRANGERS + 20)]
    until = time.monotonic() + 20
    found = None
    while found is None and time.monotonic() < until:
        with suppress(SecretError, OSError):
            found = client(listening)
    assert found is not None
    assert found.add("n", 1) == 1
    assert server.answer("get", "n") == b"1".hex()
    for connection in silent:
        connection.close()


def test_a_client_that_misbehaves_is_cut_off_and_the_others_go_on(
    listening: socket.socket, server: StoreServer
) -> None:
    other = client(listening)
    for message in (b"[]", b"no JSON", b'["evil", "key"]', b'["set", "key", "no hexadecimal"]', b"[[]]"):
        bad = client(listening)
        bad._channel.send(message)
        with pytest.raises(ConnectionError):
            bad._channel.receive(9)
    with pytest.raises(DistNetworkError, match="the store of the first process is lost"):
        other.set("key", bytes(MAX_MESSAGE_BYTES))
    assert server._values == {}
    assert client(listening).add("n", 1) == 1


@pytest.mark.parametrize("answer", [b"hello" + bytes(100), bytes(200), b"\xff" * 300], ids=len)
def test_a_stranger_at_the_address_is_not_taken_for_the_first_machine(listening: socket.socket, answer: bytes) -> None:
    def impostor() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(answer)
            connection.recv(100)

    threading.Thread(target=impostor, daemon=True).start()
    with pytest.raises(SecretError, match="it has another secret"):
        client(listening)


def test_a_program_that_hangs_up_at_once_is_no_answer(listening: socket.socket) -> None:
    """It may be the first machine to which too many strangers talk, so that another try may help."""
    threading.Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()
    with pytest.raises(ConnectionError):
        client(listening)


def test_the_answers_of_a_first_machine_are_not_taken_from_anybody_else(listening: socket.socket) -> None:
    """It sends back what it got, for it cannot sign."""

    def mirror() -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            while content := connection.recv(100):
                connection.sendall(content)

    threading.Thread(target=mirror, daemon=True).start()
    with pytest.raises(SecretError):
        client(listening)


@pytest.fixture
def model_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model, for the other machines."""
    (tmp_path / ".dvc/tmp/relight").mkdir(parents=True)
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/train.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('here')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RELIGHT_LAUNCH_SECRET", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(rendezvous, "_SECRET_SECONDS", 1.5)
    return tmp_path


def serve(listening: socket.socket) -> None:
    lending.serve_workers(LaunchRequest(1, 2), Address(*listening.getsockname()), 1)


def test_another_machine_trains_in_the_folder_of_its_own_command(
    model_: Path, listening: socket.socket, server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELIGHT_LAUNCH_SECRET", SECRET)
    evil = model_ / "evil/stages"
    evil.mkdir(parents=True)
    (evil / "train.py").write_text(f"open({str(model_ / 'evil/ran')!r}, 'w')")
    server.answer("set", "training 1", b".".hex())
    server.answer("set", "ended", "")
    serve(listening)
    assert (model_ / "ran").read_text() == "here"
    assert server.answer("get", "gone") == b"1".hex()
    for place in ("evil", "../x", str(evil.parent), ".dvc/tmp/exps/tmp1"):
        server.answer("set", "training 1", place.encode().hex())
        with pytest.raises(InputError, match=r"the first machine trains in .* of its repository, this one would in \."):
            serve(listening)
    assert (model_ / "ran").read_text() == "here"
    assert not (evil.parent / "ran").exists()


def test_a_machine_that_does_not_know_the_secret_is_told_what_to_do(
    model_: Path, listening: socket.socket, server: StoreServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    del server
    with pytest.raises(InputError, match=r"does not know the secret of the first one: .*launch-\d+\.secret: No such"):
        serve(listening)
    monkeypatch.setenv("RELIGHT_LAUNCH_SECRET", "f" * 64)
    with pytest.raises(InputError, match=r"it has another secret; .* or set RELIGHT_LAUNCH_SECRET to"):
        serve(listening)
    assert not (model_ / "ran").exists()


@pytest.mark.usefixtures("model_")
def test_the_file_of_a_launch_that_was_killed_is_read_again(listening: socket.socket, server: StoreServer) -> None:
    file = secret_file(listening.getsockname()[1])
    file.touch(0o600)
    file.write_text("f" * 64)
    threading.Timer(0.5, file.write_text, (SECRET,)).start()
    assert rendezvous.connect_store(Address(*listening.getsockname())).add("n", 1) == 1
    assert server.answer("get", "n") == b"1".hex()


def test_a_program_that_accepts_and_says_nothing_is_no_first_machine(
    model_: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    del model_
    monkeypatch.setenv("RELIGHT_LAUNCH_SECRET", SECRET)
    monkeypatch.setenv("RELIGHT_TIMEOUT", "1")
    monkeypatch.setattr(store, "HANDSHAKE_SECONDS", 0.3)
    with pytest.raises(RunError, match=r"no answer from there \(timed out\); start the first machine, too"):
        rendezvous.connect_store(Address(*listening.getsockname()))


def test_a_folder_without_a_model_is_named_at_once(
    tmp_path: Path, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"has no stages/train\.py; start `relight launch` in the folder of"):
        serve(listening)


def test_the_key_is_of_the_secret_and_of_both_random_numbers() -> None:
    """RFC 2104 by hand: SHA-256 of the outer key and the SHA-256 of the inner key and the message."""
    one, two = socket.socketpair()
    with one, two:
        two.sendall(b"n" * 32)
        channel = SignedChannel(one, SECRET, is_server=True, until=time.monotonic() + 5)
        nonce = two.recv(32)
        channel.send(b"x")
        sent = two.recv(100)

    def hmac_sha256(key: bytes, message: bytes) -> bytes:
        key = key.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + message).digest()
        return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()

    key = hmac_sha256(SECRET.encode(), b"relight launch" + nonce + b"n" * 32)
    assert sent == (1).to_bytes(4) + hmac_sha256(key, b"s" + bytes(8) + b"x") + b"x"
