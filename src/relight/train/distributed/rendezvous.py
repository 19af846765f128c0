"""The rendezvous of the processes of a training: a store of torch.distributed, and the group that they form.

The store takes only messages that are signed with the secret of the launch; on one machine it listens on the loopback
interface. The connections of gloo and NCCL have no password. torchrun brings a store of its own, which has none either.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch.distributed
from torch.distributed import DistError
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from relight.errors import InputError, RunError
from relight.runtime.processes import TRAINING_VARIABLE, Address, Rank, timeout_seconds
from relight.train.distributed.secret import SecretError, find_secret
from relight.train.distributed.store import HANDSHAKE_SECONDS, LaunchStore

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.05
_SECRET_SECONDS = 10  # from the first answer, until the file of the secret is seen on a network disk


def listen(address: Address) -> tuple[socket.socket, Address]:
    """Listen at an address; port 0 is any free one.

    Raises:
        InputError: if the port is in use, or the host is another machine.
    """
    try:
        listening = socket.create_server((address.host, address.port))
    except OSError as error:
        raise InputError(_bind_problem(address, error)) from error
    return listening, Address(address.host, listening.getsockname()[1])


def _bind_problem(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--rendezvous {address}: port {address.port} is in use; leave it out to get a free one, or name another"
    why = str(error.strerror).split(" (")[0]
    return f"--rendezvous {address}: cannot listen there: {why}; it names the first machine"


def connect_store(address: Address) -> LaunchStore:
    """Wait for the store at an address, and connect to it.

    Raises:
        InputError: if one of both does not know the secret of the other.
        RunError: if it does not listen within the time that a process waits for another.
    """
    until = time.monotonic() + timeout_seconds()
    secret_until = float("inf")
    while True:
        try:
            return _connect(address)
        except OSError as error:
            if time.monotonic() > until:
                why = error.strerror or error
                raise RunError(
                    f"--rendezvous {address}: no answer from there ({why}); start the first machine, too"
                ) from error
        except SecretError as error:
            secret_until = min(secret_until, until, time.monotonic() + _SECRET_SECONDS)
            if time.monotonic() >= secret_until:
                raise InputError(f"--rendezvous {address}: {error}") from error
        time.sleep(1)


def _connect(address: Address) -> LaunchStore:
    connection = socket.create_connection(address, timeout=HANDSHAKE_SECONDS)
    try:
        secret = find_secret(address.port)  # the first machine writes it before the store answers
        return LaunchStore(connection, secret, timedelta(seconds=timeout_seconds()))
    except BaseException:
        connection.close()
        raise


@contextmanager
def torch_process_group(rank: Rank, backend: str, lost: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Join the processes that the environment describes, for the block.

    Args:
        lost: says which of the others is gone already.

    Raises:
        RunError: if the others do not come.
    """
    wait = timedelta(seconds=timeout_seconds())
    # Otherwise a thread of NCCL asks the store each second, also when Python has ended.
    os.environ.setdefault("TORCH_NCCL_DUMP_ON_TIMEOUT", "0")
    try:
        client = _store(wait)  # kept until the end: torch itself holds only the part that is not Python
        store = PrefixStore(f"training {os.environ.get(TRAINING_VARIABLE)}", client)
        _wait_for_all(PrefixStore("arrived", store), rank, lost)
        torch.distributed.init_process_group(
            backend, store=store, rank=rank.rank, world_size=rank.processes, timeout=wait
        )
    except DistError as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise RunError(f"the processes cannot meet at {address}: {str(error).splitlines()[0]}") from error
    yield
    torch.distributed.destroy_process_group()


def _store(wait: timedelta) -> Store:
    """Return the store of the launch; without one that of torchrun."""
    address = Address(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    if TRAINING_VARIABLE in os.environ:
        return connect_store(address)
    store: Store = next(rendezvous("env://", timeout=wait))[0]
    return store


def _wait_for_all(store: Store, rank: Rank, lost: Callable[[], str | None]) -> None:
    """Wait in Python, because Ctrl-C does not reach the wait of torch, which is native."""
    n_come, until = store.add("number", 1), time.monotonic() + timeout_seconds()
    while n_come < rank.processes:
        if (failure := lost()) is not None:
            raise RunError(failure)
        if time.monotonic() > until:
            raise RunError(
                f"{n_come} of {rank.processes} processes came within {timeout_seconds()} s; start all of them"
            )
        time.sleep(_POLL_SECONDS)
        n_come = store.add("number", 0)
