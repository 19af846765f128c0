"""Training steps as CUDA graphs against eager steps, on a GPU."""

import torch

from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.compilation import GraphedStep
from training_jobs.measuring import Job, timed
from training_jobs.network import ADAMW, network, product_rows, setting
from training_jobs.relight_fit import relight_fit


def cuda_graph(n_rows: int, batch: int = 256) -> Job | None:
    """Return the job, or None without a GPU."""
    if not torch.cuda.is_available():
        print("\nCUDA graph against eager: skipped, there is no GPU")
        return None
    rows = Rows(*_on_gpu(*product_rows(n_rows)))
    return Job(
        f"{setting(n_rows, batch)}, one GPU, one epoch",
        {"eager": lambda: train(rows, batch, False), "CUDA graph": lambda: train(rows, batch, True)},
        {},
        "",
    )


def train(rows: Rows, batch: int, is_graphed: bool) -> float:
    """Return the seconds of one epoch, capturing included."""
    batches, few = InMemoryBatches(rows, batch, seed=42), rows.pick(torch.arange(batch, device="cuda"))
    return timed(
        lambda: relight_fit(
            network().to("cuda"),
            batches,
            few,
            n_rows=len(rows.target),
            loss="mse",
            optimizer=ADAMW,
            epochs=1,
            faster=GraphedStep if is_graphed else None,
        )
    )


def _on_gpu(x: torch.Tensor, y: torch.Tensor) -> tuple[tuple[torch.Tensor], torch.Tensor]:
    return (x.to("cuda"),), y.to("cuda")
