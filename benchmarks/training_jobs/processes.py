"""Two processes that train one model, against one process; each computes with one thread.

The processes are started for each run, at about 5 CPU seconds each; only the second of two epochs is timed. The gain
of the second process shows only on two free cores, so there is no goal.
"""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.distributed as dist

from relight.model.devices import make_deterministic
from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.distributed.group import DistributedBatches, ProcessGroup, SingleProcess
from relight.train.distributed.process_group import DistributedGroup
from relight.train.loop import Validation, fit
from relight.train.losses.losses import mse
from relight.train.optim.optimizers import build_optimizer
from relight.train.optim.schedules import Schedule
from relight.train.state import TrainingState
from training_jobs.measuring import Job
from training_jobs.network import ADAMW, LEARNING_RATE, network, product_rows, setting


def processes(n_rows: int, batch: int) -> Job:
    """Return the job: one epoch, in which each process takes its part of the rows of every batch."""
    return Job(
        f"Two processes: {setting(n_rows, batch)}, 1 thread each, the second epoch",
        {
            "one process": lambda: in_processes(1, n_rows, batch),
            "two processes": lambda: in_processes(2, n_rows, batch),
        },
        {},
        "",
    )


def in_processes(size: int, n_rows: int, batch: int) -> float:
    """Return the seconds that the first of `size` new processes measures."""
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(size, get_context("spawn")) as pool:
        train = partial(train_rank, size, Path(folder) / "store", n_rows, batch)
        seconds, *_ = pool.map(train, range(size))
    return seconds


def train_rank(size: int, store: Path, n_rows: int, batch: int, rank: int) -> float:
    """Train in this process, together with the others."""
    make_deterministic(1)
    with group_of(size, store, rank) as group:
        return second_epoch(group, n_rows, batch)


@contextmanager
def group_of(size: int, store: Path, rank: int) -> Iterator[ProcessGroup]:
    """Provide the group of `size` processes.

    Args:
        store: a file that does not exist yet, through which they meet.
    """
    if size == 1:
        yield SingleProcess()
        return
    dist.init_process_group("gloo", init_method=store.as_uri(), rank=rank, world_size=size)
    yield DistributedGroup(torch.device("cpu"))
    dist.destroy_process_group()


class Clock:
    """Records when each epoch ends."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None:  # noqa: ARG002  # TrainingCallback
        self.marks.append(time.perf_counter())

    def at_end(self, state: TrainingState) -> None: ...


def second_epoch(group: ProcessGroup, n_rows: int, batch: int) -> float:
    """Return the seconds of the second epoch; the first one warms up."""
    x, y = product_rows(n_rows)
    rows, model, clock = Rows((x,), y), network(), Clock()
    batches = InMemoryBatches(rows, batch, seed=42)
    fit(
        TrainingState(model, build_optimizer(ADAMW, model), group=group),
        batches if group.size == 1 else DistributedBatches(batches, group.rank, group.size),
        Validation(rows.pick(torch.arange(2)), lambda _: 0.0),
        loss_fn=mse,
        schedule=Schedule(2, lambda _epoch, _step: LEARNING_RATE),
        callbacks=[clock],
    )
    first, second = clock.marks
    return second - first
