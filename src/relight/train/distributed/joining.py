"""The train stage becomes one of several processes, or stays the only one."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from relight.errors import InputError, RunError
from relight.runtime.files import json_text
from relight.runtime.nested import RunIdentity, differing_keys
from relight.runtime.processes import (
    SECRET_VARIABLE,
    TRAINING_VARIABLE,
    Address,
    LaunchRequest,
    Rank,
    current_rank,
    requested_processes,
    timeout_seconds,
)
from relight.runtime.workspace import repository_root
from relight.train.distributed.group import ProcessGroup, SingleProcess
from relight.train.distributed.workers import RESUME_HINT, Workers


def requested_rank() -> Rank | None:
    """Return the rank that `relight launch` or torchrun gave this process; None for a single process."""
    rank, request = current_rank(), requested_processes()
    if rank is not None or request is None:
        return rank
    return Rank(0, 0, request.processes * request.nodes, request.processes)


@contextmanager
def open_process_group(rank: Rank | None, device: torch.device, identity: RunIdentity) -> Iterator[ProcessGroup]:
    """Join the processes that train together; a single process is a group, too.

    Raises:
        InputError: if another machine has other params, data or code.
        RunError: if one of the others is lost.
    """
    if rank is None:
        yield SingleProcess()
        return
    from relight.train.distributed.process_group import DistributedGroup

    with join_process_group(rank, device.type):
        group = DistributedGroup(device)
        first = json.loads(group.broadcast_text(json_text(identity)))
        if rank.local_rank == 0 and (changed := differing_keys(first, identity)):
            raise InputError(f"this machine and the first one differ in {', '.join(changed)}; give both the same")
        yield group


@contextmanager
def join_process_group(rank: Rank, device: str) -> Iterator[None]:
    """Make the processes a group of torch.distributed for the block; the first one starts the others of its machine.

    Raises:
        RunError: if one of the others is lost.
    """
    from relight.train.distributed.rendezvous import torch_process_group

    backend = "nccl" if device == "cuda" else "gloo"
    request = requested_processes()
    if current_rank() is not None or request is None:  # torchrun, or another process, has started this one
        with _explain_lost_connections(), torch_process_group(rank, backend):
            yield
        return
    with _open_training(request) as training:
        _listen_on_loopback(request)
        os.environ.update(rank_environment(rank, training))
        ranks = [Rank(local, local, rank.processes, rank.local_processes) for local in range(1, rank.local_processes)]
        with (
            _explain_lost_connections(),
            Workers(
                [sys.executable, *sys.orig_argv[1:]],
                {other.rank: rank_environment(other, training) for other in ranks},
                Path.cwd(),
            ) as workers,
            torch_process_group(rank, backend, workers.failure),
        ):
            yield


class Training(NamedTuple):
    """A training at a store.

    Attributes:
        number: each has its own names there.
        secret: of the launch.
    """

    address: Address
    number: int
    secret: str


def rank_environment(rank: Rank, training: Training) -> dict[str, str]:
    """Return the environment of a process."""
    store = {TRAINING_VARIABLE: str(training.number), SECRET_VARIABLE: training.secret}
    return {**rank.environment(training.address.host, training.address.port), **store}


def training_key(number: int) -> str:
    """Return the key under which the store announces a training to the other machines."""
    return f"training {number}"


def training_place() -> str:
    """Return the current folder below the top of the repository; that of a temporary experiment is in .dvc/tmp."""
    return os.path.relpath(Path.cwd(), os.environ.get("DVC_ROOT", repository_root()))


@contextmanager
def _open_training(request: LaunchRequest) -> Iterator[Training]:
    """Open a store on one machine, or use that of `relight launch`, where the other machines wait."""
    from relight.train.distributed.rendezvous import LOOPBACK, connect_store, listen
    from relight.train.distributed.secret import make_secret
    from relight.train.distributed.store import StoreServer

    if request.rendezvous is None:
        listening, address = listen(Address(LOOPBACK, 0))
        secret = make_secret()
        server = StoreServer(listening, secret)
        yield Training(address, 0, secret)
        server.close()
        return
    store = connect_store(request.rendezvous)
    number = store.add("trainings", 1)
    store.set(training_key(number), training_place())
    yield Training(request.rendezvous, number, store.secret)


def _listen_on_loopback(request: LaunchRequest) -> None:
    if request.nodes == 1:
        for name in [name for _, name in socket.if_nameindex() if name in ("lo", "lo0")]:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)


@contextmanager
def _explain_lost_connections() -> Iterator[None]:
    """Replace the error of torch.distributed if another process is gone.

    Raises:
        RunError: with the next step.
    """
    try:
        yield
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        raise RunError(
            f"another process ended, or did not answer for {timeout_seconds()} s; "
            f"its own message is above or on its machine; {RESUME_HINT}"
        ) from error


def _is_lost_connection(error: RuntimeError) -> bool:
    """Return whether another process is gone; gloo raises plain RuntimeErrors that begin with a path of its code."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or "gloo/" in str(error)
