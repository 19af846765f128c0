"""Worker processes on this machine for the train stage of the first machine."""

import sys
import time
from pathlib import Path

from torch.distributed import DistError

from relight.errors import InputError, RunError
from relight.runtime.processes import Address, LaunchRequest, Rank
from relight.train.distributed.joining import Training, rank_environment, training_key, training_place
from relight.train.distributed.rendezvous import connect_store
from relight.train.distributed.store import LaunchStore, StoreServer
from relight.train.distributed.workers import Workers

ENDED_KEY, RELEASED_KEY = "ended", "gone"
_POLL_SECONDS = 0.2
_RELEASE_SECONDS = 2


def serve_workers(request: LaunchRequest, address: Address, node_rank: int) -> None:
    """Start workers in the current folder for each training, until the command of the first machine ends.

    Args:
        node_rank: of this machine; the first one has 0.

    Raises:
        InputError: if there is no train stage here, or the first machine trains in another folder.
        RunError: if a process or the first machine is lost.
    """
    if not Path("stages/train.py").is_file():
        raise InputError(
            f"{Path.cwd()}: has no stages/train.py; start `relight launch` in the folder of the model on all machines"
        )
    store = connect_store(address)
    number = 1
    while _next_training(store, number, address):
        training = Training(address, number, store.secret)
        environments = {rank.rank: rank_environment(rank, training) for rank in _ranks(request, node_rank)}
        with Workers([sys.executable, "-m", "stages.train"], environments, Path.cwd()) as workers:
            workers.wait()
        number += 1


def release_workers(server: StoreServer, n_others: int) -> None:
    """Tell the other machines that the command has ended, and wait a moment until they know it."""
    server.answer("set", ENDED_KEY, "")
    until = time.monotonic() + _RELEASE_SECONDS
    while server.answer("add", RELEASED_KEY, 0) < n_others and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _ranks(request: LaunchRequest, node_rank: int) -> list[Rank]:
    first, all_processes = node_rank * request.processes, request.processes * request.nodes
    return [Rank(first + local, local, all_processes, request.processes) for local in range(request.processes)]


def _next_training(store: LaunchStore, number: int, address: Address) -> bool:
    """Wait for the next training; return False if the command has ended."""
    try:
        while not store.check([training_key(number)]):
            if store.check([ENDED_KEY]):
                store.add(RELEASED_KEY, 1)
                return False
            time.sleep(_POLL_SECONDS)
        first, own = store.get(training_key(number)).decode(), training_place()
    except DistError as error:
        raise RunError(f"--rendezvous {address}: the first machine is lost; its own message says why") from error
    if first != own:
        raise InputError(
            f"the first machine trains in {first} of its repository, this one would in {own}; start `relight launch` "
            "in the same folder on all machines; experiments of `--temp` and of the queue run on one machine only"
        )
    return True
