"""Relight's `tabm_small` against the example loop in the README of the tabm package, on the same model."""

import torch
from torch import Tensor, nn

from relight.model.networks.categories import Categories
from relight.model.networks.tabular import NumericEmbeddings, Tabm
from relight.model.params import ModelParams
from relight.model.rows import Rows
from relight.train.batches import InMemoryBatches
from relight.train.params import OptimizerParams
from training_jobs.measuring import Job, timed
from training_jobs.network import product_rows
from training_jobs.relight_fit import relight_fit

N_ROWS, D_IN, BATCH = 20_000, 8, 256
LEARNING_RATE, WEIGHT_DECAY = 2e-3, 3e-4
ADAMW = OptimizerParams(name="adamw", learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, momentum=0.0)


def tabm(n_rows: int) -> Job:
    """Return the job: one epoch of at most `N_ROWS` rows."""
    n_rows = min(n_rows, N_ROWS)
    x, y = product_rows(n_rows, D_IN)
    return Job(
        f"tabm_small, {n_rows:,} × {D_IN}, AdamW, batch {BATCH}, 1 thread, one epoch",
        {"the loop of TabM's authors": lambda: authors_loop(x, y), "Relight": lambda: relight(x, y)},
        {},
        "Relight: as fast as the authors' loop, or faster",
    )


def model_for(x: Tensor) -> nn.Module:
    """Return `tabm_small` with the same weights at each call."""
    from rtdl_num_embeddings import compute_bins  # slow: it imports scikit-learn

    torch.manual_seed(1)
    params = ModelParams.model_validate({"name": "tabm_small", "numeric": "standardize", "target": "none"}).tabm_small
    bins = compute_bins(x, n_bins=params.n_bins)
    return Tabm(
        NumericEmbeddings(x.shape[1], bins=bins, d_embedding=params.d_embedding),
        Categories([]),
        1,
        k=params.k,
        n_blocks=params.n_blocks,
        d_block=params.d_block,
        dropout=params.dropout,
        n_bins=params.n_bins,
    )


def no_codes(x: Tensor) -> Tensor:
    """Return the codes of rows without categories, (n_rows, 0)."""
    return torch.zeros(len(x), 0, dtype=torch.int32)


def relight(x: Tensor, y: Tensor) -> float:
    """Return the seconds of the stage's training."""
    model, rows = model_for(x), Rows((x, no_codes(x)), y)
    batches, few = InMemoryBatches(rows, BATCH, seed=42), rows.pick(torch.arange(BATCH))
    return timed(lambda: relight_fit(model, batches, few, n_rows=len(x), loss="mse", optimizer=ADAMW, epochs=1))


def authors_loop(x: Tensor, y: Tensor) -> float:
    """Return the seconds of the authors' loop: one loss over all k predictions of a row."""
    model, codes = model_for(x), no_codes(x)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def loss_of(predictions: Tensor, target: Tensor) -> Tensor:
        k = predictions.shape[1]
        return nn.functional.mse_loss(predictions.flatten(0, 1), target.repeat_interleave(k))

    def train() -> None:
        model.train()
        for picked in torch.randperm(len(x)).split(BATCH):
            loss = loss_of(model(x[picked], codes[picked]).squeeze(-1), y[picked].squeeze(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(train)
