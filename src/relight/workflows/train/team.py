"""The processes that train together: one, as a rule."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import torch

from relight.domain.compatibility import assert_can_record, assert_can_share
from relight.domain.devices import device_of_process
from relight.domain.features import Features
from relight.domain.group import Alone, Group
from relight.domain.settling import Settled
from relight.errors import InputError
from relight.io.artifacts import json_text
from relight.io.joining import joined
from relight.io.resume import About, Checkpoints, differences
from relight.io.runner.rank import Rank
from relight.params.train import TrainParams


class Team(NamedTuple):
    """The processes that train together, as this one sees them.

    Attributes:
        device: of this process.
        checkpoints: of the first process; None in the others.
    """

    device: torch.device
    group: Group
    checkpoints: Checkpoints | None


def device_of(
    device: torch.device, params: TrainParams, settled: Settled, known: Features, rank: Rank | None
) -> torch.device:
    """That of this process.

    Raises:
        InputError: when this training cannot be shared or recorded as asked.
    """
    if params.cuda_graph:
        assert_can_record(device.type, 1 if rank is None else rank.processes)
    if rank is None:
        return device
    assert_can_share(settled.model, known.task)
    return device_of_process(device, rank.local_rank, rank.local_processes)


def checkpoints_of(kept: Path, about: About, rank: Rank | None) -> AbstractContextManager[Checkpoints | None]:
    """The first process keeps them."""
    return Checkpoints(kept, about) if rank is None or rank.rank == 0 else nullcontext()


@contextmanager
def group_of(rank: Rank | None, device: torch.device, about: About) -> Iterator[Group]:
    """The processes that train together.

    Raises:
        InputError: when another machine has other params, data or code.
    """
    if rank is None:
        yield Alone()
        return
    from relight.domain.several_processes import SeveralProcesses

    with joined(rank, device.type):
        group = SeveralProcesses(device)
        first = json.loads(group.share_text(json_text(about)))
        if rank.local_rank == 0 and (changed := differences(first, about)):
            raise InputError(f"this machine and the first one differ in {', '.join(changed)}; give both the same")
        yield group
