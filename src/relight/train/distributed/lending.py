"""Processes of another machine for the train stage of the first one."""

import json
import sys
import time
from pathlib import Path

from torch.distributed import DistError
from torch.distributed.distributed_c10d import Store

from relight.errors import InputError, RunError
from relight.runtime.processes import Address, Asked, Rank
from relight.train.distributed.joining import environment_of, name_of_training
from relight.train.distributed.rendezvous import visit_store
from relight.train.distributed.workers import Workers

ENDED, GONE = "ended", "gone"

_SECONDS_BETWEEN_LOOKS = 0.2

_SECONDS_TO_GO = 2


def lend_processes(asked: Asked, address: Address, place: int) -> None:
    """To each training, until the command of the first machine ends.

    Args:
        place: of this machine among the others, from 1.

    Raises:
        RunError: when a process or the first machine is lost.
    """
    store = visit_store(address)
    number = 1
    while (folder := _next_training(store, number, address)) is not None:
        ranks = _ranks(asked, place)
        environments = {rank.rank: environment_of(rank, address, number) for rank in ranks}
        with Workers([sys.executable, "-m", "stages.train"], environments, folder) as workers:
            workers.wait()
        number += 1


def call_off(store: Store, n_others: int) -> None:
    """The command has ended: the other machines may go, and are given time to hear it."""
    store.set(ENDED, "")
    until = time.monotonic() + _SECONDS_TO_GO
    while store.add(GONE, 0) < n_others and time.monotonic() < until:
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _ranks(asked: Asked, place: int) -> list[Rank]:
    first, all_processes = place * asked.processes, asked.processes * asked.nodes
    return [Rank(first + local, local, all_processes, asked.processes) for local in range(asked.processes)]


def _next_training(store: Store, number: int, address: Address) -> Path | None:
    """Its folder, once it begins; None when the command has ended."""
    try:
        while not store.check([name_of_training(number)]):
            if store.check([ENDED]):
                store.add(GONE, 1)
                return None
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        folder = Path(json.loads(store.get(name_of_training(number)))["folder"])
    except DistError as error:
        raise RunError(f"--rendezvous {address}: the first machine is lost; its own message says why") from error
    if not (folder / "stages/train.py").is_file():
        raise InputError(f"{folder}: is not here as it is on the first machine; let them share the folder")
    return folder
