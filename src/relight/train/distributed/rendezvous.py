"""The rendezvous of the processes of a training: a store of torch.distributed, and the group that they form.

The store and the connections have no password: on one machine they listen on the loopback interface only.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch.distributed
from torch.distributed import DistError, TCPStore  # type: ignore[attr-defined]  # its documented place
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from relight.errors import InputError, RunError
from relight.runtime.processes import Address, Rank, timeout_seconds

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.05


def host_store(address: Address) -> tuple[TCPStore, Address]:
    """Listen at an address; port 0 is any free one.

    Raises:
        InputError: if the port is in use, or the host is another machine.
    """
    try:
        listening = socket.create_server((address.host, address.port))
    except OSError as error:
        raise InputError(_bind_problem(address, error)) from error
    port = listening.getsockname()[1]
    wait = timedelta(seconds=timeout_seconds())
    # The store closes the socket.
    store = TCPStore(
        address.host, port, is_master=True, wait_for_workers=False, timeout=wait, master_listen_fd=listening.detach()
    )
    return store, Address(address.host, port)


def _bind_problem(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--rendezvous {address}: port {address.port} is in use; leave it out to get a free one, or name another"
    why = str(error.strerror).split(" (")[0]
    return f"--rendezvous {address}: cannot listen there: {why}; it names the first machine"


def connect_store(address: Address) -> TCPStore:
    """Wait for the store at an address, and connect to it.

    Raises:
        RunError: if it does not listen within the time that a process waits for another.
    """
    until = time.monotonic() + timeout_seconds()
    while (error := _connect_problem(address)) is not None:
        if time.monotonic() > until:
            raise RunError(f"--rendezvous {address}: no answer from there ({error}); start the first machine, too")
        time.sleep(1)
    wait = timedelta(seconds=timeout_seconds())
    return TCPStore(address.host, address.port, is_master=False, wait_for_workers=False, timeout=wait)


def _connect_problem(address: Address) -> str | None:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


@contextmanager
def torch_process_group(rank: Rank, backend: str, lost: Callable[[], str | None] = lambda: None) -> Iterator[None]:
    """Join the processes that the environment describes, for the block.

    Args:
        lost: says which of the others is gone already.

    Raises:
        RunError: if the others do not come.
    """
    wait = timedelta(seconds=timeout_seconds())
    try:
        store, *_ = next(rendezvous("env://", timeout=wait))
        _wait_for_all(PrefixStore("arrived", store), rank, lost)
        torch.distributed.init_process_group(
            backend, store=store, rank=rank.rank, world_size=rank.processes, timeout=wait
        )
    except DistError as error:
        address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        raise RunError(f"the processes cannot meet at {address}: {str(error).splitlines()[0]}") from error
    yield
    torch.distributed.destroy_process_group()


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
