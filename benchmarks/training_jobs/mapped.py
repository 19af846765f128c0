"""A training whose rows stay in their file, against the same rows in memory.

The file is four times as large as `train.memory_gb`. It is read in windows of 34 MB, 270,600 rows: use more rows than
that to get more than one (1,600,000 rows make six).
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch

from relight.data.tensors import Layout, StoredTensors, TensorsWriter
from relight.model.rows import Rows
from relight.model.table import build_rows, preprocess_rows
from relight.train.datasets import BYTES_PER_GB, load_dataset
from training_jobs.measuring import Job, timed
from training_jobs.network import ADAMW, network, product_rows, setting
from training_jobs.relight_fit import relight_fit

BATCH, TIMES_MEMORY = 1024, 4


def mapped(n_rows: int) -> Job:
    """Return the job: one epoch, reading included."""
    return Job(
        f"Rows in their file, {TIMES_MEMORY} times memory_gb: {setting(n_rows, BATCH)}, 1 thread, one epoch",
        {"rows in memory": lambda: in_memory(n_rows), "rows in their file": lambda: in_file(n_rows)},
        {},
        "rows in their file: at least 0.8 of rows in memory",
    )


def in_memory(n_rows: int) -> float:
    """Return the seconds; the file is read once."""
    with stored(n_rows) as store:
        return seconds(store, None)


def in_file(n_rows: int) -> float:
    """Return the seconds; the file is read window by window."""
    with stored(n_rows) as store:
        return seconds(store, store.n_rows * store.row_bytes / BYTES_PER_GB / TIMES_MEMORY)


@contextmanager
def stored(n_rows: int) -> Iterator[StoredTensors]:
    """Provide the rows in a file, as split writes them for train."""
    x, y = (values.numpy() for values in product_rows(n_rows))
    arrays = {"numeric": x, "categories": np.empty((n_rows, 0), np.int32), "target": y}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        layouts = {name: Layout(str(values.dtype), values.shape) for name, values in arrays.items()}
        with TensorsWriter(path, layouts) as file:
            file.write(0, arrays)
        yield StoredTensors(path)


def seconds(store: StoredTensors, memory_gb: float | None) -> float:
    """Return the seconds of reading and training."""
    x, y = product_rows(BATCH)
    model, few = network(), Rows((x,), y)

    def train() -> None:
        part = load_dataset(store, partial(build_rows, model, source_name=""), None, "the train rows", memory_gb)
        batches = part.batches(partial(preprocess_rows, model), torch.device("cpu"), BATCH, seed=42)
        relight_fit(model, batches, few, n_rows=store.n_rows, loss="mse", optimizer=ADAMW, epochs=1)

    return timed(train)
