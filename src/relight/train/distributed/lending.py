"""Worker processes on this machine for the train stage of the first machine."""

import json
import sys
import time
from pathlib import Path

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from relight.errors import InputError, RunError
from relight.runtime.processes import Address, LaunchRequest, Rank
from relight.train.distributed.joining import rank_environment, training_key
from relight.train.distributed.rendezvous import connect_store
from relight.train.distributed.workers import Workers

ENDED_KEY, RELEASED_KEY = "ended", "gone"
_POLL_SECONDS = 0.2
_RELEASE_SECONDS = 2


def serve_workers(request: LaunchRequest, address: Address, node_rank: int) -> None:
    """Start workers for each training, until the command of the first machine ends.

    Args:
        node_rank: of this machine; the first one has 0.

    Raises:
        RunError: if a process or the first machine is lost.
    """
    store = connect_store(address)
    number = 1
    while (folder := _next_training(store, number, address)) is not None:
        ranks = _ranks(request, node_rank)
        environments = {rank.rank: rank_environment(rank, address, number) for rank in ranks}
        with Workers([sys.executable, "-m", "stages.train"], environments, folder) as workers:
            workers.wait()
        number += 1


def release_workers(store: Store, n_others: int) -> None:
    """Tell the other machines that the command has ended, and wait a moment until they know it."""
    store.set(ENDED_KEY, "")
    until = time.monotonic() + _RELEASE_SECONDS
    while store.add(RELEASED_KEY, 0) < n_others and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)


def _ranks(request: LaunchRequest, node_rank: int) -> list[Rank]:
    first, all_processes = node_rank * request.processes, request.processes * request.nodes
    return [Rank(first + local, local, all_processes, request.processes) for local in range(request.processes)]


def _next_training(store: Store, number: int, address: Address) -> Path | None:
    """Wait for the next training and return its folder; None if the command has ended."""
    try:
        while not store.check([training_key(number)]):
            if store.check([ENDED_KEY]):
                store.add(RELEASED_KEY, 1)
                return None
            time.sleep(_POLL_SECONDS)
        folder = Path(json.loads(store.get(training_key(number)))["folder"])
    except DistError as error:
        raise RunError(f"--rendezvous {address}: the first machine is lost; its own message says why") from error
    if not (folder / "stages/train.py").is_file():
        raise InputError(f"{folder}: is not here as it is on the first machine; let them share the folder")
    return folder
