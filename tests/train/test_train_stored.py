"""train.memory_gb: rows stay in their files, and nothing else changes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relight.data.tensors import Layout, TensorsWriter
from relight.errors import InputError
from relight.train import batches, datasets
from tests.closure import REPOSITORY
from tests.feature_tables import small_table
from tests.train.test_train import Trained

BYTES = ("model.pth", "model.json", "curves.csv")


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 64 rows, and a GB of one byte: each table here is larger than the memory."""
    monkeypatch.setattr(batches, "WINDOW_BYTES", 1)
    monkeypatch.setattr(datasets, "BYTES_PER_GB", 1)


@pytest.mark.parametrize("numeric", ["none", "standardize", "quantile_normal"])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass", "distribution"])
def test_rows_in_a_file_give_the_bytes_of_rows_in_memory(tmp_path: Path, task: str, numeric: str) -> None:
    table = small_table(task, n_train=300, weighted=task == "multiclass")
    params: dict[str, Any] = {"calibration": "auto", "optimizer": {**OPTIMIZER, "learning_rate": 0.01}}
    if task == "binary":
        params["class_weights"] = "balanced"
    model = {"numeric": numeric}
    for name, memory in (("memory", None), ("file", 0.25)):
        Trained(tmp_path / name, table, model, {**params, "memory_gb": memory})
    for name in BYTES:
        assert (tmp_path / "memory" / name).read_bytes() == (tmp_path / "file" / name).read_bytes(), name


def test_a_full_batch_of_rows_in_a_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"train\.batch_size: full needs all train rows in memory.*use auto or a number"
    ):
        Trained(tmp_path / "a", small_table(), {}, {"batch_size": "full", "memory_gb": 0.25})


OPTIMIZER = {"name": "adamw", "learning_rate": 0.02, "weight_decay": 0.01, "momentum": 0.0}

PROGRAM = """
import json, resource, sys
from functools import partial
from pathlib import Path
import torch
from relight.data.tensors import StoredTensors
from relight.model.networks.mlp import Linear
from relight.model.table import build_rows, preprocess_rows
from relight.train.datasets import load_dataset
model = Linear(30, 1)
store = StoredTensors(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
part = load_dataset(store, partial(build_rows, model, source_name=""), None, "the train rows", 0.25)
total = 0.0
for rows, *_ in part.batches(partial(preprocess_rows, model), torch.device("cpu"), 1024, seed=0).epoch_batches(0):
    total += rows.inputs[0][:, 0].double().sum().item()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([total, (after - before) / 1024]), file=sys.stdout)

"""


def test_the_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """2 and 4 million rows, 0.25 and 0.5 GB: a pass takes the same memory, less than the 0.25 GB of the param."""
    peaks = []
    for millions in (2, 4):
        n_rows = millions * 1_000_000
        layouts = {
            "numeric": Layout("float32", (n_rows, 30)),
            "categories": Layout("int32", (n_rows, 0)),
            "target": Layout("float32", (n_rows, 1)),
        }
        with TensorsWriter(tmp_path / "rows", layouts) as file:
            for start in range(0, n_rows, 500_000):
                numbers = np.zeros((500_000, 30), dtype=np.float32)
                numbers[:, 0] = 1
                target = np.zeros((500_000, 1), dtype=np.float32)
                file.write(
                    start, {"numeric": numbers, "categories": np.empty((500_000, 0), np.int32), "target": target}
                )
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, tmp_path / "rows"], capture_output=True, text=True, cwd=REPOSITORY,
            env={"PYTHONPATH": "src", "OMP_NUM_THREADS": "1"}, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        total, peak = json.loads(done.stdout)
        assert total == n_rows  # each row was seen once
        peaks.append(peak)
    assert max(peaks) < 250  # MB
    assert peaks[1] - peaks[0] < 50  # the targets are held, 4 bytes a row
