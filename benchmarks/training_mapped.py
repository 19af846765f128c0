"""Rows per second of a training whose rows stay in their file, beside the same rows in memory.

The file is four times as large as `train.memory_gb`; both train the same MLP, 3 × 256, batch 1024, one thread, for one
epoch each in turn.

    python benchmarks/training_mapped.py [ROUNDS]
"""

import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from relight.domain.losses import mse
from relight.domain.optimizers import build_optimizer
from relight.domain.part import batches_of, read_part
from relight.domain.rows import Rows
from relight.domain.training import fit
from relight.domain.training_state import TrainingState
from relight.io.ahead import ahead
from relight.io.tensors import Layout, StoredTensors, TensorsWriter
from relight.params.train import OptimizerParams

MEMORY_GB = 0.05
N_COLUMNS, AT_LEAST = 30, 0.8


class Unwatched:
    def after_step(self, _state: TrainingState) -> None: ...

    def after_epoch(self, _state: TrainingState) -> None: ...

    def at_end(self, _state: TrainingState) -> None: ...


def main(rounds: int) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        store = write_rows(Path(folder) / "rows", round(4 * MEMORY_GB * 1e9 / (4 * N_COLUMNS + 4)))
        seconds = {name: [] for name in ("memory", "file")}
        for _ in range(rounds):
            for name, memory in (("memory", None), ("file", MEMORY_GB)):
                seconds[name].append(train(store, memory))
    ratios = [memory / file for memory, file in zip(seconds["memory"], seconds["file"], strict=True)]
    print(f"{store.n_rows:,} rows, {store.n_rows * store.row_bytes / 1e9:.2f} GB, memory_gb {MEMORY_GB}")
    for name, runs in seconds.items():
        print(f"{name:8}{store.n_rows / statistics.median(runs):12,.0f} rows/s")
    print(f"file against memory: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"at least {AT_LEAST}")


def write_rows(path: Path, n_rows: int) -> StoredTensors:
    layouts = {
        "numeric": Layout("float32", (n_rows, N_COLUMNS)),
        "categories": Layout("int32", (n_rows, 0)),
        "target": Layout("float32", (n_rows, 1)),
    }
    generator = np.random.default_rng(0)
    with TensorsWriter(path, layouts) as file:
        numeric = generator.normal(size=(n_rows, N_COLUMNS)).astype(np.float32)
        file.write(0, {"numeric": numeric, "categories": np.empty((n_rows, 0), np.int32), "target": numeric[:, :1]})
    return StoredTensors(path)


def train(store: StoredTensors, memory_gb: float | None) -> float:
    """Seconds of one epoch, the reading included."""
    torch.manual_seed(0)
    widths = [N_COLUMNS, 256, 256, 256]
    layers = [part for d_in, d_out in pairwise(widths) for part in (nn.Linear(d_in, d_out), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(256, 1))
    params = OptimizerParams(name="adamw", learning_rate=1e-3, weight_decay=0.01, momentum=0.0)
    validation = Rows((torch.zeros(1, N_COLUMNS),), torch.zeros(1, 1))
    start = time.perf_counter()
    part = read_part(model, store, None, "the train rows", memory_gb)
    batches = batches_of(model, part, torch.device("cpu"), batch_size=1024, seed=0, ahead=ahead)
    fit(
        TrainingState(model, build_optimizer(params, model)),
        batches,
        validation,
        loss_fn=mse,
        score_fn=lambda _: 0.0,
        schedule=lambda _: 1e-3,
        epochs=1,
        gradient_clip=None,
        watch=Unwatched(),
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
