"""Two processes against one, each with one thread: rows per second of the same training.

    python benchmarks/training_processes.py [rounds]

An MLP of 3 × 256 on 100,000 × 30 numbers, AdamW. The rounds take turns, and the ratio is the median of each round's.
The start of the processes is not in it: about 5 CPU seconds for each one.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import torch
from torch import nn

from relight.domain.batches import ResidentBatches
from relight.domain.group import Alone, Group
from relight.domain.losses import mse
from relight.domain.optimizers import build_optimizer
from relight.domain.rows import Rows
from relight.domain.shared_batches import SharedBatches
from relight.domain.training import fit
from relight.domain.training_state import TrainingState
from relight.params.train import OptimizerParams

N_ROWS, N_FEATURES, BATCH_SIZES = 100_000, 30, (1024, 8192)
ADAMW = OptimizerParams(name="adamw", learning_rate=1e-3, weight_decay=1e-2, momentum=0.0)


class Clock:
    """Times the second of two epochs: the first one warms up."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def after_step(self, state: TrainingState) -> None: ...

    def after_epoch(self, state: TrainingState) -> None:  # noqa: ARG002  # as of Watch
        self.marks.append(time.perf_counter())

    def at_end(self, state: TrainingState) -> None: ...

    def rows_per_second(self) -> float:
        return N_ROWS / (self.marks[1] - self.marks[0])


def train(group: Group, batch_size: int) -> float:
    """Rows per second."""
    torch.manual_seed(0)
    x = torch.randn(N_ROWS, N_FEATURES)
    rows = Rows((x,), x[:, :1] * 2)
    layers = [(N_FEATURES, 256), (256, 256), (256, 256)]
    model = nn.Sequential(*(part for d in layers for part in (nn.Linear(*d), nn.ReLU())), nn.Linear(256, 1))
    batches = ResidentBatches(rows, batch_size, 0)
    clock = Clock()
    fit(
        TrainingState(model, build_optimizer(ADAMW, model)),
        batches if group.size == 1 else SharedBatches(batches, group.rank, group.size),
        rows.pick(torch.arange(2)),
        loss_fn=mse,
        score_fn=lambda _: 0.0,
        schedule=lambda _: 1e-3,
        epochs=2,
        gradient_clip=None,
        watch=clock,
        group=group,
    )
    return clock.rows_per_second()


def one_of(processes: int, rank: int, store: str) -> None:
    """Trains with each batch size, and prints the rows per second."""
    torch.set_num_threads(1)
    group: Group = Alone()
    if processes > 1:
        import torch.distributed as dist

        from relight.domain.several_processes import SeveralProcesses

        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=processes)
        group = SeveralProcesses(torch.device("cpu"))
    print(*(train(group, batch_size) for batch_size in BATCH_SIZES))


def measured(processes: int) -> list[float]:
    """Rows per second with each batch size."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--processes", str(processes), f"{folder}/store"]
        running = [
            subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, text=True, env={**os.environ})
            for rank in range(processes)
        ]
        said = [process.communicate()[0] for process in running]
    return [float(word) for word in said[0].split()]


def two_processes_against_one(rounds: int) -> None:
    pairs = [(measured(1), measured(2)) for _ in range(rounds)]
    for place, batch_size in enumerate(BATCH_SIZES):
        ratios = sorted(two[place] / one[place] for one, two in pairs)
        one, two = (statistics.median(pair[which][place] for pair in pairs) for which in (0, 1))
        print(
            f"batch {batch_size:>5}: one process {one:>9,.0f} rows/s, two {two:>9,.0f} rows/s, "
            f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


if __name__ == "__main__":
    if "--processes" in sys.argv:
        one_of(int(sys.argv[2]), int(sys.argv[4]), sys.argv[3])
    else:
        two_processes_against_one(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
